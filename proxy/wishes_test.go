package proxy

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"freefall/fallback"
	"freefall/internal/fakellm"
)

// explained is an answer of POST /api/chat/explain.
type explained struct {
	Need struct {
		NoTrain bool `json:"no_train"`
	}
	Task, First string
	Decisions   []string
	Candidates  []struct{ ID, Reason, Detail string }
}

func (w *world) explain(body string, headers ...string) (out explained) {
	w.Helper()
	a := w.do("POST", "/api/chat/explain", body, headers...)
	if err := json.Unmarshal([]byte(a.body), &out); err != nil || out.Decisions == nil {
		w.Fatalf("%v in %s", err, a.body)
	}
	return out
}

// A task that the client names chooses the chain that matches it, or models of that strength; what is no word is none.
func TestTaskOfAHeader(t *testing.T) {
	models := chain("a", "b", "c")
	models[1].Strengths = []string{"korean"}
	inBubble(t, plan{models: models, pool: fallback.Config{Order: fallback.Priority, Chains: []fallback.Chain{
		{Name: "code", Models: []string{"c"}, Match: fallback.Match{Task: "code"}}}}}, func(w *world) {
		for header, want := range map[string]string{"": "a", "korean": "b", "code": "c", "Code": "a", "co de": "a", strings.Repeat("x", 33): "a", "dance": "a"} {
			if a := w.chat(plainBody, headerTask, header); a.trail() != want+"=ok" {
				t.Errorf("%q: %s", header, a.trail())
			}
		}
		if x := w.explain(plainBody, headerTask, "code"); x.Task != "code" || x.First != "c" || strings.Join(x.Decisions, ";") != "chain code matches the request" {
			t.Errorf("%+v", x)
		}
		for _, word := range []string{"c'est", strings.Repeat("x", 33)} {
			if x := w.explain(plainBody, headerTask, word); x.Task != "" || len(x.Decisions) != 0 {
				t.Errorf("%+v", x)
			}
		}
	})
}

// What must not be trained on reaches only those that are known not to. A wish that is not understood is not ignored.
func TestPrivacyOfAHeader(t *testing.T) {
	models := chain("a", "b", "c")
	models[1].Training, models[2].Training = fallback.MayTrain, fallback.NeverTrains
	inBubble(t, plan{models: models, pool: fallback.Config{Order: fallback.Priority}}, func(w *world) {
		for _, value := range []string{"no_train", "NO_TRAIN", " no_train "} {
			if a := w.chat(plainBody, headerPrivacy, value); a.trail() != "c=ok" {
				t.Errorf("%q: %s", value, a.trail())
			}
		}
		for _, value := range []string{"", "none", "no-train", "no_train, please"} {
			if a := w.chat(plainBody, headerPrivacy, value); a.status != 400 || a.err().Param != headerPrivacy || !strings.Contains(a.err().Message, "takes no_train") {
				t.Errorf("%q: %d %s", value, a.status, a.body)
			}
		}
		x := w.explain(plainBody, headerPrivacy, "no_train")
		if !x.Need.NoTrain || x.First != "c" || x.Candidates[0].Reason != "may_train" || x.Candidates[1].Detail != "who serves it for free may train on prompts" {
			t.Errorf("%+v", x)
		}
		w.pool.Pause("p", "c")
		a := w.chat(plainBody, headerPrivacy, "no_train")
		const want = "no configured model supports what the request needs: a: may train, b: may train, c: paused. no_train keeps it from"
		if a.status != 400 || a.err().Code != "unsupported_feature" || !strings.HasPrefix(a.err().Message, want) || a.header.Get(headerAttempts) != "0" {
			t.Errorf("%d %s", a.status, a.body)
		}
		if a := w.chat(plainBody); a.trail() != "a=ok" {
			t.Errorf("who asks for nothing: %s", a.trail())
		}
		if n := w.fake().Hits("b"); n != 0 {
			t.Errorf("%d calls to one that may train", n)
		}
	})
}

const goesOnBody = `{"messages":[{"role":"user","content":"Hello"},{"role":"assistant","content":"Hi"},{"role":"user","content":"Go on"}]}`

// A conversation stays with the model that answered it, under adaptive by how it begins and in any order by the name that its
// client gives it; what only begins alike, and other clients, do not follow.
func TestConversationStaysWithItsModel(t *testing.T) {
	for _, c := range []struct {
		order        fallback.Order
		name, header string
		alike, goes  string // who answers one that begins like it, and one that goes on
	}{
		{fallback.Adaptive, "", "", "a", "b"},
		{fallback.Adaptive, headerSession, "s 1", "b", "b"},
		{fallback.LastGood, headerSessionID, "s-1", "b", "b"},
		{fallback.LastGood, "", "", "a", "a"},
	} {
		s := Settings{Clients: []Client{{Name: "ana", Key: "k-ana"}, {Name: "bob", Key: "k-bob"}}}
		inBubble(t, plan{models: chain("a", "b"), settings: s, pool: fallback.Config{Order: c.order}}, func(w *world) {
			ask := func(body, key string) string {
				headers := []string{"Authorization", "Bearer " + key}
				if c.name != "" {
					headers = append(headers, c.name, c.header)
				}
				return w.chat(body, headers...).trail()
			}
			w.fake().Script("a", fakellm.Fault(500))
			if got := ask(plainBody, "k-ana"); got != "a=upstream_fault; b=ok" {
				t.Fatal(got)
			}
			time.Sleep(10 * time.Minute) // what happened to a is forgotten
			for range 9 {
				w.chat(`{"model":"a","messages":[{"role":"user","content":"Another"}]}`, "Authorization", "Bearer k-bob")
				w.chat(`{"messages":[{"role":"user","content":"Another"}]}`, "Authorization", "Bearer k-bob")
			}
			for who, want := range map[string]string{"k-ana": c.goes, "k-bob": "a"} {
				if got := ask(goesOnBody, who); got != want+"=ok" {
					t.Errorf("%+v: it goes on for %s with %s", c, who, got)
				}
			}
			if got := ask(plainBody, "k-ana"); got != c.alike+"=ok" {
				t.Errorf("%+v: what begins alike goes to %s", c, got)
			}
		})
	}
}

// Under adaptive a request that could wait leaves what can do more to others, as long as it pays: it takes it rather than nothing.
func TestRatherThanNothing(t *testing.T) {
	models := chain("first", "plain", "tools")
	models[0].Tools, models[1].Tools = false, false
	models[1].Limits = []fallback.Window{{Cycle: fallback.Fixed, Per: 10 * time.Second, Limit: 1}}
	models[2].Limits = []fallback.Window{{Cycle: fallback.Daily, Per: 24 * time.Hour, Limit: 9}}
	none := fakellm.Step{Kind: fakellm.KindFault, Status: 500, Head: fakellm.Duration(2 * time.Second)}
	unsure := refusal(422, `{"error":{"message":"unsure","code":422}}`)
	for _, c := range []struct {
		name    string
		total   time.Duration
		waiting int
		maxWait string
		first   fakellm.Step
		want    string
		took    time.Duration
	}{
		{"leaves it to others", time.Minute, 9, "", none, "first=upstream_fault; plain=ok", 5100 * time.Millisecond},
		{"will not wait", time.Minute, 9, "0s", none, "first=upstream_fault; tools=ok", 2 * time.Second},
		{"would wait in vain", time.Minute, 9, "1s", none, "first=upstream_fault; tools=ok", 2 * time.Second},
		{"has no time left to wait", 4 * time.Second, 9, "", none, "first=upstream_fault; tools=ok", 2 * time.Second},
		{"has no place to wait", time.Minute, 0, "", none, "first=upstream_fault; tools=ok", 2 * time.Second},
		{"asks for a second opinion", time.Minute, 9, "", unsure, "first=invalid_request; tools=ok", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, plan{models: models, settings: Settings{MaxWait: 15 * time.Second, Total: c.total},
				pool: fallback.Config{Order: fallback.Adaptive, MaxWaiting: c.waiting}, at: time.Date(2000, 1, 1, 0, 0, 5, 0, time.UTC)}, func(w *world) {
				w.chat(strings.Replace(plainBody, "auto", "plain", 1))
				for range 3 {
					w.chat(toolsBody) // faster than the day goes by
				}
				w.fake().Script("first", c.first)
				begun := time.Now()
				a := w.chat(plainBody, headerMaxWait, c.maxWait)
				if took := time.Since(begun); a.trail() != c.want || !within(took, c.took) {
					t.Errorf("%s after %v, want %s after %v", a.trail(), took, c.want, c.took)
				}
				if c.first.Status == 500 && !strings.Contains(w.log.String(), "Switching from first to tools") && strings.Contains(c.want, "tools") {
					t.Errorf("the log does not tell the switch:\n%s", w.log)
				}
			})
		})
	}
}
