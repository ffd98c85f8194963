package proxy

import (
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"freefall/internal/fakellm"
)

// lastEvent is the last event of a stream of responses, and its name.
func lastEvent(stream string) (name string, data gjson.Result) {
	events := strings.Split(strings.TrimSuffix(stream, "\n\n"), "\n\n")
	name, text, _ := strings.Cut(strings.TrimPrefix(events[len(events)-1], "event: "), "\ndata: ")
	return name, gjson.Parse(text)
}

// A request of the Responses API goes up as a chat, moves on at a limit, and is answered by a response, whole or streamed.
func TestResponses(t *testing.T) {
	inBubble(t, plan{models: chain("a", "b")}, func(w *world) {
		for _, stream := range []string{"null", "true"} {
			w.pool.ResetModel(time.Now(), "p", "a")
			w.fake().Script("a", fakellm.Raw(429, nil, `{"error":{"message":"slow down"}}`))
			got := w.do("POST", "/v1/responses", `{"model":"gpt-4o","instructions":"Be brief","input":"Say it","store":true,"stream":`+stream+`}`)
			if got.status != 200 || got.header.Get(headerTrail) != "a=rate_limited; b=ok" {
				t.Errorf("%d %s %s", got.status, got.header.Get(headerTrail), got.body)
			}
			response := gjson.Parse(got.body)
			if stream == "true" {
				name, data := lastEvent(got.body)
				if response = data.Get("response"); name != "response.completed" || !strings.HasPrefix(got.body, "event: response.created\n") || strings.Contains(got.body, "[DONE]") {
					t.Errorf("%s", got.body)
				}
			}
			if response.Get("object").Str != "response" || response.Get("status").Str != "completed" || response.Get("model").Str != "b" ||
				response.Get("instructions").Str != "Be brief" || response.Get("usage.input_tokens").Int() == 0 ||
				!strings.Contains(response.Get("output.0.content.0.text").Str, "Say it") {
				t.Errorf("%s", got.body)
			}
			asked := w.fake().Requests()
			up := gjson.ParseBytes(asked[len(asked)-1].Body)
			if up.Get("model").Str != "b" || up.Get("messages").Raw != `[{"role":"system","content":"Be brief"},{"role":"user","content":"Say it"}]` ||
				up.Get("store").Exists() || up.Get("stream").Raw != strings.TrimPrefix(stream, "null") {
				t.Errorf("up went %s", up)
			}
		}
	})
}

// A call comes down as an item, and its result goes up under the id that the model gave.
func TestResponsesTools(t *testing.T) {
	inBubble(t, plan{models: chain("a")}, func(w *world) {
		const tools = `"tools":[{"type":"function","name":"get_weather","parameters":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}},` +
			`{"type":"custom","name":"patch"},{"type":"web_search"}]`
		got := gjson.Parse(w.do("POST", "/v1/responses", `{"input":"call all tools",`+tools+`}`).body)
		call, patch := got.Get("output.0"), got.Get("output.1")
		if call.Get("type").Str != "function_call" || call.Get("name").Str != "get_weather" || !gjson.Valid(call.Get("arguments").Str) ||
			patch.Get("type").Str != "custom_tool_call" || patch.Get("input").Str == "" {
			t.Fatalf("%s", got)
		}
		name, data := lastEvent(w.do("POST", "/v1/responses", `{"input":"call all tools","stream":true,`+tools+`}`).body)
		if got := data.Get("response.output.#.type").Raw; name != "response.completed" || got != `["function_call","custom_tool_call"]` {
			t.Errorf("streamed: %s %s", name, data)
		}
		next := gjson.Parse(w.do("POST", "/v1/responses", `{"input":[{"role":"user","content":"call all tools"},`+call.Raw+`,`+patch.Raw+`,`+
			`{"type":"custom_tool_call_output","call_id":`+patch.Get("call_id").Raw+`,"output":"patched"},`+
			`{"type":"function_call_output","call_id":`+call.Get("call_id").Raw+`,"output":"18 degrees"}],`+tools+`}`).body)
		if !strings.Contains(next.Get("output.0.content.0.text").Str, "18 degrees") {
			t.Errorf("%s", next)
		}
		asked := w.fake().Requests()
		up := gjson.ParseBytes(asked[len(asked)-1].Body)
		if up.Get("messages.1.tool_calls.#.id").Raw != "["+call.Get("call_id").Raw+","+patch.Get("call_id").Raw+"]" || up.Get("messages.3.tool_call_id").Raw != call.Get("call_id").Raw {
			t.Errorf("up went %s", up)
		}
	})
}

// A stream that breaks off is told as one that failed; before it begins, errors are what they are everywhere.
func TestResponsesErrors(t *testing.T) {
	inBubble(t, plan{models: chain("a")}, func(w *world) {
		w.fake().Script("a", fakellm.Cut(3, fakellm.Close))
		got := w.do("POST", "/v1/responses", `{"input":"Say it","stream":true}`)
		name, last := lastEvent(got.body)
		if got.status != 200 || name != "response.failed" || last.Get("error.message").Str == "" || last.Get("response.status").Str != "failed" ||
			!strings.Contains(got.body, "response.output_text.delta") || strings.Contains(got.body, "response.completed") {
			t.Errorf("cut: %s", got.body)
		}
		for body, code := range map[string]string{
			`{"input":"a","previous_response_id":"resp_1"}`: "unsupported_parameter", `{"input":"a","input":"b"}`: "duplicate_key", `{`: "invalid_json",
			`{"input":"a","model":1}`: "invalid_type",
		} {
			if got := w.do("POST", "/v1/responses", body); got.status != 400 || got.err().Code != code || got.err().Type != "invalid_request_error" {
				t.Errorf("%s: %d %s", body, got.status, got.body)
			}
		}
		w.fake().Script("a", fakellm.Raw(429, map[string]string{"Retry-After": "40"}, `{"error":{"message":"slow down"}}`))
		got = w.do("POST", "/v1/responses", `{"input":"Say it","stream":true}`, "X-Freefall-Max-Wait", "0s")
		if got.status != 429 || got.err().Code != "all_models_exhausted" || got.err().Type != "rate_limit_error" || got.header.Get("Retry-After") == "" || !strings.Contains(got.err().Message, "a") {
			t.Errorf("exhausted: %d %s", got.status, got.body)
		}
	})
}
