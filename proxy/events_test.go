package proxy

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"freefall/fallback"
	"freefall/internal/fakellm"
)

// onlooker reads a stream of events.
type onlooker struct {
	*testing.T
	resp  *http.Response
	leave context.CancelFunc

	mu   sync.Mutex
	seen []event
	over bool
}

// event is one of a stream; a comment has the name ":".
type event struct {
	name, data string
	at         time.Time
}

func (w *world) look(headers ...string) *onlooker {
	w.Helper()
	ctx, leave := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, "GET", "http://localhost/api/events", nil)
	if err != nil {
		w.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := w.client.Do(req)
	if err != nil {
		w.Fatal(err)
	}
	o := &onlooker{T: w.T, resp: resp, leave: leave}
	go o.read()
	return o
}

func (o *onlooker) read() {
	defer o.resp.Body.Close()
	lines := bufio.NewReader(o.resp.Body)
	var e event
	for {
		line, err := lines.ReadString('\n')
		o.mu.Lock()
		if err != nil {
			o.over = true
			o.mu.Unlock()
			return
		}
		line = strings.TrimSuffix(line, "\n")
		if name, ok := strings.CutPrefix(line, "event: "); ok {
			e.name = name
		}
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			e.data = data
		}
		if name, ok := strings.CutPrefix(line, "retry: "); ok {
			e.name, e.data = "retry", name
		}
		if strings.HasPrefix(line, ":") {
			e.name = ":"
		}
		if line == "" {
			e.at = time.Now()
			o.seen, e = append(o.seen, e), event{}
		}
		o.mu.Unlock()
	}
}

// all are the events of a kind so far.
func (o *onlooker) all(name string) (found []event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, e := range o.seen {
		if e.name == name {
			found = append(found, e)
		}
	}
	return found
}

func (o *onlooker) ended() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.over
}

// modelsEvent is the data of an event.
type modelsEvent struct {
	Partial bool
	Current *string `json:"current_model"`
	Models  []modelState
	Left    json.RawMessage `json:"left_today"`
	Clients []clientState
	Refused *string `json:"config_error"`
}

func (e event) models(t *testing.T) (m modelsEvent) {
	t.Helper()
	if err := json.Unmarshal([]byte(e.data), &m); err != nil {
		t.Fatalf("%v in %s", err, e.data)
	}
	return m
}

func (e event) request(t *testing.T) (r requestState) {
	t.Helper()
	if err := json.Unmarshal([]byte(e.data), &r); err != nil {
		t.Fatalf("%v in %s", err, e.data)
	}
	return r
}

// The whole state first, then the rows that change, within the pause; and what happens.
func TestEvents(t *testing.T) {
	inBubble(t, plan{models: chain("a", "b", "c")}, func(w *world) {
		o := w.look()
		defer o.leave()
		if h := o.resp.Header; o.resp.StatusCode != 200 || !strings.HasPrefix(h.Get("Content-Type"), "text/event-stream") || h.Get("Cache-Control") != "no-store" {
			t.Errorf("%d %v", o.resp.StatusCode, h)
		}
		time.Sleep(eventPause)
		if r := o.all("retry"); len(r) != 1 || r[0].data != "1000" {
			t.Errorf("retry: %v", r)
		}
		first := o.all(eventModels)
		if len(first) != 1 {
			t.Fatalf("%d events of the state", len(first))
		}
		if m := first[0].models(t); m.Partial || len(m.Models) != 3 || m.Current == nil || *m.Current != "a" {
			t.Errorf("the first: %s", first[0].data)
		}
		whole := w.do("GET", "/api/chat/models", "").body
		var told, page map[string]any
		_ = json.Unmarshal([]byte(first[0].data), &told)
		_ = json.Unmarshal([]byte(whole), &page)
		delete(told, "partial")
		if a, b := fmt.Sprint(told), fmt.Sprint(page); a != b {
			t.Errorf("the event is not the page:\n%s\n%s", a, b)
		}

		w.fake().Script("a", fakellm.Fault(500))
		begun := time.Now()
		w.chat(plainBody, "X-Request-Id", "r1")
		time.Sleep(2 * eventPause)
		more := o.all(eventModels)[1:]
		if len(more) == 0 || more[0].at.Sub(begun) > 2*eventPause {
			t.Fatalf("nothing is told in time: %v", more)
		}
		rows := map[string]modelState{}
		for _, e := range more {
			m := e.models(t)
			if !m.Partial {
				t.Errorf("the whole state again: %s", e.data)
			}
			for _, row := range m.Models {
				rows[row.ID] = row
			}
		}
		if rows["a"].FailureCount != 1 || rows["b"].ID == "" {
			t.Errorf("the rows that changed: %+v", rows)
		}
		if s := o.all(eventSwitch); len(s) != 1 || !strings.Contains(s[0].data, `"from":"a","from_provider":"p","to":"b"`) || !strings.Contains(s[0].data, "Switching from a to b") {
			t.Errorf("switches: %v", s)
		}
		requests := o.all(eventRequest)
		if len(requests) != 1 {
			t.Fatalf("requests: %v", requests)
		}
		if r := requests[0].request(t); r.ID != "r1" || r.Trail != "a=upstream_fault; b=ok" || len(r.Attempts) != 2 || r.Skipped != 0 {
			t.Errorf("%s", requests[0].data)
		}
		w.proxy.Refused("models.yaml:3: no")
		w.proxy.Reconfigure(Settings{})
		time.Sleep(2 * eventPause)
		if c := o.all(eventConfig); len(c) != 2 || !strings.Contains(c[0].data, `"ok":false,"error":"models.yaml:3: no"`) || !strings.Contains(c[1].data, `"ok":true,"error":null`) {
			t.Errorf("configurations: %v", c)
		}
	})
}

// Nothing changes: nothing is told but that somebody is there. What changes by itself is told within a second.
func TestEventsAreQuiet(t *testing.T) {
	inBubble(t, plan{models: chain("a"), pool: fallback.Config{Breaker: fallback.Breaker{Failures: 1, Cooldown: 30 * time.Second, MaxCooldown: time.Minute}}}, func(w *world) {
		w.fake().Script("a", fakellm.Fault(500))
		w.chat(plainBody)
		rested := time.Now()
		o := w.look()
		defer o.leave()
		time.Sleep(29 * time.Second)
		if n := len(o.all(eventModels)); n != 1 {
			t.Errorf("%d events of a state that stays the same", n)
		}
		if n := len(o.all(":")); n != 1 {
			t.Errorf("%d heartbeats in 29 s", n)
		}
		time.Sleep(3 * time.Second)
		all := o.all(eventModels)
		if len(all) < 2 || all[1].at.Sub(rested) > 31*time.Second || !strings.Contains(all[1].data, `"is_available":true`) {
			t.Errorf("the end of the rest: %v", all)
		}
	})
}

// Much at once: ten looks a second at most, fifty requests a second at most, the last one among them, and the others are counted.
func TestEventsAreSampled(t *testing.T) {
	inBubble(t, plan{models: chain("a")}, func(w *world) {
		w.fake().Script("a", fakellm.Slow(time.Millisecond, 0, 0).Forever())
		o := w.look()
		defer o.leave()
		time.Sleep(time.Second)
		const n = 1020 // the last ones come at once, after a look
		for i := range n {
			w.chat(plainBody, "X-Request-Id", fmt.Sprint("nth-", i+1))
			time.Sleep(time.Millisecond)
		}
		took := time.Since(o.all(eventModels)[0].at)
		time.Sleep(time.Second)
		if told := o.all(eventRequest); !strings.Contains(told[len(told)-1].data, fmt.Sprint("nth-", n)) {
			t.Errorf("the last request of many is not told: %s", told[len(told)-1].data)
		}
		w.chat(plainBody)
		time.Sleep(time.Second)
		if got := len(o.all(eventModels)); float64(got) > 10*took.Seconds()+5 || got < 10 {
			t.Errorf("%d looks in %v", got, took)
		}
		told := o.all(eventRequest)
		skipped := 0
		for _, e := range told {
			skipped += e.request(t).Skipped
		}
		if len(told)+skipped != n+1 || float64(len(told)) > 50*took.Seconds()+55 || skipped == 0 {
			t.Errorf("%d told, %d skipped in %v", len(told), skipped, took)
		}
	})
}

// A client is told of its own requests, and neither whose others there are nor of accounts.
func TestEventsAreNobodyElses(t *testing.T) {
	s := Settings{Clients: []Client{{Name: "ana", Key: "k-ana"}, {Name: "ben", Key: "k-ben"}}, AdminKey: "k-admin"}
	inBubble(t, plan{models: chain("a", "b"), settings: s}, func(w *world) {
		cookie := w.logIn("k-admin")
		ana, ben, admin, page := w.look("Authorization", "Bearer k-ana"), w.look("Authorization", "Bearer k-ben"), w.look("Authorization", "Bearer k-admin"), w.look("Cookie", cookie)
		time.Sleep(time.Second)
		w.fake().Script("a", fakellm.Fault(500))
		w.chat(plainBody, "Authorization", "Bearer k-ana")
		w.chat(plainBody, "Authorization", "Bearer k-admin")
		time.Sleep(time.Second)
		for name, c := range map[string]struct {
			o                  *onlooker
			requests, switches int
		}{"ana": {ana, 1, 1}, "ben": {ben, 0, 0}, "admin": {admin, 2, 1}, "page": {page, 2, 1}} {
			if got := len(c.o.all(eventRequest)); got != c.requests {
				t.Errorf("%s is told of %d requests", name, got)
			}
			if got := len(c.o.all(eventSwitch)); got != c.switches {
				t.Errorf("%s is told of %d switches", name, got)
			}
			m := c.o.all(eventModels)[0]
			if all := name == "admin" || name == "page"; strings.Contains(m.data, `"accounts"`) != all || strings.Contains(m.data, `"keys"`) != all || strings.Contains(m.data, "ben") != (all || name == "ben") {
				t.Errorf("%s is told: %s", name, m.data)
			}
		}
		w.do("POST", "/logout", "", "Cookie", cookie, "Content-Type", asJSON)
		time.Sleep(time.Second)
		if !page.ended() || admin.ended() {
			t.Error("the stream of a session ends with it, others do not")
		}
		w.proxy.Reconfigure(Settings{Clients: s.Clients[:1], AdminKey: "k-admin"})
		time.Sleep(time.Second)
		if !ben.ended() || ana.ended() || admin.ended() {
			t.Errorf("a key that is taken away: %t %t %t", ben.ended(), ana.ended(), admin.ended())
		}
		if len(ana.all(eventConfig)) != 1 {
			t.Error("those who stay are told of the configuration")
		}
		ana.leave()
		admin.leave()
	})
}

// A hundred may look, ten with one key; who leaves makes room, and when nobody is left nothing goes on.
func TestEventsHaveRoom(t *testing.T) {
	s := Settings{Clients: []Client{{Name: "ana", Key: "k-ana"}}, AdminKey: "k-admin"}
	inBubble(t, plan{models: chain("a"), settings: s}, func(w *world) {
		var all []*onlooker
		for range viewersOfClient {
			all = append(all, w.look("Authorization", "Bearer k-ana"))
		}
		if got := w.do("GET", "/api/events", "", "Authorization", "Bearer k-ana"); got.status != 503 || got.header.Get("Retry-After") == "" || got.err().Code != "too_many_viewers" {
			t.Errorf("one more of ana: %d %v", got.status, got.header)
		}
		for len(all) < maxViewers {
			all = append(all, w.look("Authorization", "Bearer k-admin"))
		}
		if got := w.do("GET", "/api/events", "", "Authorization", "Bearer k-admin"); got.status != 503 {
			t.Errorf("one more of all: %d", got.status)
		}
		w.chat(plainBody, "Authorization", "Bearer k-ana")
		time.Sleep(time.Second)
		if page := w.do("GET", "/metrics", "", "Authorization", "Bearer k-admin").body; !strings.Contains(page, "\nfreefall_event_viewers 100\n") || !strings.Contains(page, "\nfreefall_journal_requests 1\n") {
			t.Error("the metrics do not tell of them")
		}
		for i, o := range all {
			if len(o.all(eventRequest)) != 1 {
				t.Errorf("viewer %d is told of %d requests", i, len(o.all(eventRequest)))
			}
			o.leave()
		}
		synctest.Wait()
		w.proxy.events.mu.Lock()
		left := len(w.proxy.events.viewers)
		w.proxy.events.mu.Unlock()
		if left != 0 {
			t.Errorf("%d viewers are still there", left)
		}
		time.Sleep(2 * eventLook)
		if w.proxy.events.watched.Load() {
			t.Error("it still looks, for nobody")
		}
		o := w.look("Authorization", "Bearer k-ana")
		time.Sleep(eventPause)
		if len(o.all(eventModels)) != 1 {
			t.Error("after that it begins again")
		}
		o.leave()
	})
}

// Who reads slowly holds up nobody, costs a bounded number of bytes, and gets the whole state when it reads again.
func TestEventsForSlowReaders(t *testing.T) {
	var models []fallback.Model
	for i := range 100 {
		models = append(models, chain(fmt.Sprintf("model-%03d", i))...)
	}
	inBubble(t, plan{models: models}, func(w *world) {
		conn, err := w.client.Transport.(*http.Transport).DialContext(context.Background(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
		quick := w.look()
		defer quick.leave()
		time.Sleep(time.Second)
		missed := false
		for i := range 300 {
			w.chat(plainBody, "X-Request-Id", fmt.Sprint("r", i))
			w.pool.Pause("p", fmt.Sprintf("model-%03d", 1+i%99))
			w.pool.Resume(time.Now(), "p", fmt.Sprintf("model-%03d", 1+(i+50)%99))
			time.Sleep(50 * time.Millisecond)
			w.proxy.events.mu.Lock()
			for v := range w.proxy.events.viewers {
				v.mu.Lock()
				if len(v.pending) > maxPending+64<<10 {
					t.Errorf("%d bytes wait for one viewer", len(v.pending))
				}
				missed = missed || v.behind
				v.mu.Unlock()
			}
			w.proxy.events.mu.Unlock()
		}
		if got := len(quick.all(eventRequest)); got < 250 {
			t.Errorf("who reads is told of %d requests", got)
		}
		if !missed {
			t.Error("nobody was slow")
		}
		slow := bufio.NewReader(conn)
		for range 2 { // the first one, and the one after what was missed
			if err := until(slow, `"partial":false`); err != nil {
				t.Error(err)
			}
		}
	})
}

// A stop ends all streams at once, in good form; who comes then is told to come again.
func TestEventsEndWithFreefall(t *testing.T) {
	inBubble(t, plan{models: chain("a")}, func(w *world) {
		w.fake().Script("a", fakellm.Slow(5*time.Second, 0, 0))
		o := w.look()
		time.Sleep(time.Second)
		var running sync.WaitGroup
		running.Go(func() { w.chat(plainBody) })
		time.Sleep(time.Second)
		begun := time.Now()
		running.Go(func() { _ = w.proxy.Shutdown(time.Minute) })
		synctest.Wait()
		if !o.ended() || time.Since(begun) > time.Second {
			t.Errorf("it goes on: %t after %v", o.ended(), time.Since(begun))
		}
		if got := w.do("GET", "/api/events", ""); got.status != 503 || got.err().Code != "stopping" {
			t.Errorf("a late one: %d %s", got.status, got.body)
		}
		running.Wait()
	})
}

// HTTP/1.0 knows no chunks, and HEAD no body.
func TestEventsForOldClients(t *testing.T) {
	inBubble(t, plan{models: chain("a")}, func(w *world) {
		dial := w.client.Transport.(*http.Transport).DialContext
		talk := func(request string) (net.Conn, *bufio.Reader) {
			conn, err := dial(context.Background(), "", "")
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprint(conn, request)
			return conn, bufio.NewReader(conn)
		}
		conn, r := talk("GET /api/events HTTP/1.0\r\nHost: localhost\r\n\r\n")
		if err := until(r, "retry: 1000\n\nevent: models\ndata: {"); err != nil {
			t.Error(err)
		}
		conn.Close()
		conn, r = talk("HEAD /api/events HTTP/1.1\r\nHost: localhost\r\n\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
		if err := until(r, `{"status":"ok"}`); err != nil {
			t.Error(err)
		}
		conn.Close()
		synctest.Wait()
		time.Sleep(time.Second)
		if w.proxy.events.watched.Load() {
			t.Error("somebody is still told")
		}
	})
}

// A look that takes long, as on a busy machine, makes the next one later, but nobody is told anything a second late.
func TestEventsRest(t *testing.T) {
	for _, c := range []struct{ work, rest time.Duration }{
		{0, eventPause}, {time.Millisecond, eventPause}, {10 * time.Millisecond, 500 * time.Millisecond}, {200 * time.Millisecond, eventRest}, {time.Hour, eventRest},
	} {
		if got := restAfter(c.work); got != c.rest {
			t.Errorf("after %v it rests %v, want %v", c.work, got, c.rest)
		}
		if restAfter(c.work)+200*time.Millisecond >= time.Second && c.work <= 200*time.Millisecond {
			t.Errorf("after %v what happens is told a second late", c.work)
		}
	}
}

// What a look costs, with many models and as many requests as fit into a pause.
func BenchmarkEventsLook(b *testing.B) {
	var models []fallback.Model
	for i := range 200 {
		m := chain(fmt.Sprintf("model-%03d", i))[0]
		m.Keys = []fallback.Key{{Account: "p"}}
		m.Via = &Route{Provider: &Provider{Name: "p", Keys: []string{""}}}
		models = append(models, m)
	}
	p := &Proxy{pool: fallback.New(fallback.Config{Models: models})}
	s := Settings{}.withDefaults()
	w := newView(viewKey{all: true}, time.Now())
	for b.Loop() {
		now := time.Now()
		w.update(p.overview(now, p.pool.Snapshot(now), s, caller{}, true))
	}
}
