package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"freefall/fallback"
	"freefall/internal/fakellm"
	"freefall/internal/openai"
	"freefall/internal/upstream"
	"freefall/proxy"
)

// demoKey is the key of the simulated provider; it opens nothing.
const demoKey = "sk-or-v1-demo"

// maxTraffic bounds the requests that the demo sends by itself.
const maxTraffic = 200

func demoCommand() *cobra.Command {
	var listenAt, upstreamAt string
	var traffic int
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See it work: the proxy before a simulated provider; no key, no network, no file",
		Long: `The proxy before a simulated provider whose limits have windows of ten seconds,
with outages and a slow model. Nothing is read or written: no key, no .env, no
models.yaml, no state on disk.`,
		Example: `  freefall demo
  freefall demo --traffic 2                   it sends two requests a second by itself
  freefall demo --listen 127.0.0.1:9000 --upstream 127.0.0.1:9001`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if traffic < 0 || traffic > maxTraffic {
				return exitError{2, fmt.Errorf("--traffic takes 0 to %d requests a second", maxTraffic)}
			}
			ctx, stop := signals()
			defer stop()
			return demo(ctx, cmd.OutOrStdout(), listenAt, upstreamAt, traffic)
		},
	}
	cmd.Flags().StringVar(&listenAt, "listen", "127.0.0.1:8000", "address of the proxy")
	cmd.Flags().StringVar(&upstreamAt, "upstream", "127.0.0.1:8001", "address of the simulated provider")
	cmd.Flags().IntVar(&traffic, "traffic", 0, "requests a second that the demo sends by itself")
	return cmd
}

func demo(ctx context.Context, out io.Writer, listenAt, upstreamAt string, traffic int) error {
	provider, err := listenFor(upstreamAt, "--upstream")
	if err != nil {
		return err
	}
	ln, err := listenFor(listenAt, "--listen")
	if err != nil {
		provider.Close()
		return err
	}
	world := fakellm.Demo(1)
	fake := &http.Server{Handler: world, ReadHeaderTimeout: 10 * time.Second}
	var others sync.WaitGroup
	others.Go(func() { _ = fake.Serve(provider) })
	if traffic > 0 {
		others.Go(func() { sendTraffic(ctx, "http://"+ln.Addr().String(), traffic) })
	}
	b := demoWorld("http://" + provider.Addr().String() + "/api/v1")
	log := zerolog.New(switches{out}).Level(zerolog.InfoLevel)
	s := &server{log: log, pool: fallback.New(b.pool), transport: upstream.New(upstream.Config{UserAgent: "freefall/" + versionText()})}
	s.proxy = proxy.New(proxy.Config{Pool: s.pool, Transport: s.transport, Settings: b.settings, Log: log})
	greet(out, ln.Addr().String(), provider.Addr().String())
	err = s.run(ctx, ln, 2*time.Second)
	world.Close()
	_ = fake.Close()
	others.Wait()
	return err
}

func listenFor(addr, flag string) (net.Listener, error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, exitError{1, fmt.Errorf("cannot listen on %s: %w; choose another address with %s", addr, err, flag)}
	}
	return ln, nil
}

// demoWorld is the shipped chain at the simulated provider, with rests short enough to watch.
func demoWorld(base string) built {
	via := &proxy.Provider{Name: "openrouter", ChatURL: base + "/chat/completions", Dialect: openai.DialectOf("openrouter"),
		Local: true, Keys: []string{demoKey}}
	route := &proxy.Route{Provider: via, FirstToken: 5 * time.Second, Answer: 20 * time.Second, Idle: 10 * time.Second}
	b := built{pool: fallback.Config{Stick: 15 * time.Second, Breaker: fallback.Breaker{Cooldown: 5 * time.Second, MaxCooldown: time.Minute}}}
	for _, m := range fakellm.Catalog() {
		if !m.Free() {
			continue
		}
		b.pool.Models = append(b.pool.Models, fallback.Model{Provider: "openrouter", ID: m.ID, Name: m.Name, Tools: m.Tools, Vision: m.Vision,
			JSONSchema: m.JSONSchema, Context: m.Context, Proof: fallback.ProvenListed, Keys: []fallback.Key{{Account: "demo"}}, Via: route})
	}
	return b
}

func greet(out io.Writer, proxyAt, providerAt string) {
	fmt.Fprintf(out, `freefall demo: an OpenAI endpoint on http://%[1]s/v1, before a simulated provider on http://%[2]s
The first model is at its limit already. Three things to try:

  1. Ask, and get an answer although the first model is at its limit:
     curl -i http://%[1]s/v1/chat/completions -d '{"model":"auto","messages":[{"role":"user","content":"Hello"}]}'

  2. See which model answers now, and why not the first:
     curl http://%[1]s/api/chat/models

  3. Use the SDK you already have:
     OPENAI_BASE_URL=http://%[1]s/v1 OPENAI_API_KEY=any python -c 'import openai; print(openai.OpenAI().chat.completions.create(model="auto", messages=[{"role": "user", "content": "Hello"}]).choices[0].message.content)'

Each switch shows here. Ctrl-C ends it.

`, proxyAt, providerAt)
}

// switches prints the lines of the log for somebody who watches: the text and nothing else.
type switches struct{ out io.Writer }

func (s switches) Write(line []byte) (int, error) {
	text := message(line)
	if text != "" && text != "Request" {
		fmt.Fprintf(s.out, "%s  %s\n", time.Now().Format("15:04:05"), text)
	}
	return len(line), nil
}

// sendTraffic asks n questions a second, plain, streamed and with tools in turn, until the context ends.
func sendTraffic(ctx context.Context, url string, n int) {
	bodies := []string{
		`{"model":"auto","messages":[{"role":"user","content":"Hello"}]}`,
		`{"model":"auto","stream":true,"messages":[{"role":"user","content":"Tell me a story"}]}`,
		`{"model":"auto","messages":[{"role":"user","content":"call the tool"}],"tools":[{"type":"function","function":{"name":"clock","parameters":{"type":"object","properties":{}}}}]}`,
	}
	client := &http.Client{Timeout: time.Minute}
	tick := time.NewTicker(time.Second / time.Duration(n))
	defer tick.Stop()
	var sent sync.WaitGroup
	defer sent.Wait()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		sent.Go(func() {
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/chat/completions", bytes.NewReader([]byte(bodies[i%len(bodies)])))
			if err != nil {
				return
			}
			resp, err := client.Do(req)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		})
	}
}
