package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"freefall/internal/fakellm"
	"freefall/test/child"
)

// The short form: the real binary before simulated providers on loopback, with windows that are a tenth as long. What the
// providers refused is what they themselves have counted.
const (
	stormModels = 20
	stormSize   = 200
	stormRoom   = 5

	shortLength = 15 * time.Second
	shortRate   = 15 // requests a second; the providers have room for about 20
)

// site is one simulated provider.
type site struct {
	name    string
	stated  bool   // the configuration names its limits
	options string // of the provider in models.yaml
	models  []fakellm.Model
	limits  []fakellm.Limit
	server  *fakellm.Server
	http    *http.Server
	addr    string
}

func limit(scope fakellm.Scope, n int, per time.Duration, says fakellm.Wording) fakellm.Limit {
	return fakellm.Limit{Scope: scope, Requests: n, Per: fakellm.Duration(per), Says: says}
}

// sites are the providers of the short form.
func sites() []*site {
	var small []fakellm.Model
	for i := range stormModels {
		small = append(small, fakellm.Model{ID: fmt.Sprintf("small-%d", i), Tools: true})
	}
	return []*site{
		{name: "router", stated: true, options: "limits: {windows: [{requests: 20, per: 6s}]}",
			models: []fakellm.Model{{ID: "a:free", Tools: true}, {ID: "b:free", Tools: true}},
			limits: []fakellm.Limit{limit(fakellm.Account, 20, 6*time.Second, fakellm.SaysPlatform)}},
		{name: "quick", stated: true, options: "model_limits: {windows: [{requests: 30, per: 6s}]}",
			models: []fakellm.Model{{ID: "llama", Tools: true}, {ID: "oss"}},
			limits: []fakellm.Limit{limit(fakellm.OneModel, 30, 6*time.Second, fakellm.SaysPlain)}},
		{name: "dark", models: []fakellm.Model{{ID: "scout"}},
			limits: []fakellm.Limit{limit(fakellm.OneModel, 40, 6*time.Second, fakellm.SaysUpstream)}},
		{name: "storm", stated: true, options: "model_limits: {windows: [{requests: 5, per: 60s}]}", models: small,
			limits: []fakellm.Limit{limit(fakellm.OneModel, stormRoom, time.Minute, fakellm.SaysPlain)}},
	}
}

// open lets the provider listen.
func (s *site) open() error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.server = fakellm.New(fakellm.Options{Models: s.models, Keyless: true, OpenAI: s.name != "router", Limits: s.limits, Keep: 64,
		Weather: func(string, time.Duration) (fakellm.Step, bool) {
			return fakellm.Slow(20*time.Millisecond, 0, time.Millisecond), true
		}})
	s.addr = ln.Addr().String()
	s.http = &http.Server{Handler: s.server}
	go func() { _ = s.http.Serve(ln) }()
	return nil
}

func (s *site) close() {
	if s.server != nil {
		s.server.Close()
		_ = s.http.Close()
	}
}

// counted is how many requests the provider answered well, and how many it refused for a limit.
func (s *site) counted() (good, refused int) {
	for _, m := range s.server.State().Models {
		good += m.Good
		refused += m.ByStatus[http.StatusTooManyRequests]
	}
	return good, refused
}

// yaml is the models.yaml of the short form.
func yaml(all []*site) string {
	var b strings.Builder
	b.WriteString("log: {file: \"\"}\nrouting: {order: adaptive, max_wait: 5s}\nproviders:\n")
	for _, s := range all {
		fmt.Fprintf(&b, "  %s: {base_url: \"http://%s/v1\", discover: off%s}\n", s.name, s.addr, strings.TrimSuffix(", "+s.options, ", "))
	}
	b.WriteString("models:\n")
	for _, s := range all {
		for _, m := range s.models {
			fmt.Fprintf(&b, "  - {id: \"%s\", provider: %s, supports_tools: %v}\n", m.ID, s.name, m.Tools)
		}
	}
	b.WriteString("chains: {day: {models: [\"router/*\", \"quick/*\", \"dark/*\"]}}\n")
	return b.String()
}

// short drives the binary.
func short(binary string, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "freefall-world-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	all := sites()
	for _, s := range all {
		if err := s.open(); err != nil {
			return err
		}
		defer s.close()
	}
	if err := os.WriteFile(filepath.Join(dir, "models.yaml"), []byte(yaml(all)), 0o600); err != nil {
		return err
	}
	p, err := child.Start(binary, dir)
	if err != nil {
		return err
	}
	v := &visitors{addr: p.Addr, client: &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 256}}}
	defer v.client.CloseIdleConnections()
	storm := all[3]
	misses := v.storm(out, storm)
	misses = append(misses, v.day(out, all[:3])...)

	time.Sleep(time.Second) // what a crash may lose
	killed := p.Stop(syscall.SIGKILL)
	if p, err = child.Start(binary, dir); err != nil {
		return errors.Join(err, killed)
	}
	v.addr = p.Addr
	misses = append(misses, v.after(out, storm)...)
	if err := errors.Join(killed, p.Stop(syscall.SIGTERM)); err != nil {
		return err
	}
	if len(misses) > 0 {
		return fmt.Errorf("freefall misses what it must reach:\n  %s", strings.Join(misses, "\n  "))
	}
	return nil
}

// visitors are the clients.
type visitors struct {
	addr   string
	client *http.Client
}

// ask sends one request and gives the status that came.
func (v *visitors) ask(model string, tools, only bool) (status int, body string) {
	text := fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":"hello"}]`, model)
	if tools {
		text += `,"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}]`
	}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://"+v.addr+"/v1/chat/completions", strings.NewReader(text+"}"))
	if err != nil {
		return 0, err.Error()
	}
	if only {
		req.Header.Set("X-Freefall-Fallback", "off")
		req.Header.Set("X-Freefall-Max-Wait", "0s")
	}
	resp, err := v.client.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(got)
}

// storm asks each model 200 times at once, where 5 a minute are granted.
func (v *visitors) storm(out io.Writer, s *site) (misses []string) {
	exact := 0
	for _, m := range s.models {
		var all sync.WaitGroup
		var mu sync.Mutex
		came := map[int]int{}
		for range stormSize {
			all.Go(func() {
				status, _ := v.ask(m.ID, false, true)
				mu.Lock()
				came[status]++
				mu.Unlock()
			})
		}
		all.Wait()
		if hits := s.server.Hits(m.ID); hits == stormRoom && came[200] == stormRoom && came[429] == stormSize-stormRoom {
			exact++
		} else {
			misses = append(misses, fmt.Sprintf("%d at once against %d a minute: %d calls, and the clients got %v", stormSize, stormRoom, hits, came))
		}
	}
	fmt.Fprintf(out, "%d at once against %d a minute: exactly %d calls in %d of %d runs\n", stormSize, stormRoom, stormRoom, exact, stormModels)
	return misses
}

// day is steady traffic for a while, for which there is room.
func (v *visitors) day(out io.Writer, all []*site) (misses []string) {
	var (
		clients  sync.WaitGroup
		mu       sync.Mutex
		came     = map[int]int{}
		complain string
		rng      = rand.New(rand.NewPCG(1, 1))
		asked    int
	)
	for end := time.Now().Add(shortLength); time.Now().Before(end); asked++ {
		time.Sleep(time.Duration(rng.ExpFloat64() / shortRate * float64(time.Second)))
		tools := rng.Float64() < 0.3
		clients.Go(func() {
			status, body := v.ask("freefall/day", tools, false)
			mu.Lock()
			defer mu.Unlock()
			if came[status]++; status != http.StatusOK {
				complain = fmt.Sprintf("%d %.400s", status, body)
			}
		})
	}
	clients.Wait()
	fmt.Fprintf(out, "%d requests in %v: %d answered", asked, shortLength, came[200])
	known, unknown := waste{}, waste{}
	for _, s := range all {
		good, refused := s.counted()
		fmt.Fprintf(out, "; %s %d, refused %d", s.name, good, refused)
		w := &unknown
		if s.stated {
			w = &known
		}
		w.won, w.wasted = w.won+good, w.wasted+refused
	}
	fmt.Fprintln(out)
	miss := func(bad bool, format string, args ...any) {
		if bad {
			misses = append(misses, fmt.Sprintf(format, args...))
		}
	}
	miss(came[200] < asked, "%d of %d requests were answered, although there was room for all; the last error was %s", came[200], asked, complain)
	miss(known.share() > mustKnown, "%d wasted calls for %d answers where limits are stated", known.wasted, known.won)
	const lessons = 3 // refusals that a limit is learned from, of a day as short as this one
	miss(unknown.wasted > lessons && unknown.share() > mustUnknown, "%d wasted calls for %d answers where limits are not stated", unknown.wasted, unknown.won)
	return misses
}

// after asks, when freefall was killed and started again, the models that were spent before.
func (v *visitors) after(out io.Writer, s *site) (misses []string) {
	spent, vain := 0, 0
	for _, use := range s.server.State().Limits {
		if use.Remaining > 0 || time.Until(use.ResetsAt) < 3*time.Second {
			continue // it is, or may soon be, open again
		}
		spent++
		before := s.server.Hits(use.Of)
		v.ask(use.Of, false, true)
		vain += s.server.Hits(use.Of) - before
	}
	fmt.Fprintf(out, "killed and started again: %d models are spent, %d calls to them\n", spent, vain)
	if spent == 0 {
		misses = append(misses, "nothing was spent any more when freefall had started again: the machine is too slow for this test")
	}
	if vain > 0 {
		misses = append(misses, fmt.Sprintf("%d calls after a restart to what was spent", vain))
	}
	return misses
}
