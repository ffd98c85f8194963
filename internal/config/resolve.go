package config

import (
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// resolver checks what was decoded and fills in what follows from it.
type resolver struct {
	*decoder
	c       *Config
	options Options
}

func (r *resolver) resolve() {
	r.unsetVariables()
	r.access()
	r.bounds()
	r.paths()
	r.providers()
	r.models()
	r.paid()
	r.chains()
	r.misspeltNames()
	endpoint, _ := r.env.lookup(tracesVariable)
	r.c.traces = endpoint != ""
}

// wrong notes a mistake at the place where a path was written, or at its nearest written parent.
func (r *resolver) wrong(path, format string, args ...any) {
	r.mistake(r.markOf(path), format, args...)
}

func (r *resolver) markOf(path string) mark {
	for path != "" {
		if m, ok := r.marks[path]; ok {
			return m
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	return mark{source: r.source}
}

func (r *resolver) warn(format string, args ...any) {
	r.c.Warnings = append(r.c.Warnings, fmt.Sprintf(format, args...))
}

// unsetVariables tells of variables that the file asks for and nobody sets. Where they protect something it is a mistake:
// a proxy that is open because of a typing error in a variable's name would be the worst of all defaults.
func (r *resolver) unsetVariables() {
	for path, names := range r.unset {
		if isKeyPath(path) {
			continue // no_key says it
		}
		list := strings.Join(names, ", ")
		switch {
		case protects(path):
			r.wrong(path, "%s is not set, and nobody would be kept out: set it, or write ${%s:-} if that is meant", list, names[0])
		case strings.HasSuffix(path, ".base_url"):
			r.wrong(path, "%s is not set: set it, or write the URL out", list)
		default:
			r.warn("%s: %s is not set and counts as empty", r.markOf(path), list)
		}
	}
	slices.Sort(r.c.Warnings)
}

// isKeyPath says whether a path is one of a provider's keys: providers.NAME.keys...
func isKeyPath(path string) bool {
	parts := strings.SplitN(path, ".", 3)
	return len(parts) == 3 && parts[0] == "providers" && strings.HasPrefix(parts[2], "keys")
}

// protects says whether a value at this path keeps somebody out.
func protects(path string) bool {
	root, _, _ := strings.Cut(strings.ReplaceAll(path, "[", "."), ".")
	return root == "client_keys" || root == "clients" || root == "admin_key"
}

// access checks who may call, and from where.
func (r *resolver) access() {
	c := r.c
	r.listenAddress()
	for i, key := range c.ClientKeys {
		path := fmt.Sprintf("client_keys[%d]", i)
		c.Clients = append(c.Clients, Client{Name: fmt.Sprintf("client-%d", i+1), Key: key})
		r.marks[fmt.Sprintf("clients[%d]", len(c.Clients)-1)] = r.markOf(path)
	}
	for i, client := range c.Clients {
		r.client(fmt.Sprintf("clients[%d]", i), client, c.Clients[:i])
	}
	if reason := badKey(c.AdminKey); !c.AdminKey.IsZero() && reason != "" {
		r.wrong("admin_key", "admin_key %s", reason)
	}
	for i, origin := range c.AllowedOrigins {
		r.origin(fmt.Sprintf("allowed_origins[%d]", i), &c.AllowedOrigins[i], origin)
	}
	for i, host := range c.AllowedHosts {
		c.AllowedHosts[i] = strings.ToLower(host)
		if !isHostName(host) {
			path := fmt.Sprintf("allowed_hosts[%d]", i)
			r.wrong(path, "allowed_hosts wants a name such as llm.example.org, without scheme and port, not %s", r.markOf(path).show(host))
		}
	}
}

func (r *resolver) listenAddress() {
	host, port, err := net.SplitHostPort(r.c.Listen)
	n, perr := strconv.Atoi(port)
	if err != nil || perr != nil || n < 0 || n > 65535 || strings.ContainsAny(host, " /@") {
		r.wrong("listen", "listen wants HOST:PORT such as 127.0.0.1:8000, not %s", r.markOf("listen").show(r.c.Listen))
	}
}

func (r *resolver) client(path string, client Client, before []Client) {
	if !isName(client.Name) {
		r.wrong(path+".name", "a client wants a name of letters, digits, - and _ (at most 64)")
	}
	if reason := badKey(client.Key); reason != "" {
		r.wrong(path+".key", "the key of %s %s", client.Name, reason)
		return
	}
	if client.Key.Equal(r.c.AdminKey) {
		r.wrong(path+".key", "the key of %s is the admin key: give each its own", client.Name)
	}
	for _, other := range before {
		if client.Name == other.Name {
			r.wrong(path+".name", "client %s stands here a second time", client.Name)
		}
		if client.Key.Equal(other.Key) {
			r.wrong(path+".key", "%s and %s have the same key: give each its own", other.Name, client.Name)
		}
	}
}

// badKey says what is wrong with a key, or nothing. A key travels in a header, so it is one printable word.
func badKey(key Secret) string {
	switch value := key.Reveal(); {
	case value == "":
		return "is empty: write one or remove the line"
	case len(value) > 4096:
		return "is longer than 4096 characters"
	case strings.ContainsFunc(value, func(c rune) bool { return c <= ' ' || c > '~' }):
		return "has a blank, a line break or a letter outside ASCII within: copy it again"
	case len(value) > 1 && strings.ContainsRune(`"'`, rune(value[0])) && value[0] == value[len(value)-1]:
		return "stands in quotes that belong to it: remove them (docker's --env-file passes them on)"
	}
	return ""
}

func (r *resolver) origin(path string, to *string, origin string) {
	u, err := url.Parse(origin)
	if origin == "*" {
		return
	}
	if err != nil || u.Scheme == "" || u.Host == "" || u.User != nil || strings.TrimRight(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		r.wrong(path, `allowed_origins wants scheme://host[:port] such as https://chat.example.org, or "*"`)
		return
	}
	*to = strings.ToLower(u.Scheme + "://" + u.Host)
}

func isHostName(host string) bool {
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || !isName(label) {
			return false
		}
	}
	return len(host) <= 253
}

// bounds checks numbers against each other.
func (r *resolver) bounds() {
	c := r.c
	if !c.FreeOnly {
		r.wrong("free_only", "free_only cannot be switched off as a whole: name each model that may cost money, as in allow_paid: [{id: vendor/model, usd_per_day: 1}]")
	}
	if c.MaxBody < 1<<10 || c.MaxBody > 1<<30 {
		r.wrong("max_body", "max_body wants 1KiB to 1GiB")
	}
	if c.Routing.HedgeShare > 1 {
		r.wrong("routing.hedge_share", "hedge_share is a share: it wants 0 to 1")
	}
	if c.Breaker.Failures < 1 || c.Breaker.Failures > 100 {
		r.wrong("breaker.failures", "failures wants 1 to 100")
	}
	if c.Breaker.MaxCooldown < c.Breaker.Cooldown {
		r.wrong("breaker.max_cooldown", "max_cooldown (%v) is below cooldown (%v): raise it", c.Breaker.MaxCooldown, c.Breaker.Cooldown)
	}
	if !c.Redis.IsZero() {
		if trouble := redisTrouble(c.Redis.Reveal()); trouble != "" {
			r.wrong("redis", "%s", trouble)
		}
	}
}

// paths makes what the file says relative to the file. A path from a variable is relative to where the program was started.
func (r *resolver) paths() {
	dir := r.options.Dir
	if r.c.File != "" {
		dir = filepath.Dir(r.c.File)
	}
	beside := func(path, value string) string {
		if value == "" || filepath.IsAbs(value) || r.marks[path].source == "LOG_FILE" {
			return value
		}
		return filepath.Join(dir, value)
	}
	r.c.DataDir = beside("data_dir", r.c.DataDir)
	r.c.Log.File = beside("log.file", r.c.Log.File)
}

// misspeltNames finds variables that are nearly one of ours.
func (r *resolver) misspeltNames() {
	names := []string{"FREEFALL_CONFIG", "FREEFALL_FREE_PLAN"}
	for _, own := range ownNames {
		names = append(names, own.variable)
	}
	for _, layer := range r.env.layers {
		for name := range layer.values {
			if strings.HasPrefix(name, "FREEFALL_") && !slices.Contains(names, name) && nearest(name, names) != "" {
				r.warn("%s is no variable of freefall%s", name, didYouMean(name, names))
			}
		}
	}
}
