package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"freefall/internal/config"
	"freefall/internal/fakellm"
	"freefall/internal/roster"
	"freefall/internal/upstream"
)

// shown are the rows as a person sees them: "a", "b=gone".
func (s *server) shown() string {
	var out []string
	for _, m := range s.pool.Snapshot(time.Now()) {
		text := m.Model.ID
		if m.Reason != "" {
			text += "=" + m.Reason
		}
		out = append(out, text)
	}
	return strings.Join(out, " ")
}

// withServer runs a test in fake time over a server of this config, whose provider p.test is the fake. look begins to ask for lists.
func withServer(t *testing.T, yaml string, fake *fakellm.Server, test func(s *server, log *output, look func())) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "models.yaml")
	write(t, path, yaml+"data_dir: \"\"\n")
	synctest.Test(t, func(t *testing.T) {
		c, err := config.Load(config.Options{Path: path, Dir: dir, Known: known()})
		if err != nil {
			t.Fatal(err)
		}
		front := fakellm.NewPipes()
		provider := &http.Server{Handler: fake}
		var all sync.WaitGroup
		all.Go(func() { _ = provider.Serve(front) })
		log := &output{}
		s, err := newServerOver(c, zerolog.New(log), upstream.New(upstream.Config{Dial: front.Dial}))
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		test(s, log, func() {
			all.Go(func() { s.lists.Run(ctx) })
			synctest.Wait()
		})
		stop()
		s.store.Close()
		_ = s.transport.Close()
		_ = provider.Close()
		all.Wait()
	})
}

const atTest = `
providers: {p: {base_url: "http://p.test/v1", dialect: openrouter, keys: [k]%s}}
models: [{id: "mine:free"}, {id: zero, supports_vision: false}]
`

// The rows follow a list that changes at each look within an interval and a tenth, and each change is one line.
func TestTheRowsFollowTheLists(t *testing.T) {
	model := func(id string, price float64, more ...func(*fakellm.Model)) fakellm.Model {
		m := fakellm.Model{ID: id, Price: price, Tools: true, Vision: true, Context: 1000}
		for _, change := range more {
			change(&m)
		}
		return m
	}
	wide := func(m *fakellm.Model) { m.Context = 9000 }
	mine, zero := model("mine:free", 0), model("zero", 0)
	fake := fakellm.New(fakellm.Options{Models: []fakellm.Model{mine, zero}})
	withServer(t, fmt.Sprintf(atTest, ""), fake, func(s *server, log *output, look func()) {
		if got := s.shown(); got != "mine:free zero=not_free" {
			t.Errorf("before the first list: %s", got)
		}
		var told []string
		s.changed = func(c roster.Change) { told = append(told, c.ID+" "+c.What.String()) }
		look()
		step := func(rows, changes string) {
			t.Helper()
			if got := s.shown(); got != rows {
				t.Errorf("the rows are %s\nwanted       %s", got, rows)
			}
			if got := strings.Join(told, ", "); got != changes {
				t.Errorf("told %q, want %q", got, changes)
			}
			if n := strings.Count(log.String(), `"change":`); n != len(told) {
				t.Errorf("%d lines for %q", n, told)
			}
			told = nil
			log.mu.Lock()
			log.b.Reset()
			log.mu.Unlock()
		}
		step("mine:free zero", "zero back")
		for _, world := range []struct {
			models        []fakellm.Model
			rows, changes string
		}{
			{[]fakellm.Model{mine, zero}, "mine:free zero", ""},
			{[]fakellm.Model{mine, zero, model("new:free", 0), model("new/zero", 0, wide), model("new/paid", 1)}, "mine:free zero new/zero new:free", "new/zero joined, new:free joined"},
			{[]fakellm.Model{mine, zero, model("new:free", 0), model("new/zero", 1), model("new/paid", 0)}, "mine:free zero new/paid new:free", "new/paid joined, new/zero left"},
			{[]fakellm.Model{mine, model("zero", 1)}, "mine:free zero=not_free", "zero not_free, new/paid left, new:free left"},
			{[]fakellm.Model{zero}, "mine:free=gone zero", "mine:free gone, zero back"},
			{nil, "mine:free=gone zero", ""}, // an empty list parks nothing, nor does it bring anything back
			{[]fakellm.Model{mine, zero, model("x:free", 0)}, "mine:free zero x:free", "mine:free back, x:free joined"},
		} {
			fake.SetModels(world.models...)
			time.Sleep(67 * time.Minute)
			synctest.Wait()
			step(world.rows, world.changes)
		}
		fake.Script("/models", fakellm.Fault(500).Forever())
		time.Sleep(22 * time.Hour)
		synctest.Wait()
		step("mine:free zero x:free", "")
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		step("mine:free zero=not_free x:free", "zero not_free")
		fake.Script("/models")
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		step("mine:free zero x:free", "zero back")
	})
}

// What the config leaves open is taken from the list, and what it says holds.
func TestListsFillInWhatTheConfigLeavesOpen(t *testing.T) {
	fake := fakellm.New(fakellm.Options{Models: []fakellm.Model{{ID: "mine:free", Tools: true, Vision: true, JSONSchema: true, Context: 5000},
		{ID: "zero", Tools: true, Vision: true, Context: 7000}, {ID: "other:free", Name: "Other", Tools: true, Context: 8000}}})
	withServer(t, fmt.Sprintf(atTest, ", model_limits: {rpm: 3}"), fake, func(s *server, _ *output, look func()) {
		look()
		var got []string
		for _, m := range s.pool.Snapshot(time.Now()) {
			got = append(got, fmt.Sprint(m.Model.ID, " ", m.Model.Name, " ", m.Model.Tools, m.Model.Vision, m.Model.JSONSchema, " ", m.Model.Context, " ", len(m.Model.Limits)))
		}
		want := []string{"mine:free mine:free true true true 5000 1", "zero zero true false false 7000 1", "other:free Other true false false 8000 1"}
		if !slices.Equal(got, want) {
			t.Errorf("%q\nwant %q", got, want)
		}
	})
}

func TestListsAsTheOperatorWants(t *testing.T) {
	models := []fakellm.Model{{ID: "mine:free"}, {ID: "a/1:free", Context: 9}, {ID: "b/2:free", Context: 8}, {ID: "c/3:free", Context: 7}}
	for discover, want := range map[string]string{
		"off":                                   "mine:free zero=not_free",
		"{approve: manual}":                     "mine:free zero=gone",
		`{deny: ["b/*"]}`:                       "mine:free zero=gone a/1:free c/3:free",
		`{prefer: ["c/*", "b/*"]}`:              "mine:free zero=gone c/3:free b/2:free a/1:free",
		`{prefer: ["*"], deny: ["*"]}`:          "mine:free zero=gone",
		`{every: 1h}, model_limits: {rpd: 0}`:   "mine:free=limit_zero zero=limit_zero",
		`{every: 1h}, free: "no"`:               "mine:free=not_free zero=not_free",
		`{every: 1h}, free: plan, limits: none`: "mine:free zero=gone a/1:free b/2:free c/3:free",
	} {
		withServer(t, fmt.Sprintf(atTest, ", discover: "+discover), fakellm.New(fakellm.Options{Models: models}), func(s *server, _ *output, look func()) {
			look()
			if got := s.shown(); got != want {
				t.Errorf("%s: %s\nwant %s", discover, got, want)
			}
		})
	}
}

// A list that says the same again changes nothing: rests, trials and what waits for a person stay as they are.
func TestTheSameListChangesNothing(t *testing.T) {
	fake := fakellm.New(fakellm.Options{Models: []fakellm.Model{{ID: "mine:free"}, {ID: "zero"}, {ID: "x:free"}}})
	withServer(t, fmt.Sprintf(atTest, ""), fake, func(s *server, _ *output, look func()) {
		look()
		first := s.pool.Snapshot(time.Now())
		time.Sleep(5 * time.Hour)
		for i, m := range s.pool.Snapshot(time.Now()) {
			if m.Model != first[i].Model {
				t.Fatalf("%s is a new row", m.Model.ID)
			}
		}
		fake.SetModels(fakellm.Model{ID: "mine:free"}, fakellm.Model{ID: "zero"}, fakellm.Model{ID: "x:free"}, fakellm.Model{ID: "y:free"})
		time.Sleep(2 * time.Hour)
		after := s.pool.Snapshot(time.Now())
		if len(after) != 4 || after[0].Model == first[0].Model || after[0].Model.Via != first[0].Model.Via {
			t.Error("a row that stayed is reached by another way, which metrics take for another row")
		}
	})
}

// shippedLists are the lists of OpenRouter's free models that are known, by date.
func shippedLists(t *testing.T) map[string]*roster.List {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "lists", "roster.json"))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Lists []struct {
			Date   string
			Models []struct {
				ID      string
				Context int `json:"context_length"`
				Tools   bool
			}
		}
	}
	if err := json.Unmarshal(b, &doc); err != nil || len(doc.Lists) != 4 {
		t.Fatal(err, len(doc.Lists))
	}
	transport := upstream.New(upstream.Config{})
	defer transport.Close()
	lists := map[string]*roster.List{}
	for _, l := range doc.Lists {
		var models []fakellm.Model
		for _, m := range l.Models {
			models = append(models, fakellm.Model{ID: m.ID, Context: m.Context, Tools: m.Tools})
		}
		_, url := simulated(t, fakellm.Options{Models: models})
		s := roster.Source{Place: roster.Place{URL: url + "/models", Local: true}, Provider: "openrouter", Dialect: roster.ByName("openrouter")}
		if lists[l.Date], err = s.Fetch(t.Context(), transport, 0); err != nil {
			t.Fatal(err)
		}
	}
	return lists
}

// What becomes of the shipped chain with each of the lists that are known: none of it can be relied on, and there is always
// somebody with tools in its place.
func TestTheShippedChainWithKnownLists(t *testing.T) {
	c, err := config.Shipped([]string{"OPENROUTER_API_KEY=k-0123456789"}, known())
	if err != nil {
		t.Fatal(err)
	}
	b := build(c)
	var got []string
	lists := shippedLists(t)
	for _, date := range []string{"2026-07-02", "2026-07-18", "2026-09-15", "2026-11-10"} {
		b.take(c, fetched{"openrouter": lists[date]}, time.Now())
		gone, first := 0, ""
		for _, m := range b.pool.Models {
			if m.Off == "gone" {
				gone++
			} else if m.Off != "" {
				t.Errorf("%s: %s is %s", date, m.ID, m.Off)
			} else if first == "" {
				first = m.ID
			}
		}
		got = append(got, fmt.Sprintf("%s: %d gone, %d joined, first %s", date, gone, len(b.joined), first))
	}
	want := []string{
		"2026-07-02: 4 gone, 21 joined, first meta-llama/llama-3.2-3b-instruct:free",
		"2026-07-18: 4 gone, 18 joined, first meta-llama/llama-3.2-3b-instruct:free",
		"2026-09-15: 5 gone, 19 joined, first cohere/north-mini-code:free",
		"2026-11-10: 5 gone, 14 joined, first thinkingmachines/inkling-2-small:free",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// A kill keeps the last list: who had joined is there at once although the list cannot be read, and who was gone stays so.
func TestTheLastListOutlivesAKill(t *testing.T) {
	t.Parallel()
	o := models("mine:free", "joined:free")
	o.OpenAI = false
	fake, url := simulated(t, o)
	f := start(t, fmt.Sprintf("providers: {p: {base_url: %q, dialect: openrouter, keys: [k]}}\nmodels: [{id: \"mine:free\"}, {id: \"away:free\"}]\n", url))
	f.until(callBound, "the list", func() bool { ids, _ := f.order(); return ids == "mine:free away:free joined:free" })
	f.want(f.chat(ask("joined:free")), 200, "joined:free=ok")
	f.until(callBound, "the state to be written", func() bool { return f.value("freefall_store_writes_total") != "0" })
	time.Sleep(1200 * time.Millisecond)
	f.signal(syscall.SIGKILL)
	f.wait()

	fake.Script("/models", fakellm.Fault(500).Forever())
	f = startIn(t, f.dir)
	if ids, _ := f.order(); ids != "mine:free away:free joined:free" {
		t.Errorf("after the restart: %s", ids)
	}
	if r := f.row("away:free"); r.Reason != "gone" || r.Available {
		t.Errorf("%+v", r)
	}
	f.want(f.chat(ask("joined:free")), 200, "joined:free=ok")
	if n := f.value(`freefall_list_models{provider="p",state="joined"}`); n != "1" {
		t.Errorf("joined by the metrics: %q", n)
	}
	f.until(callBound, "the warning", func() bool { return strings.Contains(f.stderr.String(), "The list of models of p could not be read") })
	if f.stop(); strings.Contains(f.stderr.String(), "joins") {
		t.Errorf("nothing joined anew, and it wrote\n%s", f.stderr)
	}
}

// 4.7: 10,000 random hostile requests while every second model costs money and prices go up and down: what has announced a price
// in the list is not called when it begins to cost.
func TestServeNeverPaysWhilePricesChange(t *testing.T) {
	t.Parallel()
	const bodies, clients = 10_000, 8
	ids := []string{evil, "vendor/other", "vendor/third", "vendor/fourth"}
	world := func(prices ...float64) (list []fakellm.Model) {
		list = []fakellm.Model{{ID: "a:free", Tools: true}, {ID: "b:free"}, {ID: "always/paid", Price: 1}}
		for i, id := range ids {
			list = append(list, fakellm.Model{ID: id, Price: prices[i], Tools: true})
		}
		return list
	}
	now := []float64{1, 0, 1, 0}
	fake, url := simulated(t, fakellm.Options{Models: world(now...)})
	announce := func(prices []float64) {
		entries := []map[string]any{}
		for _, m := range world(prices...) {
			entries = append(entries, map[string]any{"id": m.ID, "pricing": map[string]any{"prompt": fmt.Sprint(m.Price), "completion": m.Price, "request": "0"}})
		}
		body, _ := json.Marshal(map[string]any{"data": entries})
		fake.Script("/models", fakellm.Raw(200, map[string]string{"content-type": "application/json"}, string(body)).Forever())
	}
	announce(now)
	f := start(t, fmt.Sprintf(`
providers: {p: {base_url: %q, dialect: openrouter, keys: [k], discover: {every: 20ms}}}
models: [{id: "a:free"}, {id: "b:free"}, {id: always/paid}, {id: %q}]
`, url, evil))
	var over atomic.Bool
	var running sync.RWMutex
	var all, flipping sync.WaitGroup
	flips := 0
	flipping.Go(func() {
		stands := func(prices []float64) bool {
			_, rows := f.state()
			for i, id := range ids {
				at := slices.IndexFunc(rows, func(r row) bool { return r.ID == id && r.Available })
				if (at >= 0) != (prices[i] == 0) {
					return false
				}
			}
			return true
		}
		for ; !over.Load(); flips++ {
			next := slices.Clone(now)
			for i := range next {
				next[i] = 1 - next[i]
			}
			dearer := slices.Clone(now) // for a while both prices are asked, the dearer one is announced
			for i := range dearer {
				dearer[i] = max(now[i], next[i])
			}
			announce(dearer)
			f.until(callBound, "the prices to be seen", func() bool { return stands(dearer) })
			running.Lock() // whoever was on the way when the price was announced has arrived
			fake.SetModels(world(next...)...)
			announce(next)
			running.Unlock()
			f.until(callBound, "the new prices to be seen", func() bool { return stands(next) })
			now = next
		}
	})
	for n := range uint64(clients) {
		all.Go(func() {
			h := hostile{rand.New(rand.NewPCG(8, n))}
			for i := range bodies / clients {
				body := h.body()
				if i%2 == 0 {
					body = ask(ids[h.IntN(len(ids))])
				}
				running.RLock()
				got := f.chat(body)
				running.RUnlock()
				if got.status != 200 && got.status != 400 && got.status != 404 && got.status != 503 { // that one only, and it costs
					t.Errorf("%d %s for %q", got.status, got.body, body)
				}
			}
		})
	}
	all.Wait()
	over.Store(true)
	flipping.Wait()
	free := 0
	for _, id := range ids {
		free += fake.Hits(id)
	}
	if fake.Paid() != 0 || fake.Hits("always/paid") != 0 {
		t.Errorf("%d calls cost money", fake.Paid())
	}
	if flips < 3 || free < bodies/100 {
		t.Errorf("prices changed %d times, and %d calls went to what was free for a while: this proves little", flips, free)
	}
}
