package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"freefall/internal/config"
	"freefall/internal/roster"
	"freefall/internal/upstream"
)

func modelsCommand() *cobra.Command {
	var options config.Options
	var write, asJSON bool
	cmd := &cobra.Command{
		Use:   "models",
		Short: "What the providers list now, and how that differs from the config",
		Long: `Asks each provider that can be called for its list of models and prints which free
ones are not in models.yaml, and which of those that are there are gone or cost
something. No model is called. A running freefall takes in the free ones by
itself, behind the others; --write makes them part of models.yaml, where you
choose their order. Ends with 1 when a list could not be read.`,
		Example: `  freefall models
  freefall models --write
  freefall models --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			options.Local = atHome
			c, err := load(options)
			if err != nil {
				return err
			}
			if write && c.File == "" {
				return exitError{2, errors.New("there is no models.yaml to write to: put one here, or name it with --config")}
			}
			ctx, stop := signals()
			defer stop()
			transport := upstream.New(upstream.Config{UserAgent: "freefall/" + versionText()})
			defer transport.Close()
			listings := askLists(ctx, transport, c)
			if write {
				err = writeListed(cmd.ErrOrStderr(), c, listings)
			}
			if asJSON {
				err = errors.Join(err, printJSON(cmd.OutOrStdout(), listings))
			} else {
				r := &report{out: cmd.OutOrStdout()}
				r.listings(listings, write)
				err = errors.Join(err, r.err)
			}
			if err == nil {
				err = unread(listings)
			}
			return err
		},
	}
	configFlags(cmd, &options)
	cmd.Flags().BoolVar(&write, "write", false, "add the free models to models.yaml; all else in it stays as it is")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// listing is what came of asking one provider.
type listing struct {
	Provider string         `json:"provider"`
	NotAsked string         `json:"not_asked,omitempty"` // why
	Error    string         `json:"error,omitempty"`
	Listed   int            `json:"listed"`
	New      []listedModel  `json:"new"` // free, and not in the config
	Gone     []string       `json:"gone"`
	Priced   []string       `json:"priced"`
	entries  []config.Model // New, as the config has them
}

// listedModel is a model that the config does not have.
type listedModel struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	Tools      *bool  `json:"supports_tools"`
	Vision     *bool  `json:"supports_vision"`
	JSONSchema *bool  `json:"supports_json_schema"`
	Context    int64  `json:"context_length"`
	Expires    string `json:"expires,omitempty"`

	words string // the same for people
}

// askLists asks all at once.
func askLists(ctx context.Context, t *upstream.Transport, c *config.Config) []listing {
	b := build(c)
	asked := fetched{}
	out := make([]listing, len(c.Providers))
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range c.Providers {
		p, to := b.providers[c.Providers[i].Name], &out[i]
		*to = listing{Provider: p.config.Name, New: []listedModel{}, Gone: []string{}, Priced: []string{}}
		s, ok := p.source()
		if !ok {
			to.NotAsked = p.notAsked()
			continue
		}
		all.Go(func() {
			list, err := s.Fetch(ctx, t, 0)
			if err != nil {
				to.Error = err.Error()
				return
			}
			mu.Lock()
			defer mu.Unlock()
			asked[s.Provider] = list
		})
	}
	all.Wait()
	b.take(c, asked, time.Now())
	for i := range out {
		if p := b.providers[out[i].Provider]; p.list != nil {
			out[i].differ(c, &b, p)
		}
	}
	return out
}

// fetched are the lists that came.
type fetched map[string]*roster.List

func (f fetched) Of(s *roster.Source) *roster.List { return f[s.Provider] }

// notAsked says why a provider's list is not asked.
func (p *provider) notAsked() string {
	switch {
	case p.config.Off != "":
		return cmp.Or(p.config.Why, p.config.Off)
	case p.config.Discover.Off:
		return "discover: off"
	}
	_, why := roster.Prove(p.claim("x"))
	return cmp.Or(why, "its list proves nothing")
}

// differ is how a list differs from the config.
func (l *listing) differ(c *config.Config, b *built, p *provider) {
	l.Listed = len(p.list.Models)
	for _, j := range p.candidates(c) {
		m := completed(p.listed(&j.Listed), &j.Listed)
		l.entries = append(l.entries, *m)
		l.New = append(l.New, listedModel{m.ID, m.Name, m.SupportsTools, m.SupportsVision, m.SupportsJSONSchema, m.ContextLength, j.Expires, serves(p.row(m))})
	}
	for i := range c.Models {
		switch row := &b.pool.Models[i]; {
		case row.Provider != p.config.Name:
		case row.Off == "gone":
			l.Gone = append(l.Gone, row.ID)
		case row.Off == "not_free":
			l.Priced = append(l.Priced, row.ID)
		}
	}
}

// unread is the error of a command that could not do its work.
func unread(listings []listing) error {
	asked := 0
	var failed []error
	for _, l := range listings {
		if l.NotAsked == "" {
			asked++
		}
		if l.Error != "" {
			failed = append(failed, fmt.Errorf("the list of %s could not be read: %s", l.Provider, l.Error))
		}
	}
	switch {
	case asked == 0:
		return exitError{1, errors.New("no provider could be asked for its list")}
	case failed != nil:
		return exitError{1, errors.Join(failed...)}
	}
	return nil
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// listings prints what the lists say for people.
func (r *report) listings(listings []listing, written bool) {
	news := 0
	for i, l := range listings {
		if i > 0 {
			r.printf("\n")
		}
		switch {
		case l.NotAsked != "":
			r.printf("%s\n", strings.TrimLeft(wrap(l.Provider+" was not asked: "+printable(l.NotAsked), 4), " "))
			continue
		case l.Error != "":
			r.printf("%s: its list could not be read\n", l.Provider)
			continue
		}
		r.printf("%s lists %s\n", l.Provider, count(l.Listed, "model"))
		var lines [][]string
		for _, m := range l.New {
			until := ""
			if m.Expires != "" {
				until = "until " + m.Expires
			}
			lines = append(lines, []string{m.ID, m.words, until})
		}
		news += len(lines)
		r.table("Free, and not in the config", lines)
		r.list("In the config, and gone", l.Gone)
		r.list("In the config, and not free", l.Priced)
		if len(lines)+len(l.Gone)+len(l.Priced) == 0 {
			r.printf("  nothing differs from the config\n")
		}
	}
	if news > 0 && !written {
		r.printf("\n`freefall models --write` adds %s to models.yaml\n", count(news, "model"))
	}
}

// writeListed adds the free models to the file, as a whole or not at all.
func writeListed(told io.Writer, c *config.Config, listings []listing) error {
	var add []config.Model
	for _, l := range listings {
		add = append(add, l.entries...)
	}
	if len(add) == 0 {
		fmt.Fprintf(told, "%s stays as it is: there is nothing to add\n", c.File)
		return nil
	}
	path, err := filepath.EvalSymlinks(c.File)
	if err != nil {
		return exitError{1, err}
	}
	before, err := os.ReadFile(path)
	if err != nil {
		return exitError{1, err}
	}
	after, err := config.AddModels(before, add)
	if err != nil {
		return exitError{2, fmt.Errorf("%s: %w", c.File, err)}
	}
	if err := replace(path, after); err != nil {
		return exitError{1, fmt.Errorf("%s was not written: %w", c.File, err)}
	}
	fmt.Fprintf(told, "%s: added %s at the end of the list\n", c.File, count(len(add), "model"))
	return nil
}

// replace puts new content in the place of a file at once: a reader sees the old or the new.
func replace(path string, content []byte) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // after the rename there is none
	_, err = f.Write(content)
	err = errors.Join(err, f.Chmod(info.Mode().Perm()), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
