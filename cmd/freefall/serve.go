package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"freefall/fallback"
	"freefall/internal/config"
	"freefall/internal/roster"
	"freefall/internal/shared"
	"freefall/internal/store"
	"freefall/internal/upstream"
	"freefall/proxy"
)

func serveCommand() *cobra.Command {
	var options config.Options
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the proxy (also what freefall does without a command)",
		Example: `  freefall serve --config models.yaml --listen 0.0.0.0:8000
  curl localhost:8000/api/chat/models`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			options.Local = atHome
			from := follow(options)
			c, err := load(options)
			if err != nil {
				return err
			}
			ctx, stop := signals()
			defer stop()
			return serve(ctx, c, from)
		},
	}
	configFlags(cmd, &options)
	cmd.Flags().StringVar(&options.Listen, "listen", "", "address to serve on (default 127.0.0.1:8000)")
	return cmd
}

func configFlags(cmd *cobra.Command, o *config.Options) {
	cmd.Flags().StringVar(&o.Path, "config", "", "path of models.yaml (default: models.yaml here, else the built-in one)")
}

// signals ends the context at the first SIGINT or SIGTERM; a second one ends the process at once.
func signals() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	got := make(chan os.Signal, 2)
	signal.Notify(got, os.Interrupt, syscall.SIGTERM)
	go func() {
		for first := true; ; first = false {
			select {
			case <-got:
			case <-over:
				return
			}
			if !first {
				fmt.Fprintln(os.Stderr, "freefall: a second signal: ended at once")
				os.Exit(1) // whatever is under way; main may be waiting for it
			}
			cancel()
		}
	}()
	return ctx, func() {
		signal.Stop(got)
		cancel()
		close(over)
	}
}

// serve runs the proxy that a config describes, and follows its source, until the context ends.
func serve(ctx context.Context, c *config.Config, from *source) error {
	boundMemory()
	seldomCollect()
	log, closeLog := openLog(c)
	defer closeLog()
	warn(log, c)
	ln, url, err := listenFor(c.Listen, "--listen")
	if err != nil {
		return err
	}
	s, err := newServer(c, log)
	if err != nil {
		ln.Close()
		return exitError{2, err}
	}
	log.Info().Str("listen", ln.Addr().String()).Int("models", len(c.Models)).Str("version", versionText()).
		Msg("freefall serves " + url + "/v1")
	log.Info().Msg("Budget: " + s.budget)
	following, done := context.WithCancel(ctx)
	var follower sync.WaitGroup
	follower.Go(func() { s.follow(following, from) })
	follower.Go(func() { giveBack(following) })
	defer follower.Wait()
	defer done()
	return s.run(ctx, ln)
}

// warn says at the start what an operator would otherwise find out too late.
func warn(log zerolog.Logger, c *config.Config) {
	for _, warning := range c.Warnings {
		log.Warn().Msg(warning)
	}
	if keys := c.Unserved(); len(keys) > 0 {
		log.Warn().Msg("set, but not served by this version and without effect: " + strings.Join(keys, ", "))
	}
	b := build(c)
	for _, p := range b.unproven(c) {
		_, why := roster.Prove(p.claim(""))
		log.Warn().Str("provider", p.config.Name).Msg(p.config.Name + " is not asked: " + why)
	}
	if advice := b.settings.NoKey; advice != "" && b.idle(c) {
		log.Warn().Msg("no provider has a usable key, requests get 503: " + advice)
	}
}

// listenFor listens where a flag says, or what stands in for it; a busy port is an error that names the way out. It gives the URL,
// too.
func listenFor(addr, flag string) (net.Listener, string, error) {
	ln, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, "", exitError{1, fmt.Errorf("%s is in use by another program; choose another address with %s", addr, flag)}
	}
	if err != nil {
		return nil, "", exitError{1, fmt.Errorf("cannot listen on %s: %w; choose another address with %s", addr, err, flag)}
	}
	url, err := urlOf(ln.Addr().String())
	return ln, url, err
}

// server is the running program: the parts that a config is turned into.
type server struct {
	log       zerolog.Logger
	pool      *fallback.Pool
	transport *upstream.Transport
	proxy     *proxy.Proxy
	meters    *roster.Meters
	store     *store.Store
	shared    *shared.Store // nil = this is the only replica
	lists     *roster.Lists
	quirks    proxy.Quirks
	changes   proxy.Changes
	changed   func(roster.Change) // told of each change that a list makes; may be nil

	rows  sync.Mutex // guards built
	built *built     // what the config and the lists have been made into

	budget  string // of the day, at the start
	started *config.Config
	config  atomic.Pointer[config.Config] // the one in use
}

func newServer(c *config.Config, log zerolog.Logger) (*server, error) {
	return newServerOver(c, log, upstream.New(upstream.Config{UserAgent: "freefall/" + versionText()}))
}

func newServerOver(c *config.Config, log zerolog.Logger, transport *upstream.Transport) (*server, error) {
	b := build(c)
	s := &server{log: log, pool: fallback.New(b.pool), started: c, transport: transport}
	s.config.Store(c)
	s.lists = roster.NewLists(s.transport, s.relist, log)
	s.store = store.Open(store.Config{Dir: c.DataDir, Log: log, Restore: s.restore, Save: s.save})
	b.take(c, s.lists, time.Now())
	s.pool.Reconfigure(b.pool)
	s.lists.Set(b.sources(c))
	s.budget = newBudget(c, b.pool.Models).text(time.Now())
	s.meters = roster.NewMeters(s.transport, s.pool.Observe, log)
	s.meters.Set(b.metered(c))
	front := proxy.Config{Pool: s.pool, Transport: s.transport, Settings: b.settings, Log: log, Version: versionText(),
		History: history{s.store}, Quirks: &s.quirks, Changes: &s.changes, Doubt: s.meters.Doubt, Prices: s.price, LogLevel: setLogLevel, Values: s.listValues()}
	if c.DataDir != "" {
		front.Values = append(front.Values, storeValues(s.store)...)
	}
	if err := s.share(c, &front); err != nil {
		s.store.Close()
		return nil, err
	}
	s.rows.Lock()
	s.built = &b
	s.rows.Unlock()
	s.proxy = proxy.New(front)
	s.changed = func(c roster.Change) {
		s.proxy.Changed(proxy.Change{At: c.At, Provider: c.Provider, ID: c.ID, What: c.What.String(), Why: c.Why})
	}
	return s, nil
}

// save is all that outlives the process.
func (s *server) save() fallback.Saved {
	saved := s.pool.Save(time.Now())
	saved.Notes = slices.Concat(s.lists.Save(), s.quirks.Save(), s.changes.Save())
	return saved
}

func (s *server) restore(saved fallback.Saved) {
	s.pool.Restore(saved)
	s.lists.Restore(saved.Notes)
	s.quirks.Restore(saved.Notes)
	s.changes.Restore(saved.Notes)
	s.relist()
}

// storeValues are the metrics of the state on disk; state that is in memory by choice has none.
func storeValues(s *store.Store) []proxy.Value {
	return []proxy.Value{
		{Name: "freefall_store_writable", Help: "1 if the state reaches the disk, 0 if it is in memory only.", Read: func() float64 {
			if s.Writable() {
				return 1
			}
			return 0
		}},
		{Name: "freefall_store_writes_total", Help: "Times that a change of the state was written to the disk.", Counts: true,
			Read: func() float64 { return float64(s.Writes()) }},
		{Name: "freefall_store_last_write_timestamp_seconds", Help: "When the state was last written; 0 = not yet.", Read: func() float64 {
			if at := s.LastWrite(); !at.IsZero() {
				return float64(at.UnixMilli()) / 1000
			}
			return 0
		}},
	}
}

// run serves until the context ends, then drains. Whatever became of it, the state is written last.
func (s *server) run(ctx context.Context, ln net.Listener) error {
	defer s.store.Close()
	if s.shared != nil {
		defer s.shared.Close()
	}
	watched, err := upstream.Watch(ln)
	if err != nil {
		return exitError{1, err}
	}
	looking, done := context.WithCancel(ctx)
	var meters sync.WaitGroup
	meters.Go(func() { s.meters.Run(looking) })
	meters.Go(func() { s.lists.Run(looking) })
	defer meters.Wait()
	defer done()
	failed := make(chan error, 1)
	go func() { failed <- s.proxy.Serve(watched) }()
	select {
	case err := <-failed:
		return exitError{1, fmt.Errorf("serving ended: %w", err)}
	case <-ctx.Done():
	}
	drain := s.config.Load().Drain
	s.log.Info().Dur("drain", drain).Msg("Stopping: running answers may finish")
	if err := s.proxy.Shutdown(drain); err != nil {
		s.log.Warn().Msg("Drain is over: the last answers were cut")
	}
	if err := <-failed; err != nil {
		s.log.Warn().Err(err).Msg("the listener ended with an error")
	}
	return s.transport.Close()
}
