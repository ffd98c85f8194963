package proxy

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttputil"

	"freefall/fallback"
	"freefall/internal/fakellm"
	"freefall/internal/openai"
	"freefall/internal/upstream"
)

// TestMain starts the clock of fasthttp's dates, which runs once for the process, outside any bubble.
func TestMain(m *testing.M) {
	new(fasthttp.ResponseHeader).AppendBytes(nil)
	os.Exit(m.Run())
}

// world is a proxy between a client and simulated providers, all in memory.
type world struct {
	*testing.T
	pool   *fallback.Pool
	proxy  *Proxy
	fakes  map[string]*fakellm.Server // by provider
	client *http.Client
	log    *lines
}

type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// plan is what a test wants to differ.
type plan struct {
	settings Settings
	history  History
	prices   func(provider, id string) (Price, bool)
	doubt    func(provider, account string)
	shared   Shared
	pool     fallback.Config
	models   []fallback.Model // Via, Proof and Keys are filled in when absent
	dialect  map[string]string
	route    Route
	provider http.Handler // instead of the simulated ones
	at       time.Time    // when the bubble's clock begins; zero = where synctest begins
}

func chain(ids ...string) []fallback.Model {
	var out []fallback.Model
	for _, id := range ids {
		out = append(out, fallback.Model{Provider: "p", ID: id, Name: strings.ToUpper(id), Tools: true})
	}
	return out
}

// inBubble runs a test in fake time.
func inBubble(t *testing.T, p plan, test func(*world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		if !p.at.IsZero() {
			time.Sleep(time.Until(p.at))
		}
		w, stop := start(t, p)
		test(w)
		stop()
		time.Sleep(24 * time.Hour) // the cleaners of idle workers end
	})
}

func start(t *testing.T, p plan) (*world, func()) {
	w := &world{T: t, fakes: map[string]*fakellm.Server{}, log: &lines{}}
	var serving sync.WaitGroup
	hosts := map[string]*fakellm.Pipes{}
	var servers []*http.Server
	if p.route.FirstToken == 0 {
		p.route.FirstToken = 20 * time.Second
	}
	if p.route.Answer == 0 {
		p.route.Answer = 90 * time.Second
	}
	if p.route.Idle == 0 {
		p.route.Idle = 30 * time.Second
	}
	byProvider := map[string][]fakellm.Model{}
	for _, m := range p.models {
		byProvider[m.Provider] = append(byProvider[m.Provider], fakellm.Model{ID: m.ID, Name: m.Name, Tools: m.Tools, Vision: m.Vision, JSONSchema: m.JSONSchema, Context: m.Context})
	}
	for name, models := range byProvider {
		fake := fakellm.New(fakellm.Options{Models: models, OpenAI: true})
		ln := fakellm.NewPipes()
		srv := &http.Server{Handler: fake}
		if p.provider != nil {
			srv.Handler = p.provider
		}
		serving.Go(func() { _ = srv.Serve(ln) })
		w.fakes[name], hosts[name+".test:80"], servers = fake, ln, append(servers, srv)
	}
	p.pool.Models = nil
	for _, m := range p.models {
		if m.Via == nil {
			route := p.route
			dialect := p.dialect[m.Provider]
			route.Provider = &Provider{Name: m.Provider, ChatURL: "http://" + m.Provider + ".test/v1/chat/completions",
				EmbedURL: "http://" + m.Provider + ".test/v1/embeddings", Dialect: openai.DialectOf(dialect), Local: true, Keys: make([]string, max(1, len(m.Keys)))}
			for k := range route.Provider.Keys {
				route.Provider.Keys[k] = fmt.Sprintf("sk-%s-%d", m.Provider, k)
			}
			m.Via = &route
		}
		if m.Proof == fallback.Unproven {
			m.Proof = fallback.ProvenLocal
		}
		if m.Keys == nil {
			m.Keys = []fallback.Key{{Account: m.Provider}}
		}
		p.pool.Models = append(p.pool.Models, m)
	}
	w.pool = fallback.New(p.pool)
	transport := upstream.New(upstream.Config{Dial: func(ctx context.Context, _, addr string) (net.Conn, error) {
		if addr == deadHost {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		ln, ok := hosts[addr]
		if !ok {
			return nil, fmt.Errorf("nobody at %s", addr)
		}
		return ln.Dial(ctx, "", "")
	}})
	w.proxy = New(Config{Pool: w.pool, Transport: transport, Settings: p.settings, History: p.history, Prices: p.prices, Doubt: p.doubt, Shared: p.shared, Log: zerolog.New(w.log)})
	front := fasthttputil.NewInmemoryListener()
	watched, err := upstream.Watch(front)
	if err != nil {
		t.Fatal(err)
	}
	serving.Go(func() { _ = w.proxy.Serve(watched) })
	w.client = &http.Client{Transport: &http.Transport{
		DialContext:        func(context.Context, string, string) (net.Conn, error) { return front.Dial() },
		DisableCompression: true,
	}}
	return w, func() {
		w.client.CloseIdleConnections()
		if err := w.proxy.Shutdown(time.Minute); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		_ = transport.Close()
		for _, fake := range w.fakes {
			fake.Close()
		}
		for _, srv := range servers {
			_ = srv.Close()
		}
		serving.Wait()
	}
}

// deadHost drops what is sent there.
const deadHost = "dead.test:80"

func (w *world) fake() *fakellm.Server { return w.fakes["p"] }

// answer is what a client was given, as a whole.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) trail() string { return a.header.Get(headerTrail) }

// text is the content of the answer, whole or streamed.
func (a answer) text() string {
	if !strings.HasPrefix(a.header.Get("Content-Type"), "text/event-stream") {
		var c struct {
			Choices []struct{ Message struct{ Content string } }
		}
		_ = json.Unmarshal([]byte(a.body), &c)
		if len(c.Choices) == 0 {
			return ""
		}
		return c.Choices[0].Message.Content
	}
	var b strings.Builder
	for _, event := range a.events() {
		var c struct {
			Choices []struct{ Delta struct{ Content string } }
		}
		if json.Unmarshal([]byte(event), &c) == nil && len(c.Choices) > 0 {
			b.WriteString(c.Choices[0].Delta.Content)
		}
	}
	return b.String()
}

func (a answer) events() []string {
	var out []string
	s := bufio.NewScanner(strings.NewReader(a.body))
	s.Buffer(nil, 16<<20)
	for s.Scan() {
		if data, ok := strings.CutPrefix(s.Text(), "data: "); ok {
			out = append(out, data)
		}
	}
	return out
}

// err is the error object of the answer: of the body, or the error event of a stream.
func (a answer) err() (e struct{ Message, Type, Param, Code string }) {
	var doc struct {
		Error struct {
			Message, Type string
			Param, Code   any
		}
	}
	text := a.body
	if events := a.events(); len(events) > 0 {
		text = events[len(events)-1]
	}
	if json.Unmarshal([]byte(text), &doc) == nil {
		e.Message, e.Type = doc.Error.Message, doc.Error.Type
		e.Param, _ = doc.Error.Param.(string)
		e.Code, _ = doc.Error.Code.(string)
	}
	return e
}

func (w *world) do(method, path, body string, headers ...string) answer {
	w.Helper()
	req, err := http.NewRequest(method, "http://localhost"+path, strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		}
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := w.client.Do(req)
	if err != nil {
		w.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		w.Fatalf("%s %s: reading the answer: %v", method, path, err)
	}
	return answer{resp.StatusCode, resp.Header, string(b)}
}

const (
	plainBody  = `{"model":"auto","messages":[{"role":"user","content":"Hello"}]}`
	streamBody = `{"model":"auto","stream":true,"messages":[{"role":"user","content":"Hello"}]}`
	toolsBody  = `{"model":"auto","messages":[{"role":"user","content":"call the tool"}],"tools":[{"type":"function","function":{"name":"clock","parameters":{"type":"object","properties":{}}}}]}`
)

func (w *world) chat(body string, headers ...string) answer {
	w.Helper()
	return w.do("POST", "/v1/chat/completions", body, headers...)
}

// state is GET /api/chat/models by id.
func (w *world) state() (current string, rows map[string]modelState) {
	w.Helper()
	var s struct {
		Current string       `json:"current_model"`
		Models  []modelState `json:"models"`
	}
	a := w.do("GET", "/api/chat/models", "")
	if err := json.Unmarshal([]byte(a.body), &s); err != nil {
		w.Fatalf("state: %v in %s", err, a.body)
	}
	rows = map[string]modelState{}
	for _, m := range s.Models {
		rows[m.ID] = m
	}
	return s.Current, rows
}
