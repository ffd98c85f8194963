package proxy

import (
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"freefall/internal/fakellm"
)

// A message of Anthropic's API is answered by whichever chat model can, and what was tried stands in the headers.
func TestMessages(t *testing.T) {
	inBubble(t, plan{models: chain("a", "b")}, func(w *world) {
		w.fake().Script("a", fakellm.Raw(429, nil, `{"error":{"message":"slow down"}}`))
		got := w.do("POST", "/v1/messages?beta=true", `{"model":"claude-sonnet-4-5","max_tokens":50,"system":"Be brief.","messages":[{"role":"user","content":"Say it"}]}`)
		if got.status != 200 || got.header.Get(headerTrail) != "a=rate_limited; b=ok" {
			t.Fatalf("%d %s %s", got.status, got.header.Get(headerTrail), got.body)
		}
		if id := got.header.Get("Request-Id"); id == "" || id != got.header.Get(headerRequestID) {
			t.Errorf("its id is %q", id)
		}
		g := gjson.Parse(got.body)
		if g.Get("type").Str != "message" || g.Get("role").Str != "assistant" || g.Get("model").Str != "b" || !strings.HasPrefix(g.Get("id").Str, "msg_") ||
			g.Get("content.0.type").Str != "text" || g.Get("content.0.text").Str == "" || g.Get("stop_reason").Str != "end_turn" ||
			g.Get("usage.input_tokens").Int() == 0 || g.Get("usage.output_tokens").Int() == 0 || g.Get("choices").Exists() {
			t.Errorf("%s", got.body)
		}
		asked := w.fake().Requests()
		if up := string(asked[len(asked)-1].Body); up != `{"model":"b","max_tokens":50,"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Say it"}]}` {
			t.Errorf("up went %s", up)
		}
	})
}

// A tool is asked for, its result goes back, and the answer speaks of it: whole and streamed.
func TestMessagesToolsRoundTrip(t *testing.T) {
	const tools = `"max_tokens":50,"tools":[{"name":"get_weather","input_schema":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}]`
	const question = `{"role":"user","content":"get_weather of Seoul"}`
	inBubble(t, plan{models: chain("a")}, func(w *world) {
		whole := gjson.Parse(w.do("POST", "/v1/messages", `{`+tools+`,"messages":[`+question+`]}`).body)
		_, events := w.messageEvents(`{` + tools + `,"stream":true,"messages":[` + question + `]}`)
		for name, m := range map[string]gjson.Result{"whole": whole, "streamed": accumulated(t, events)} {
			call := m.Get(`content.#(type=="tool_use")`)
			if call.Get("name").Str != "get_weather" || !call.Get("input.city").Exists() || m.Get("stop_reason").Str != "tool_use" {
				t.Fatalf("%s: %s", name, m)
			}
			got := w.do("POST", "/v1/messages", `{`+tools+`,"messages":[`+question+`,{"role":"assistant","content":`+m.Get("content").Raw+`},`+
				`{"role":"user","content":[{"type":"tool_result","tool_use_id":"`+call.Get("id").Str+`","content":[{"type":"text","text":"18 degrees"}]}]}]}`)
			if text := gjson.Get(got.body, "content.0.text").Str; got.status != 200 || !strings.Contains(text, "18 degrees") {
				t.Errorf("%s: %d %s", name, got.status, got.body)
			}
		}
	})
}

// A stream begins with message_start and ends with message_stop; one that is cut ends with an error, and never with that.
func TestMessagesStreams(t *testing.T) {
	inBubble(t, plan{models: chain("a")}, func(w *world) {
		body := `{"max_tokens":50,"stream":true,"messages":[{"role":"user","content":"Say it"}]}`
		got, events := w.messageEvents(body)
		m := accumulated(t, events)
		if got.status != 200 || m.Get("content.0.text").Str == "" || m.Get("stop_reason").Str != "end_turn" || m.Get("usage.output_tokens").Int() == 0 {
			t.Errorf("%d %s", got.status, got.body)
		}
		if got.header.Get("Content-Type") != "text/event-stream; charset=utf-8" || strings.Contains(got.body, "[DONE]") {
			t.Errorf("%v %s", got.header, got.body)
		}

		w.fake().Script("a", fakellm.Cut(2, fakellm.Close))
		got, events = w.messageEvents(body)
		last := events[len(events)-1]
		if last.Get("type").Str != "error" || last.Get("error.message").Str == "" || strings.Contains(got.body, "message_stop") || !strings.Contains(got.body, "text_delta") {
			t.Errorf("cut: %s", got.body)
		}
	})
}

// A stream that another model goes on with is one message.
func TestMessagesOverASeam(t *testing.T) {
	inBubble(t, plan{models: chain("a", "b"), settings: Settings{Continue: true}}, func(w *world) {
		w.fake().Script("a", fakellm.Cut(4, fakellm.Close))
		got, events := w.messageEvents(`{"stream":true,"messages":[{"role":"user","content":"Say it"}]}`)
		m := accumulated(t, events)
		if got.status != 200 || len(m.Get("content").Array()) != 1 || m.Get("stop_reason").Str != "end_turn" || w.fake().Hits("b") != 1 {
			t.Errorf("%d calls of b: %s", w.fake().Hits("b"), got.body)
		}
	})
}

// Errors have Anthropic's envelope and words around OpenAI's object.
func TestMessagesErrors(t *testing.T) {
	inBubble(t, plan{models: chain("a")}, func(w *world) {
		w.fake().Script("a", fakellm.Raw(429, nil, `{"error":{"message":"slow down"}}`))
		for name, c := range map[string]struct {
			body, kind, code string
			status           int
		}{
			"exhausted":        {`{"messages":[{"role":"user","content":"a"}]}`, "rate_limit_error", "all_models_exhausted", 429},
			"no such chain":    {`{"model":"freefall/none","messages":[{"role":"user","content":"a"}]}`, "not_found_error", "model_not_found", 404},
			"no messages":      {`{"messages":null}`, "invalid_request_error", "missing_required_parameter", 400},
			"twice":            {`{"messages":[],"messages":[]}`, "invalid_request_error", "duplicate_key", 400},
			"a server's tools": {`{"messages":[{"role":"user","content":"a"}],"tools":[{"type":"web_search_20250305","name":"s"}],"tool_choice":{"type":"any"}}`, "invalid_request_error", "unsupported_tool", 400},
		} {
			got := w.do("POST", "/v1/messages", c.body)
			g := gjson.Parse(got.body)
			if got.status != c.status || g.Get("type").Str != "error" || g.Get("error.type").Str != c.kind || g.Get("error.code").Str != c.code || g.Get("error.message").Str == "" || !g.Get("error.param").Exists() {
				t.Errorf("%s: %d %s", name, got.status, got.body)
			}
			if c.status == 429 && got.header.Get("Retry-After") == "" {
				t.Errorf("%s: no Retry-After: %v", name, got.header)
			}
		}
	})
}

// Tokens are counted without asking anybody.
func TestCountTokens(t *testing.T) {
	inBubble(t, plan{models: chain("a")}, func(w *world) {
		count := func(body string) int64 {
			got := w.do("POST", "/v1/messages/count_tokens", body)
			if got.status != 200 {
				t.Errorf("%d %s", got.status, got.body)
			}
			return gjson.Get(got.body, "input_tokens").Int()
		}
		short := count(`{"model":"claude-haiku-4-5","messages":[{"role":"user","content":"a"}]}`)
		long := count(`{"messages":[{"role":"user","content":"` + strings.Repeat("word ", 1000) + `"}]}`)
		if short < 1 || long < 900 || long > 1100 || w.fake().Hits("a") != 0 {
			t.Errorf("%d, %d, %d calls", short, long, w.fake().Hits("a"))
		}
		got := w.do("POST", "/v1/messages/count_tokens", `{"messages":[{"role":"nobody","content":"a"}]}`)
		if g := gjson.Parse(got.body); got.status != 400 || g.Get("type").Str != "error" || g.Get("error.param").Str != "messages.0" {
			t.Errorf("%d %s", got.status, got.body)
		}
	})
}

// messageEvents are the data of the events of a stream.
func (w *world) messageEvents(body string) (got answer, events []gjson.Result) {
	got = w.do("POST", "/v1/messages", body)
	for ev := range strings.SplitSeq(strings.TrimSuffix(got.body, "\n\n"), "\n\n") {
		name, data, ok := strings.Cut(strings.TrimPrefix(ev, "event: "), "\ndata: ")
		if !ok || gjson.Get(data, "type").Str != name {
			w.Errorf("no event: %q", ev)
		}
		events = append(events, gjson.Parse(data))
	}
	return got, events
}

// accumulated is the message that an SDK makes of events.
func accumulated(t *testing.T, events []gjson.Result) gjson.Result {
	t.Helper()
	var content []string
	var text, end string
	for _, ev := range events {
		switch ev.Get("type").Str {
		case "content_block_start":
			content = append(content, ev.Get("content_block").Raw)
			text = ""
		case "content_block_delta":
			d := ev.Get("delta")
			text += d.Get("text").Str + d.Get("partial_json").Str
		case "content_block_stop":
			last := &content[len(content)-1]
			if gjson.Get(*last, "type").Str == "tool_use" {
				*last = strings.Replace(*last, `"input":{}`, `"input":`+text, 1)
			} else {
				*last = strings.Replace(*last, `"text":""`, `"text":`+string(gjson.AppendJSONString(nil, text)), 1)
			}
		case "message_delta":
			end = ev.Raw
		}
	}
	if first, last := events[0], events[len(events)-1]; first.Get("type").Str != "message_start" || last.Get("type").Str != "message_stop" || end == "" {
		t.Fatalf("the events are %s", events)
	}
	return gjson.Parse(`{"content":[` + strings.Join(content, ",") + `],"stop_reason":` + gjson.Get(end, "delta.stop_reason").Raw + `,"usage":` + gjson.Get(end, "usage").Raw + `}`)
}
