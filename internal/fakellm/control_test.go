package fakellm

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestControlOverASocket(t *testing.T) {
	s := New(plain)
	web := httptest.NewServer(s)
	defer web.Close()
	c := Control{URL: web.URL + "/"}
	slow := Slow(time.Millisecond, 0, 0).Repeat(2)
	all := []Step{slow, Raw(200, map[string]string{"x": "y"}, "z"), Cut(3, Reset), Tools(Call{"f", "{}"}), RawStream("x", time.Second, 1),
		Limited(Limit{Scope: Account, Requests: 1, Per: Duration(10 * time.Second), Says: SaysPlain}), Fault(500).Forever(), OK().Lasting(time.Minute)}
	if err := c.Script("m", all...); err != nil {
		t.Fatal(err)
	}
	if err := c.Limits(Limit{Scope: Account, Requests: 5, Per: Duration(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	state, err := c.State()
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "script", state.Models["m"].Script, all)
	if err := c.Script("m"); err != nil {
		t.Fatal(err)
	}
	b := &bench{s, t, web.Client()}
	r := httptest.NewRequest("POST", "/v1/chat/completions", strings.NewReader(hi("m", false)))
	r.Header.Set("Authorization", "Bearer secret-key")
	w := httptest.NewRecorder()
	b.ServeHTTP(w, r)
	equal(t, "status", w.Code, 200)
	state, err = c.State()
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "tally", state.Models["m"].Tally, Tally{Requests: 1, Good: 1, ByStatus: map[int]int{200: 1}})
	if len(state.Limits) != 1 || state.Limits[0].Used != 1 || state.Limits[0].Remaining != 4 || state.Limits[0].Account != "account-1" {
		t.Errorf("limits %+v", state.Limits)
	}
	if strings.Contains(string(encode(state)), "secret") {
		t.Error("the state shows a key")
	}
	if err := c.Reset(); err != nil {
		t.Fatal(err)
	}
	state, err = c.State()
	equal(t, "after the reset", state, State{Models: map[string]ModelState{}, Limits: []Use{}})
	if err != nil {
		t.Error(err)
	}
	if err := c.Script("m", Step{Kind: "nonsense"}); err == nil || !strings.Contains(err.Error(), `script of m, step 1: unknown kind "nonsense"`) {
		t.Errorf("a wrong step: %v", err)
	}
	web.Close()
	if err := c.Reset(); err == nil || !strings.Contains(err.Error(), "control of the simulated provider at") {
		t.Errorf("nobody there: %v", err)
	}
}

func TestControlRefusesWhatItCannotPlay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serve(t, plain)
		for _, body := range []string{``, `{`, `[]`, `{"scripts":{}}`, `{"script":{"m":[{"kind":"ok","tmies":2}]}}`, `{"script":{"m":[{"kind":"slow","head":3}]}}`,
			`{"script":{"m":[{"kind":"ok"},{"kind":"hang"}]}}`, `{"limits":[{"scope":"account","requests":-1,"per":"1s"}]}`, `{"limits":[{"scope":"world"}]}`} {
			if g := b.do("POST", "/control", body); g.status != 400 || !strings.HasPrefix(g.body, "control: ") {
				t.Errorf("%s: %d %s", body, g.status, g.body)
			}
		}
		equal(t, "put", b.do("PUT", "/control", "").status, 405)
		equal(t, "nothing changed", b.State().Models, map[string]ModelState{})
		equal(t, "no record", len(b.Requests()), 0)
	})
}

// TestTheOrderInTheDocsWorks plays the example of doc.go.
func TestTheOrderInTheDocsWorks(t *testing.T) {
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	doc := strings.ReplaceAll(string(text), "//", "")
	order := regexp.MustCompile(`(?s)\{"reset".*?\}\]\}\}`).FindString(doc)
	if !json.Valid([]byte(order)) {
		t.Fatalf("no order in doc.go: %q", order)
	}
	for _, k := range kinds {
		if !strings.Contains(doc, "\t"+string(k)+" ") {
			t.Errorf("doc.go does not name %s", k)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		b := serve(t, Options{Limits: []Limit{{Scope: Account, Per: Duration(time.Hour)}}})
		equal(t, "order", b.do("POST", "/control", order).status, 200)
		const model = "deepseek/deepseek-chat-v3-0324:free"
		var statuses []int
		for range 3 {
			statuses = append(statuses, b.chat(hi(model, true)).status)
		}
		equal(t, "faults", statuses, []int{503, 503, 503})
		if g := b.chat(hi(model, true)); g.err == nil || strings.Count(g.body, "data: ") != 4 {
			t.Errorf("cut: %+v", g)
		}
		equal(t, "then good", b.chat(hi(model, true)).status, 200)
		equal(t, "others good", b.chat(hi("liquid/lfm-2.5-2.6b:free", true)).status, 200)
	})
}
