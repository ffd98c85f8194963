package proxy

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"freefall/fallback"
	"freefall/internal/fakellm"
	"freefall/internal/openai"
)

const minPBody = `{"model":"auto","min_p":0.1,"max_tokens":50,"messages":[{"role":"user","content":"Hello"}]}`

// asked is the newest body that a model was sent, without its messages.
func (w *world) asked(model string) string {
	w.Helper()
	all := w.fake().Requests()
	for _, r := range slices.Backward(all) {
		var body map[string]json.RawMessage
		if r.Model == model && json.Unmarshal(r.Body, &body) == nil {
			delete(body, "messages")
			out, _ := json.Marshal(body)
			return string(out)
		}
	}
	w.Fatalf("%s was not asked", model)
	return ""
}

// A key that a model does not know is left out from the next request on. The one that found out goes to the next model, and no
// pair is asked twice.
func TestARefusedKeyIsLeftOutFromThenOn(t *testing.T) {
	for name, c := range map[string]struct {
		refusal fakellm.Step
		want    string // what a is sent the second time
		log     string
	}{
		"openai": {refusal(400, `{"error":{"message":"Unrecognized request argument supplied: min_p","type":"invalid_request_error","param":null,"code":null}}`),
			`{"max_tokens":50,"model":"a"}`, "from now on it is asked without min_p. Switching from a to b"},
		"mistral": {refusal(422, `{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","min_p"],"msg":"Extra inputs are not permitted","input":0.1}]}}`),
			`{"max_tokens":50,"model":"a"}`, "from now on it is asked without min_p. Switching from a to b"},
		"a bound of the answer": {refusal(400, `{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.","param":"max_tokens","code":"unsupported_parameter"}}`),
			`{"max_completion_tokens":50,"min_p":0.1,"model":"a"}`, "from now on it is asked with max_completion_tokens in the place of max_tokens. Switching"},
		"a value": {refusal(400, "{\"error\":{\"message\":\"`max_tokens` must be less than or equal to `16`\",\"param\":\"max_tokens\"}}"),
			`{"max_tokens":50,"min_p":0.1,"model":"a"}`, ""},
		"a key that was not sent": {refusal(400, `{"error":{"message":"Unrecognized request argument supplied: top_k"}}`),
			`{"max_tokens":50,"min_p":0.1,"model":"a"}`, ""},
		"a key that matters": {refusal(400, `{"error":{"message":"Unknown parameter: 'messages'.","param":"messages","code":"unknown_parameter"}}`),
			`{"max_tokens":50,"min_p":0.1,"model":"a"}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			models := chain("a", "b")
			for i := range models {
				models[i].Keys = []fallback.Key{{Account: "x"}, {Account: "y"}}
			}
			inBubble(t, plan{models: models, pool: fallback.Config{Order: fallback.Priority}}, func(w *world) {
				once := c.refusal
				once.Always = false
				w.fake().Script("a", once)
				if got := w.chat(minPBody); got.status != 200 || got.trail() != "a=unsupported_feature; b=ok" {
					t.Fatalf("%d %q %s", got.status, got.trail(), got.body)
				}
				if got := w.asked("b"); got != `{"max_tokens":50,"min_p":0.1,"model":"b"}` {
					t.Errorf("b was sent %s", got)
				}
				w.proxy.Reconfigure(Settings{})
				if got := w.chat(minPBody); got.trail() != "a=ok" {
					t.Errorf("the next request went %q", got.trail())
				}
				if got := w.asked("a"); got != c.want {
					t.Errorf("a was sent %s, want %s", got, c.want)
				}
				if !strings.Contains(w.log.String(), c.log) || (c.log == "") == strings.Contains(w.log.String(), "from now on") {
					t.Errorf("the log does not say %q:\n%s", c.log, w.log)
				}
				if _, rows := w.state(); rows["a"].FailureCount != 0 {
					t.Errorf("it counted: %+v", rows["a"])
				}
			})
		})
	}
}

// What is left out is told, and tried again after a week or when a person says so.
func TestARefusedKeyIsTriedAgain(t *testing.T) {
	for name, wait := range map[string]func(w *world){
		"a week":  func(*world) { time.Sleep(quirkFor) },
		"a reset": func(w *world) { w.do("POST", "/api/chat/models/a/reset", "", "Authorization", "Bearer admin") },
	} {
		inBubble(t, plan{models: chain("a"), settings: Settings{AdminKey: "admin"}}, func(w *world) {
			w.fake().Script("a", fakellm.Raw(400, nil, `{"error":{"message":"property 'min_p' is unsupported"}}`))
			w.chat(minPBody)
			time.Sleep(quirkFor - time.Minute)
			w.chat(minPBody)
			if got := w.asked("a"); strings.Contains(got, "min_p") {
				t.Fatalf("a was sent %s", got)
			}
			if want := "Model a answered; it was asked without min_p, which it refuses"; !strings.Contains(w.log.String(), want) {
				t.Errorf("the log does not say so:\n%s", w.log)
			}
			w.chat(plainBody)
			if lines := strings.Split(strings.TrimSpace(w.log.String()), "\n"); strings.Contains(lines[len(lines)-2], "min_p") {
				t.Errorf("nothing was left out, yet: %s", lines[len(lines)-2])
			}
			wait(w)
			w.chat(minPBody)
			if got := w.asked("a"); !strings.Contains(got, "min_p") {
				t.Errorf("after %s a was sent %s", name, got)
			}
		})
	}
}

// What one model refuses is nothing that the next one is asked without.
func TestARefusedKeyIsOneModels(t *testing.T) {
	inBubble(t, plan{models: chain("a", "b"), pool: fallback.Config{Order: fallback.Priority}}, func(w *world) {
		w.fake().Script("a", fakellm.Raw(400, nil, `{"error":{"message":"property 'min_p' is unsupported"}}`), fakellm.Fault(500))
		w.chat(minPBody)
		if got := w.chat(minPBody); got.trail() != "a=upstream_fault; b=ok" || !strings.Contains(w.asked("b"), "min_p") {
			t.Errorf("%q, b was sent %s", got.trail(), w.asked("b"))
		}
		if strings.Contains(w.log.String(), "it was asked without") {
			t.Errorf("b was asked without nothing:\n%s", w.log)
		}
	})
}

func TestQuirksOutliveARestart(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	a, b := &fallback.Model{Provider: "p", ID: "a"}, &fallback.Model{Provider: "q", ID: "a"}
	var first, second Quirks
	first.learn(a, "min_p", now.Add(-26*time.Hour))
	first.learn(a, "min_p", now.Add(-24*time.Hour))
	first.learn(a, "top_k", now)
	first.learn(a, "messages", now)
	notes := append(first.Save(), fallback.Note{Kind: "list", Name: "p", Text: "x"}, fallback.Note{Kind: quirkNote, Name: "x", Text: "{"},
		fallback.Note{Kind: quirkNote, Name: "q a", Text: `{"Provider":"q","ID":"a","Refused":{"tools":"2026-11-22T12:00:00Z","seed":"2127-11-22T12:00:00Z"}}`})
	second.Restore(notes)
	for at, want := range map[time.Duration][]string{0: {"min_p", "top_k"}, quirkFor - 24*time.Hour - 1: {"min_p", "top_k"}, quirkFor - 24*time.Hour: {"top_k"}, quirkFor: nil} {
		var again Quirks
		again.Restore(second.Save())
		for i := range 2 { // the second look is at what the first left
			got := slices.Sorted(slices.Values(again.of(a, now.Add(at)).names))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("after %v, look %d: %s", at, i, diff)
			}
		}
		if got := again.of(b, now.Add(at)); !got.empty() {
			t.Errorf("the other one refuses %v", got)
		}
	}
	if notes := (&Quirks{}).Save(); len(notes) > 0 {
		t.Errorf("notes of nothing: %v", notes)
	}
}

func TestQuirksAreBounded(t *testing.T) {
	var q Quirks
	now := time.Now()
	for i := range maxQuirks + 10 {
		q.learn(&fallback.Model{Provider: "p", ID: fmt.Sprint(i)}, "min_p", now)
	}
	if n := len(q.Save()); n != maxQuirks {
		t.Errorf("%d models", n)
	}
}

func TestQuirksAtOnce(t *testing.T) {
	var q Quirks
	var wg sync.WaitGroup
	m := &fallback.Model{Provider: "p", ID: "a"}
	now := time.Now()
	for i := range 8 {
		wg.Go(func() {
			for j := range 200 {
				q.learn(m, []string{"min_p", "top_k", "seed"}[(i+j)%3], now)
				for _, name := range q.of(m, now.Add(time.Duration(j%2)*quirkFor)).names {
					if !openai.IsKnob(name) {
						t.Errorf("%q", name)
					}
				}
				q.Restore(q.Save())
			}
		})
	}
	wg.Wait()
}

// Nearly all requests are of models that refuse nothing: they pay nothing for it.
func TestQuirksCostNothing(t *testing.T) {
	var q Quirks
	m, now := &fallback.Model{Provider: "p", ID: "a"}, time.Now()
	if n := testing.AllocsPerRun(100, func() { q.of(m, now) }); n > 0 {
		t.Errorf("%v allocations when empty", n)
	}
	q.learn(m, "min_p", now)
	if n := testing.AllocsPerRun(100, func() { q.of(m, now) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// Ids of tool calls are made to fit where the provider is strict, and what comes down is passed as it is.
func TestToolCallIDsFitTheProvider(t *testing.T) {
	const body = `{"model":"auto","tools":[{"type":"function","function":{"name":"f"}}],"messages":[{"role":"assistant","tool_calls":[{"id":"call_abc123","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"call_abc123","content":"1"}]}`
	models := chain("a", "b")
	models[0].Provider = "strict"
	strict := &Route{Provider: &Provider{Name: "strict", ChatURL: "http://strict.test/v1/chat/completions", Dialect: openai.DialectOf("mistral"),
		Edits: openai.Edits{ShortIDs: true}, Local: true, Keys: []string{"k"}}, FirstToken: time.Minute, Answer: time.Minute, Idle: time.Minute}
	models[0].Via = strict
	inBubble(t, plan{models: models, pool: fallback.Config{Order: fallback.Priority}}, func(w *world) {
		w.fakes["strict"].Script("a", fakellm.Fault(500))
		w.chat(body)
		sent := func(provider string) string { return string(w.fakes[provider].Requests()[0].Body) }
		if got, want := sent("p"), strings.Replace(body, `"auto"`, `"b"`, 1); got != want {
			t.Errorf("b was sent %s", got)
		}
		_, rest, _ := strings.Cut(sent("strict"), `"tool_calls":[{"id":"`)
		id, _, _ := strings.Cut(rest, `"`)
		want := strings.ReplaceAll(strings.Replace(body, `"auto"`, `"a"`, 1), "call_abc123", id)
		if got := sent("strict"); len(id) != 9 || got != want {
			t.Errorf("a was sent %s, want %s", got, want)
		}
		w.fakes["strict"].Script("a", fakellm.Tools())
		got := w.chat(body)
		if got.trail() != "a=ok" || !strings.Contains(got.body, `"id":"call_`) {
			t.Errorf("%q %s", got.trail(), got.body)
		}
	})
}
