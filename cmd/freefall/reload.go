package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"freefall/internal/config"
)

// source is where a config comes from, followed while freefall runs.
type source struct {
	options config.Options
	watch   *config.Watch
	hangup  chan os.Signal
}

// follow begins before the config is first read: from here on a SIGHUP does not end the process, and no change is missed.
func follow(o config.Options) *source {
	o.Env = os.Environ()
	s := &source{options: o, hangup: make(chan os.Signal, 1)}
	signal.Notify(s.hangup, syscall.SIGHUP)
	s.watch = o.Watch()
	return s
}

// follow keeps the server at what the files say, until the context ends.
func (s *server) follow(ctx context.Context, from *source) {
	tick := time.NewTicker(config.LookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-from.hangup:
			from.watch.Take()
		case <-tick.C:
			if !from.watch.Changed() {
				continue
			}
		}
		s.reload(from.options)
	}
}

// reload takes the files as they are now, whole or not at all.
func (s *server) reload(o config.Options) {
	old := s.config.Load()
	next, err := load(o)
	if err == nil && old.File != "" && next.File == "" {
		err = fmt.Errorf("%s is gone: put it back, or start freefall again to use the %s", old.File, config.BuiltIn)
	}
	if err != nil {
		s.log.Error().Msg("Configuration not taken, the one before stays in use: " + strings.ReplaceAll(err.Error(), "\n", "; "))
		s.proxy.Refused(err.Error())
		return
	}
	s.use(next)
	leveled := next.Log.Level != old.Log.Level
	if leveled && zerolog.GlobalLevel() > zerolog.InfoLevel { // this line is seen, whichever of the two levels shows it
		_ = setLogLevel(next.Log.Level)
	}
	s.log.Info().Int("models", len(next.Models)).Msg("Configuration reloaded: " + strings.Join(changes(old, next), "; "))
	if leveled {
		_ = setLogLevel(next.Log.Level) // the config knows no level that this does not
	}
	if fixed := fixedChanges(s.started, next); len(fixed) > 0 {
		s.log.Warn().Msg("Changed, but in effect after the next start only: " + strings.Join(fixed, ", "))
	}
	warn(s.log, next)
}

// use takes a config into use.
func (s *server) use(c *config.Config) {
	s.rows.Lock()
	defer s.rows.Unlock()
	b := build(c)
	b.take(c, s.lists, time.Now())
	s.built = &b
	s.pool.Reconfigure(b.pool)
	s.proxy.Reconfigure(b.settings)
	s.meters.Set(b.metered(c))
	s.lists.Set(b.sources(c))
	s.config.Store(c)
}

// changes says how the models of two configs differ, for the log.
func changes(old, next *config.Config) []string {
	before, after := names(old), names(next)
	var out []string
	list := func(word string, names []string) {
		if len(names) > 0 {
			out = append(out, word+" "+few(names))
		}
	}
	list("added", without(after, before))
	list("removed", without(before, after))
	stayed := func(names, others []string) []string { return without(names, without(names, others)) }
	if !slices.Equal(stayed(before, after), stayed(after, before)) {
		list("the order is now", after)
	}
	if len(out) == 0 {
		out = append(out, "the models and their order are the same")
	}
	return out
}

func names(c *config.Config) (out []string) {
	for i := range c.Models {
		out = append(out, c.Models[i].Provider+"/"+c.Models[i].ID)
	}
	return out
}

func without(names, others []string) (out []string) {
	for _, name := range names {
		if !slices.Contains(others, name) {
			out = append(out, name)
		}
	}
	return out
}

// few bounds a log line.
func few(names []string) string {
	const most = 20
	if more := len(names) - most; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), more)
	}
	return strings.Join(names, ", ")
}

// fixedChanges are the keys that differ and are read at the start only; log.level is not.
func fixedChanges(started, next *config.Config) (keys []string) {
	for _, key := range []struct {
		name string
		same bool
	}{
		{"listen", started.Listen == next.Listen},
		{"data_dir", started.DataDir == next.DataDir},
		{"redis", started.Redis.Equal(next.Redis)},
		{"log", started.Log.Format == next.Log.Format && started.Log.File == next.Log.File},
	} {
		if !key.same {
			keys = append(keys, key.name)
		}
	}
	return keys
}
