package config

import (
	"fmt"
	"slices"
)

// unserved are the keys that the file may hold and this version does not act upon yet. A row goes when its key is served.
// What protects may never be among them: a guard that is read and not kept is worse than none.
var unserved = []struct {
	path string
	set  func(*Config) bool
}{
	{"providers.*.timeouts.total", func(c *Config) bool {
		return anyProvider(func(p Provider) bool { return c.written("providers." + p.Name + ".timeouts.total") })(c)
	}},
	{"models[].timeouts.total", func(c *Config) bool { return c.anyModelWrites("timeouts.total") }},
	{tracesVariable, func(c *Config) bool { return c.traces }},
}

// tracesVariable asks for traces, by OpenTelemetry's own name.
const tracesVariable = "OTEL_EXPORTER_OTLP_ENDPOINT"

// Unserved lists the keys that are set and not acted upon yet, to be named by check and by one warning at start.
func (c *Config) Unserved() (paths []string) {
	for _, key := range unserved {
		if key.set(c) {
			paths = append(paths, key.path)
		}
	}
	return paths
}

// written says whether somebody wrote this key, be it with its default.
func (c *Config) written(path string) bool {
	_, ok := c.marks[path]
	return ok
}

// anyModelWrites says whether somebody wrote this key of any model.
func (c *Config) anyModelWrites(key string) bool {
	for i := range c.Models {
		if c.written(fmt.Sprintf("models[%d].%s", i, key)) {
			return true
		}
	}
	return false
}

func anyProvider(is func(Provider) bool) func(*Config) bool {
	return func(c *Config) bool { return slices.ContainsFunc(c.Providers, is) }
}
