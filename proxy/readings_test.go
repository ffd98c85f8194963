package proxy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"freefall/fallback"
	"freefall/internal/fakellm"
	"freefall/internal/openai"
)

// windows are what the pool knows of a model's windows: "tpm 4437/12000".
func (w *world) windows(id string) string {
	var out []string
	for _, s := range w.pool.Snapshot(time.Now()) {
		if s.Model.ID != id {
			continue
		}
		for _, q := range s.Quota {
			out = append(out, fmt.Sprintf("%s %d/%d", q.Window, q.Used, q.Limit))
		}
	}
	return strings.Join(out, ", ")
}

func (w *world) expectWindows(id, want string) {
	w.Helper()
	if got := w.windows(id); got != want {
		w.Errorf("the windows of %s are %q, want %q", id, got, want)
	}
}

const goodAnswer = `{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}`

// What the head of an answer says of the provider's windows is known before the next request.
func TestHeadsTellOfWindows(t *testing.T) {
	day := map[string]string{"x-ratelimit-limit-requests": "1000", "x-ratelimit-remaining-requests": "600", "x-ratelimit-reset-requests": "2h"}
	for name, tt := range map[string]struct {
		step fakellm.Step
		body string
		want string
	}{
		"whole":    {fakellm.Raw(200, day, goodAnswer), plainBody, "rpd 400/1000"},
		"streamed": {fakellm.Raw(200, day, "data: "+goodAnswer+"\n\ndata: [DONE]\n\n"), streamBody, "rpd 400/1000"},
		"refused":  {fakellm.Raw(400, day, `{"error":{"message":"messages must be an array","param":"messages","code":"invalid_type"}}`), plainBody, "rpd 400/1000"},
		"silent":   {fakellm.Raw(200, nil, goodAnswer), plainBody, ""},
		"twice": {fakellm.Wire("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-RateLimit-Limit-Requests: 1000\r\n" +
			"X-RateLimit-Remaining-Requests: 600\r\nX-RateLimit-Remaining-Requests: 0\r\nContent-Length: " + fmt.Sprint(len(goodAnswer)) + "\r\n\r\n" + goodAnswer), plainBody, ""},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, plan{models: chain("a"), dialect: map[string]string{"p": "groq"}}, func(w *world) {
				w.fake().Script("a", tt.step)
				w.chat(tt.body)
				w.expectWindows("a", tt.want)
			})
		})
	}
}

// A limit that a refusal names is known from then on.
func TestRefusalsTeachLimits(t *testing.T) {
	for name, tt := range map[string]struct{ dialect, answer, window string }{
		"words":    {"openai", `{"error":{"message":"Rate limit exceeded: limit of 7 requests per minute","code":"rate_limit_exceeded"}}`, "rpm"},
		"counters": {"openrouter", `{"error":{"message":"Rate limit exceeded: free-models-per-min.","code":429,"metadata":{"headers":{"X-RateLimit-Limit":"7","X-RateLimit-Remaining":"0"}}}}`, "rpm"},
		"too much": {"groq", `{"error":{"message":"Request too large on tokens per minute (TPM): Limit 7, Requested 9","code":"rate_limit_exceeded"}}`, "tpm"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, plan{models: chain("a", "b"), dialect: map[string]string{"p": tt.dialect}}, func(w *world) {
				w.fake().Script("a", fakellm.Raw(429, nil, tt.answer))
				w.chat(plainBody)
				got := w.windows("a")
				if !strings.HasPrefix(got, tt.window+" ") || !strings.HasSuffix(got, "/7") {
					t.Errorf("the windows of a are %q, want %s of 7", got, tt.window)
				}
			})
		})
	}
}

// A refusal that is cut off says nothing for certain.
func TestHalfARefusalTeachesNothing(t *testing.T) {
	inBubble(t, plan{models: chain("a", "b")}, func(w *world) {
		w.fake().Script("a", fakellm.Wire("HTTP/1.1 429 Too Many Requests\r\nContent-Length: 900\r\n\r\nlimit of 7 requests per minute"))
		w.chat(plainBody)
		if got := w.windows("a"); strings.Contains(got, "/7") {
			t.Errorf("the windows of a are %q", got)
		}
	})
}

// What never reached the provider was drawn from no window.
func TestWhatWasNotSentIsNotCounted(t *testing.T) {
	models := chain("away", "broken", "good")
	for i := range models {
		models[i].Limits = []fallback.Window{{Per: time.Minute, Limit: 20}}
	}
	models[0].Via = &Route{FirstToken: time.Second, Answer: time.Second, Idle: time.Second, Provider: &Provider{Name: "p",
		ChatURL: "http://nowhere.test/v1/chat/completions", Dialect: openai.DialectOf(""), Local: true, Keys: []string{"sk-1"}}}
	inBubble(t, plan{models: models}, func(w *world) {
		w.fake().Script("broken", fakellm.Fault(500))
		if a := w.chat(plainBody); a.trail() != "away=upstream_fault; broken=upstream_fault; good=ok" {
			t.Fatal(a.trail())
		}
		w.expectWindows("away", "rpm 0/20")
		w.expectWindows("broken", "rpm 1/20")
		w.expectWindows("good", "rpm 1/20")
	})
}

// A provider that counts the longest answer refuses what may become too long for its windows. It is asked in vain once, and the client that has
// nobody else is told what to lower.
func TestAnswersThatMayBecomeTooLong(t *testing.T) {
	const body = `{"model":"auto","max_tokens":32000,"messages":[{"role":"user","content":"hi"}]}`
	refusal := fakellm.Raw(413, nil, `{"error":{"message":"Request too large for model a in organization org_1 service tier on_demand on tokens per minute (TPM): `+
		`Limit 12000, Requested 32010, please reduce your message size and try again.","type":"tokens","code":"rate_limit_exceeded"}}`)
	for name, tt := range map[string]struct {
		models []fallback.Model
		first  string
		later  string
	}{
		"another one": {chain("a", "b"), "a=context_length; b=ok", "b=ok"},
		"nobody else": {chain("a"), "a=context_length", ""},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, plan{models: tt.models, dialect: map[string]string{"p": "groq"}}, func(w *world) {
				w.fake().Script("a", refusal, refusal)
				if got := w.chat(body).trail(); got != tt.first {
					t.Errorf("at first %s", got)
				}
				time.Sleep(2 * time.Minute)
				got := w.chat(body)
				if got.trail() != tt.later {
					t.Errorf("later %s", got.trail())
				}
				if e := got.err(); tt.later == "" && (got.status != 400 || e.Code != "max_tokens_too_large" || e.Param != "max_tokens") {
					t.Errorf("the client is told %d %+v", got.status, e)
				}
				if got := w.chat(plainBody).trail(); !strings.HasPrefix(got, "a=context_length") { // the second of its script
					t.Errorf("a short answer goes %s", got)
				}
			})
		})
	}
}
