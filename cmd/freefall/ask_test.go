package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const (
	goodWhole = `{"object":"chat.completion","choices":[{"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}]}`
	toolWhole = `{"object":"chat.completion","choices":[{"message":{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"clock","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}`
	word      = `data: {"choices":[{"delta":{"content":"Hi"},"finish_reason":null}]}` + "\n\n"
	finish    = `data: {"choices":[{"delta":{},"finish_reason":"stop"}]}` + "\n\n"
	done      = "data: [DONE]\n\n"
	broke     = `data: {"error":{"message":"it broke","type":"server_error","code":"x"}}` + "\n\n"
)

// giving answers every request in one way.
func giving(status int, contentType, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("X-Freefall-Model", "a")
		w.Header().Set("X-Freefall-Attempts", "1")
		w.Header().Set("X-Freefall-Trail", "a=ok")
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

// stub is a server that stands where a freefall should.
func stub(t *testing.T, h http.Handler) *caller {
	t.Helper()
	s := httptest.NewServer(h)
	c := newCaller(s.URL, "")
	t.Cleanup(func() {
		c.close()
		s.CloseClientConnections()
		s.Close()
	})
	return c
}

// An answer is good only if the strictest client would take it.
func TestAnswersAreReadStrictly(t *testing.T) {
	const json, sse = "application/json", "text/event-stream"
	for name, c := range map[string]struct {
		form    form
		handler http.HandlerFunc
		wrong   string // what is said of it; "" = nothing
	}{
		"a good one":               {plainForm, giving(200, json, goodWhole), ""},
		"with tools":               {toolsForm, giving(200, json, toolWhole), ""},
		"a charset":                {plainForm, giving(200, json+"; charset=utf-8", goodWhole), ""},
		"no JSON":                  {plainForm, giving(200, json, goodWhole[:60]), "no JSON"},
		"two documents":            {plainForm, giving(200, json, goodWhole+goodWhole), "no JSON"},
		"an error in a 200":        {plainForm, giving(200, json, `{"error":{"message":"m","type":"t"}}`), "says nothing"},
		"no finish_reason":         {plainForm, giving(200, json, strings.Replace(goodWhole, `"stop"`, "null", 1)), "says nothing"},
		"no words":                 {plainForm, giving(200, json, strings.Replace(goodWhole, "Hi", "", 1)), "says nothing"},
		"half a tool call":         {toolsForm, giving(200, json, strings.Replace(toolWhole, `"{}"`, `"{"`, 1)), "not whole"},
		"HTML":                     {plainForm, giving(200, "text/html", goodWhole), "Content-Type"},
		"a cut":                    {plainForm, giving(200, json, goodWhole, "Content-Length", "1000"), "broke off"},
		"a trail of another":       {plainForm, giving(200, json, goodWhole, "X-Freefall-Trail", "a=timeout; b=ok"), "trail"},
		"no trail":                 {plainForm, giving(200, json, goodWhole, "X-Freefall-Trail", ""), "trail"},
		"fewer attempts than hops": {plainForm, giving(200, json, goodWhole, "X-Freefall-Attempts", "1", "X-Freefall-Trail", "b=timeout; a=ok"), "attempts"},
		"a refusal":                {plainForm, giving(429, json, `{"error":{"message":"wait","type":"rate_limit_error","param":null,"code":"c"}}`), "c: wait"},
		"a page as a refusal":      {plainForm, giving(502, json, `<html>`), "status 502"},
		"a refusal without type":   {plainForm, giving(503, json, `{"error":{"message":"wait"}}`), "lacks"},

		"a stream":             {streamForm, giving(200, sse, word+finish+done), ""},
		"comments":             {streamForm, giving(200, sse, ": wait\n\n"+word+finish+done), ""},
		"JSON for a stream":    {streamForm, giving(200, json, goodWhole), "Content-Type"},
		"an empty stream":      {streamForm, giving(200, sse, ""), "without a word"},
		"only the end":         {streamForm, giving(200, sse, done), "without a word"},
		"no reason to finish":  {streamForm, giving(200, sse, word+done), "without a finish_reason"},
		"no [DONE]":            {streamForm, giving(200, sse, word+finish), "without [DONE]"},
		"an error event":       {streamForm, giving(200, sse, word+broke), "x: it broke"},
		"[DONE] after errors":  {streamForm, giving(200, sse, word+broke+done), "after its end"},
		"more after [DONE]":    {streamForm, giving(200, sse, word+finish+done+word), "after its end"},
		"a broken event":       {streamForm, giving(200, sse, word+"data: {\"cho\n\n"+finish+done), "no JSON"},
		"an odd line":          {streamForm, giving(200, sse, word+"id: 1\n\n"+finish+done), "the line"},
		"a stream that is cut": {streamForm, giving(200, sse, word+finish, "Content-Length", "1000"), "broke off"},
	} {
		t.Run(name, func(t *testing.T) {
			h := stub(t, c.handler).ask(t.Context(), c.form, "auto")
			got := h.wrong()
			if (got == "") != (c.wrong == "") || !strings.Contains(got, c.wrong) || h.answered() != (c.wrong == "") {
				t.Errorf("wrong is %q, want %q", got, c.wrong)
			}
		})
	}
}

func TestHeardReadsTheHeaders(t *testing.T) {
	c := stub(t, giving(429, "application/json", `{"error":{"message":"m","type":"t","code":"c"}}`,
		"X-Freefall-Trail", "v/a=b:free=rate_limited; v/a=b:free=rate_limited; c=timeout; ...", "X-Freefall-Attempts", "7", "Retry-After", "41", "X-Freefall-Request-Id", "r"))
	h := c.ask(t.Context(), plainForm, "auto")
	got := fmt.Sprint(h.status, h.calls, h.retry, h.id, h.code, h.hops, h.classes())
	want := fmt.Sprint(429, 7, 41*time.Second, "r", "c", []hop{{"v/a=b:free", "rate_limited"}, {"v/a=b:free", "rate_limited"}, {"c", "timeout"}}, "2 x rate_limited > timeout")
	if got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

// The body of a request is the one that its form names.
func TestForms(t *testing.T) {
	for f, want := range map[form]string{
		plainForm:  `{"messages":[{"content":"` + askedText + `","role":"user"}],"model":"m\"x"}`,
		streamForm: `{"messages":[{"content":"` + askedText + `","role":"user"}],"model":"m\"x","stream":true}`,
	} {
		if got := string(f.body(`m"x`)); got != want {
			t.Errorf("%s: %s", f.name, got)
		}
	}
	if got := string(toolsForm.body("m")); !strings.Contains(got, `"tools":[{"function":{`) || strings.Contains(got, "stream") {
		t.Errorf("tools: %s", got)
	}
}
