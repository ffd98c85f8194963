package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"freefall/fallback"
	"freefall/internal/config"
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
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := load(options)
			if err != nil {
				return err
			}
			ctx, stop := signals()
			defer stop()
			return serve(ctx, c)
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
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// serve runs the proxy that a config describes until the context ends.
func serve(ctx context.Context, c *config.Config) error {
	log, closeLog := openLog(c)
	defer closeLog()
	warn(log, c)
	ln, err := listen(c.Listen)
	if err != nil {
		return err
	}
	s, err := newServer(c, log)
	if err != nil {
		ln.Close()
		return exitError{2, err}
	}
	log.Info().Str("listen", ln.Addr().String()).Int("models", len(c.Models)).Str("version", versionText()).
		Msg("freefall serves http://" + ln.Addr().String() + "/v1")
	return s.run(ctx, ln, c.Drain)
}

// warn says at the start what an operator would otherwise find out too late.
func warn(log zerolog.Logger, c *config.Config) {
	for _, warning := range c.Warnings {
		log.Warn().Msg(warning)
	}
	if keys := c.Unserved(); len(keys) > 0 {
		log.Warn().Msg("set, but not served by this version and without effect: " + strings.Join(keys, ", "))
	}
	if advice := noKeyAdvice(c); advice != "" && allOff(c) {
		log.Warn().Msg("no provider has a usable key, requests get 503: " + advice)
	}
}

func allOff(c *config.Config) bool {
	for i := range c.Providers {
		if c.Providers[i].Off == "" {
			return false
		}
	}
	return true
}

// listen takes the port; a busy one is an error that names the way out.
func listen(addr string) (net.Listener, error) {
	ln, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, exitError{1, fmt.Errorf("%s is in use by another program; choose another address with --listen", addr)}
	}
	if err != nil {
		return nil, exitError{1, fmt.Errorf("cannot listen on %s: %w; choose another address with --listen", addr, err)}
	}
	return ln, nil
}

// server is the running program: the parts that a config is turned into.
type server struct {
	log       zerolog.Logger
	pool      *fallback.Pool
	transport *upstream.Transport
	proxy     *proxy.Proxy
}

func newServer(c *config.Config, log zerolog.Logger) (*server, error) {
	b := build(c)
	s := &server{log: log, pool: fallback.New(b.pool)}
	s.transport = upstream.New(upstream.Config{UserAgent: "freefall/" + versionText()})
	s.proxy = proxy.New(proxy.Config{Pool: s.pool, Transport: s.transport, Settings: b.settings, Log: log, Version: versionText()})
	return s, nil
}

// run serves until the context ends, then drains.
func (s *server) run(ctx context.Context, ln net.Listener, drain time.Duration) error {
	watched, err := upstream.Watch(ln)
	if err != nil {
		return exitError{1, err}
	}
	failed := make(chan error, 1)
	go func() { failed <- s.proxy.Serve(watched) }()
	select {
	case err := <-failed:
		return exitError{1, fmt.Errorf("serving ended: %w", err)}
	case <-ctx.Done():
	}
	s.log.Info().Dur("drain", drain).Msg("Stopping: running answers may finish")
	if err := s.proxy.Shutdown(drain); err != nil {
		s.log.Warn().Msg("Drain is over: the last answers were cut")
	}
	<-failed
	return s.transport.Close()
}
