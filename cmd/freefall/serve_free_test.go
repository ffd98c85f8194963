package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"freefall/internal/fakellm"
)

// 4.7: at OpenRouter an id that is not proven free is never called, however it is asked for.
func TestServeNeverCallsAnUnprovenModel(t *testing.T) {
	t.Parallel()
	o := models("vendor/free:free", "vendor/paid", "vendor/other:free:online")
	o.OpenAI, o.Models[1].Price = false, 0.001
	fake, url := simulated(t, o)
	f := start(t, fmt.Sprintf(`
providers: {p: {base_url: %q, dialect: openrouter, keys: [k]}}
models: [{id: vendor/paid}, {id: "vendor/other:free:online"}, {id: "openrouter/auto"}, {id: "vendor/free:free"}]
`, url))
	for _, model := range []string{"auto", "vendor/paid", "p/vendor/paid", "vendor/other:free:online", "openrouter/auto", "vendor/unheard-of"} {
		f.want(f.chat(ask(model)), 200, "vendor/free:free=ok")
	}
	f.want(f.chat(`{"models":["vendor/paid","openrouter/auto"],"messages":[{"role":"user","content":"Hello"}]}`, "X-Freefall-Fallback", "off"), 503, "")
	if got := f.chat(ask("vendor/paid"), "X-Freefall-Fallback", "off"); got.status != 503 || got.attempts() != "0" || !strings.Contains(got.body, "not free") {
		t.Errorf("that one only: %d after %s attempts: %s", got.status, got.attempts(), got.body)
	}
	for _, r := range chats(fake) {
		if r.Model != "vendor/free:free" {
			t.Errorf("%s was called", r.Model)
		}
	}
	if fake.Paid() != 0 {
		t.Errorf("%d calls cost money", fake.Paid())
	}
	for _, id := range []string{"vendor/paid", "vendor/other:free:online", "openrouter/auto"} {
		if r := f.row(id); r.Available || r.Reason != "not_free" {
			t.Errorf("%+v", r)
		}
	}
}

// 4.7: elsewhere nothing is free but what the operator vouches for or what stays on his machines.
func TestServeBelievesTheOperatorAboutAPlan(t *testing.T) {
	t.Parallel()
	fake, url := simulated(t, models("a"))
	via := tunnel(t, strings.TrimPrefix(strings.TrimSuffix(url, "/v1"), "http://"))
	const remote = "providers: {far: {base_url: \"http://llm.example.net/v1\", keys: [k]%s}}\nmodels: [{id: a}]\n"

	f := start(t, fmt.Sprintf(remote, ""), "HTTP_PROXY="+via)
	got := f.chat(plainBody)
	if r := f.row("a"); got.status != 503 || got.attempts() != "0" || r.Reason != "not_free" || !strings.Contains(got.body, "not free") {
		t.Errorf("nobody vouched: %d %s, %+v", got.status, got.body, r)
	}
	if len(fake.Requests()) != 0 {
		t.Error("and it was called")
	}
	for name, f := range map[string]*program{
		"variable": start(t, fmt.Sprintf(remote, ""), "HTTP_PROXY="+via, "FREEFALL_FREE_PLAN=far"),
		"file":     start(t, fmt.Sprintf(remote, ", free: plan"), "HTTP_PROXY="+via),
	} {
		if got := f.chat(plainBody); got.status != 200 || got.trail() != "a=ok" {
			t.Errorf("%s: %d by %q %s", name, got.status, got.trail(), got.body)
		}
	}
	f = start(t, fmt.Sprintf(remote, ", free: no"), "HTTP_PROXY="+via)
	if got := f.chat(plainBody); got.status != 503 || got.attempts() != "0" {
		t.Errorf("free: no: %d after %s", got.status, got.attempts())
	}
	f = start(t, fmt.Sprintf("providers: {near: {base_url: %q}}\nmodels: [{id: a}]\n", url))
	f.want(f.chat(plainBody), 200, "a=ok")
}

// tunnel is an HTTP proxy that leads every CONNECT to one address, so that a far host can be played by a near one.
func tunnel(t *testing.T, to string) (url string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	t.Cleanup(serving.Wait)
	t.Cleanup(func() { ln.Close() })
	serving.Go(func() {
		for {
			in, err := ln.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer in.Close()
				if req, err := http.ReadRequest(bufio.NewReader(in)); err != nil || req.Method != http.MethodConnect {
					return
				}
				out, err := net.Dial("tcp", to)
				if err != nil {
					return
				}
				defer out.Close()
				_, _ = io.WriteString(in, "HTTP/1.1 200 OK\r\n\r\n")
				serving.Go(func() { _, _ = io.Copy(in, out); in.Close() })
				_, _ = io.Copy(out, in)
			})
		}
	})
	return "http://" + ln.Addr().String()
}

// 4.7: what could spend or widen the choice at the provider does not go up, and an answer that cost money parks its model.
func TestServeTakesAwayWhatSpends(t *testing.T) {
	t.Parallel()
	o := models("a:free", "b:free")
	o.OpenAI = false
	fake, url := simulated(t, o)
	f := start(t, fmt.Sprintf("providers: {p: {base_url: %q, dialect: openrouter, keys: [k]}}\nmodels: [{id: a:free}, {id: b:free}]\n", url))
	for _, field := range []string{`"models":["vendor/paid"]`, `"route":"fallback"`, `"plugins":[{"id":"web"}]`, `"provider":{"order":["x"]}`, `"web_search_options":{}`} {
		got := f.chat(`{"model":"auto",` + field + `,"messages":[{"role":"user","content":"Hello"}]}`)
		if got.status != 200 && got.status != 400 {
			t.Errorf("%s: %d %s", field, got.status, got.body)
		}
	}
	for _, r := range chats(fake) {
		for _, word := range []string{"models", "route", "plugins", "provider", "web_search_options", "paid"} {
			if bytes.Contains(r.Body, []byte(word)) {
				t.Errorf("went up: %s", r.Body)
			}
		}
	}
	costly := fakellm.OK()
	costly.Cost = 0.02
	fake.Script("a:free", costly.Forever())
	before := fake.Hits("a:free")
	f.chat(ask("a:free"))
	f.want(f.chat(ask("a:free")), 200, "b:free=ok")
	if a := f.row("a:free"); a.Available || a.Reason != "not_free" || a.FailureCount != 0 || fake.Hits("a:free") != before+1 {
		t.Errorf("%+v after %d calls", a, fake.Hits("a:free")-before)
	}
	if !strings.Contains(f.log(), "cost") {
		t.Error("no alarm in the log")
	}
}

// hostile writes bodies that try to name a model which nobody proved to be free.
type hostile struct{ *rand.Rand }

var (
	guarded = []string{"model", "models", "provider", "plugins", "route", "web_search_options", "preset"}
	evil    = "vendor/costs-money"
	evils   = []string{
		`"vendor/costs-money"`, `"p/vendor/costs-money"`, `["vendor/costs-money"]`, `"a:free"`, `["a:free","vendor/costs-money"]`, `"vendor\/costs-money"`,
		`"\u0076endor/costs-money"`, `{"order":["vendor/costs-money"]}`, `[{"id":"web","engine":"vendor/costs-money"}]`, `"a:free:online"`, `"vendor/costs-money:free:online"`,
		`"auto"`, `"a:free\u0000vendor/costs-money"`, `"vendor/costs-money","model":"a:free"`, `null`, `7`, `true`, `[[["vendor/costs-money"]]]`, `"a:free" , "x":"y"`,
	}
	spaces = []string{"", "", "", " ", "\n", "\t", "\r\n", "\u00a0", "\x00", "\ufeff", "/**/"}
)

// key spells a guarded name as a reader that is not strict might still read it.
func (h hostile) key(name string) string {
	var b strings.Builder
	how := h.IntN(7)
	for i, c := range name {
		switch {
		case how == 1 && h.IntN(2) == 0, how == 2 && i == 0:
			fmt.Fprintf(&b, `\u%04x`, c)
		case how == 3 && h.IntN(2) == 0, how == 4 && i == 0:
			b.WriteString(strings.ToUpper(string(c)))
		case how == 5 && c == 's':
			b.WriteRune('ſ')
		case how == 5 && h.IntN(4) == 0:
			fmt.Fprintf(&b, `\u%04X`, c-'a'+'A')
		case how == 6 && h.IntN(8) == 0:
			b.WriteString([]string{" ", `\t`, `\u0000`, "\u200b", `\\`}[h.IntN(5)] + string(c))
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

func (h hostile) pick(list []string) string { return list[h.IntN(len(list))] }

func (h hostile) space() string {
	if h.IntN(8) > 0 {
		return ""
	}
	return h.pick(spaces)
}

func (h hostile) body() string {
	members := []string{`"messages":[{"role":"user","content":"hi"}]`}
	if h.IntN(3) == 0 {
		members = append(members, `"model":"a:free"`)
	}
	for range 1 + h.IntN(3) {
		members = append(members, `"`+h.key(h.pick(guarded))+`"`+h.space()+":"+h.space()+h.pick(evils))
	}
	h.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	text := h.space() + "{" + h.space() + strings.Join(members, h.space()+",") + h.space() + "}"
	switch h.IntN(12) {
	case 0:
		text += h.pick([]string{`{"model":"` + evil + `"}`, ",", "x", "\n", "\x00"})
	case 1:
		text = text[:h.IntN(len(text))]
	}
	return text
}

// 4.8: whatever a body says, and however it says it, nothing unproven is named to a provider: 10,000 random ones.
func TestServeHasOneMeaningPerBody(t *testing.T) {
	t.Parallel()
	const bodies, clients = 10_000, 8
	o := models("a:free", "b:free")
	o.OpenAI = false
	o.Models = append(o.Models, fakellm.Model{ID: evil, Price: 1})
	fake, url := simulated(t, o)
	f := start(t, fmt.Sprintf("providers: {p: {base_url: %q, dialect: openrouter, keys: [k]}}\nmodels: [{id: a:free}, {id: b:free}]\n", url))
	var statuses [600]atomic.Int32
	flood := func(bodies int, body func(*hostile) string) time.Duration {
		began := time.Now()
		var all sync.WaitGroup
		for n := range uint64(clients) {
			all.Go(func() {
				h := hostile{rand.New(rand.NewPCG(4, n))}
				for range bodies / clients {
					body := body(&h)
					got := f.chat(body)
					statuses[got.status].Add(1)
					if got.status != 200 && got.status != 400 && got.status != 404 {
						t.Errorf("%d %s for %q", got.status, got.body, body)
					}
				}
			})
		}
		all.Wait()
		return time.Since(began)
	}
	// On a machine that does nothing else both take about the same; what is slow to read would take many times as long.
	took, plain := flood(bodies, (*hostile).body), flood(bodies/10, func(*hostile) string { return plainBody })
	if took > 7*10*plain {
		t.Errorf("took %v, and as many plain ones would take %v", took, 10*plain)
	}
	statuses[200].Add(-bodies / 10)
	if good, bad := statuses[200].Load(), statuses[400].Load(); good < bodies/10 || bad < bodies/10 {
		t.Errorf("%d served and %d refused: this proves little", good, bad)
	}
	for _, r := range chats(fake) {
		if err := meansOnly(r.Body, "a:free", "b:free"); err != nil {
			t.Fatalf("%v: %q", err, r.Body)
		}
	}
	if fake.Paid() != 0 || fake.Hits(evil) != 0 {
		t.Errorf("%d calls cost money", fake.Paid())
	}
	ports := map[string]bool{}
	for _, r := range chats(fake) {
		ports[r.Remote] = true
	}
	if len(ports) > 4*clients {
		t.Errorf("%d connections for %d clients that keep theirs", len(ports), clients)
	}
}

// meansOnly says whether every reader of this body, strict or not, finds one of these models in it and nothing that widens the
// choice.
func meansOnly(body []byte, models ...string) error {
	d := json.NewDecoder(bytes.NewReader(body))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return fmt.Errorf("no object: %v", err)
	}
	named := 0
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return err
		}
		for _, name := range guarded {
			if !strings.EqualFold(key.(string), name) {
				continue
			}
			var model string
			if key != "model" || json.Unmarshal(raw, &model) != nil || !slices.Contains(models, model) {
				return fmt.Errorf("%q is %s", key, raw)
			}
			named++
		}
	}
	if _, err := d.Token(); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("bytes behind the end")
	}
	if named != 1 {
		return fmt.Errorf("%d models", named)
	}
	return nil
}

// The judge of the test above knows guilt when it sees it.
func TestMeansOnly(t *testing.T) {
	if err := meansOnly([]byte(`{"messages":[],"model":"a:free"}`), "a:free"); err != nil {
		t.Error(err)
	}
	for _, body := range []string{`{}`, `{"model":"b"}`, `{"model":"a:free","model":"a:free"}`, `{"model":"a:free","\u004dodel":"a:free"}`,
		`{"model":"a:free","modelſ":[]}`, `{"model":"a:free","plugins":[]}`, `{"model":"a:free"}{}`, `{"model":"a:free"`, `[]`} {
		if meansOnly([]byte(body), "a:free") == nil {
			t.Errorf("%s passes", body)
		}
	}
}

// 4.14: a redirect is a fault and never followed.
func TestServeFollowsNoRedirect(t *testing.T) {
	t.Parallel()
	elsewhere, other := simulated(t, models("a"))
	fake, url := simulated(t, models("a", "b"))
	fake.Script("a", fakellm.Redirect(other+"/chat/completions").Forever())
	f := start(t, chain(url, "", "a", "b"))
	f.want(f.chat(plainBody), 200, "a=upstream_fault; b=ok")
	if n := len(elsewhere.Requests()); n != 0 {
		t.Errorf("it was followed %d times", n)
	}
	if a := f.row("a"); a.FailureCount != 1 {
		t.Errorf("%+v", a)
	}
}

// 4.14: a provider that is not local does not reach this machine, whatever its address looks like.
func TestServeDialsNoLoopbackForOthers(t *testing.T) {
	t.Parallel()
	inside, insideURL := simulated(t, models("a"))
	_, url := simulated(t, models("b"))
	port := insideURL[strings.LastIndexByte(insideURL, ':'):]
	for _, host := range []string{"0.0.0.0", "[::]", "[::ffff:0.0.0.0]"} {
		f := start(t, fmt.Sprintf("providers: {far: {base_url: \"http://%s%s\", free: plan}, near: {base_url: %q}}\nmodels: [{id: a, provider: far}, {id: b, provider: near}]\n", host, port, url))
		f.want(f.chat(plainBody), 200, "a=upstream_fault; b=ok")
		if e := f.row("a").LastError; !strings.Contains(e, "address refused") {
			t.Errorf("%s: %q", host, e)
		}
	}
	if n := len(inside.Requests()); n != 0 {
		t.Errorf("%d calls came through", n)
	}
}
