package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"github.com/tidwall/gjson"

	"freefall/internal/config"
	"freefall/internal/fakellm"
)

// demoKeys are three accounts of the simulated provider; they open nothing.
const demoKeys = "OPENROUTER_API_KEY=sk-or-demo-1,sk-or-demo-2,sk-or-demo-3"

const (
	maxTraffic = 200 // requests a second that the demo sends by itself
	demoDrain  = 2 * time.Second
)

func demoCommand() *cobra.Command {
	var listenAt, upstreamAt string
	var traffic int
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See it work: the proxy before a simulated provider; no key, no network, no file",
		Long: `The proxy with the shipped models before a simulated provider whose limits have
windows of ten seconds, with outages and a slow model. Nothing is read or
written: no key, no .env, no models.yaml, no state on disk.`,
		Example: `  freefall demo
  freefall demo --traffic 5                   it sends five requests a second by itself
  freefall demo --listen 127.0.0.1:9000 --upstream 127.0.0.1:9001
  freefall drill --upstream http://127.0.0.1:8001     in a second window: force each kind of failure`,
		Args: noArgs,
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

// demo runs until the context ends.
func demo(ctx context.Context, out io.Writer, listenAt, upstreamAt string, traffic int) error {
	ctx, stop := context.WithCancel(ctx)
	provider, providerURL, err := listenFor(upstreamAt, "--upstream")
	if err != nil {
		stop()
		return err
	}
	world := fakellm.Demo(1)
	fake := &http.Server{Handler: world, ReadHeaderTimeout: 10 * time.Second}
	var others sync.WaitGroup
	others.Go(func() { _ = fake.Serve(provider) })
	defer func() {
		stop()
		world.Close()
		_ = fake.Close()
		others.Wait()
	}()
	ln, url, err := listenFor(listenAt, "--listen")
	if err != nil {
		return err
	}
	s, err := demoServer(out, providerURL)
	if err != nil {
		ln.Close()
		return exitError{1, err}
	}
	greet(out, url, providerURL)
	if traffic > 0 {
		others.Go(func() { sendTraffic(ctx, url, traffic) })
	}
	return s.run(ctx, ln)
}

func demoServer(out io.Writer, providerURL string) (*server, error) {
	c, err := demoConfig(providerURL + "/api/v1")
	if err != nil {
		return nil, err
	}
	return newServer(c, zerolog.New(&switches{out: out}).Level(zerolog.InfoLevel))
}

// demoConfig is the shipped models.yaml at the simulated provider, with rests short enough to watch and nothing on disk.
func demoConfig(base string) (*config.Config, error) {
	c, err := config.Shipped([]string{demoKeys}, known())
	if err != nil {
		return nil, err
	}
	c.DataDir, c.Log.File, c.Drain = "", "", demoDrain
	c.Routing.Stick = 15 * time.Second
	c.Breaker.Cooldown, c.Breaker.MaxCooldown = 5*time.Second, time.Minute
	for i := range c.Providers {
		c.Providers[i].BaseURL = base
		c.Providers[i].Dialect = "openrouter"      // it is known by its host otherwise
		c.Providers[i].Discover.Approve = "manual" // its list tells prices; what is shown is the shipped chain
	}
	for i := range c.Models {
		t := &c.Models[i].Timeouts
		t.FirstToken, t.Answer, t.Idle = 4*time.Second, 20*time.Second, 10*time.Second
	}
	return c, nil
}

func greet(out io.Writer, proxyURL, providerURL string) {
	fmt.Fprintf(out, `freefall demo: an OpenAI endpoint on %[1]s/v1, before a simulated provider on %[2]s
The first model is at its limit already. Three things to try:

  1. Ask, and get an answer although the first model is at its limit:
     curl -i %[1]s/v1/chat/completions -d '{"model":"auto","messages":[{"role":"user","content":"Hello"}]}'

  2. See which model answers now, and why not the first:
     curl %[1]s/api/chat/models

  3. Use the SDK you already have:
     OPENAI_BASE_URL=%[1]s/v1 OPENAI_API_KEY=any python -c 'import openai; print(openai.OpenAI().chat.completions.create(model="auto", messages=[{"role": "user", "content": "Hello"}]).choices[0].message.content)'

Each switch shows here. Ctrl-C ends it.

`, proxyURL, providerURL)
}

// switches prints the lines of the log for somebody who watches: each switch in short, whatever else is a warning, and
// nothing of the rest.
type switches struct {
	mu  sync.Mutex
	out io.Writer
}

func (s *switches) Write(line []byte) (int, error) {
	if text := brief(line); text != "" {
		s.mu.Lock()
		defer s.mu.Unlock()
		fmt.Fprintf(s.out, "%s  %s\n", time.Now().Format("15:04:05"), text)
	}
	return len(line), nil
}

// brief is what a watcher gets to read of a log line, "" for nothing.
func brief(line []byte) string {
	entry := gjson.ParseBytes(line)
	text, model := entry.Get(zerolog.MessageFieldName).String(), entry.Get("model").String()
	level := entry.Get(zerolog.LevelFieldName).String()
	switch {
	case entry.Get("available_again").Bool():
		return "Model " + model + " is back"
	case level != "warn" && level != "error":
		return ""
	case model == "" || !entry.Get("outcome").Exists():
		return text
	}
	head := "Model " + model + " failed (" + cause(entry) + ")"
	if strings.HasPrefix(text, "Rate limit on ") {
		head = "Rate limit on " + model
		if until, err := time.Parse(time.RFC3339Nano, entry.Get("until").String()); err == nil {
			head += until.Local().Format(" (until 15:04:05)")
		}
	}
	if i := strings.LastIndex(text, ". Switching from "+model+" to "); i >= 0 {
		head += text[i:]
	}
	return head
}

func cause(entry gjson.Result) string {
	if status := entry.Get("status").Int(); status >= 300 {
		return fmt.Sprintf("%s, %d", entry.Get("outcome"), status)
	}
	return entry.Get("outcome").String()
}

// sendTraffic asks n questions a second, plain, streamed and with tools in turn, until the context ends.
func sendTraffic(ctx context.Context, url string, n int) {
	c := newCaller(url, "")
	defer c.close()
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
		sent.Go(func() { c.ask(ctx, forms[i%len(forms)], "auto") })
	}
}
