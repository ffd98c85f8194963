package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"
)

const (
	askBound  = 130 * time.Second // a little above freefall's own total
	maxReply  = 64 << 20
	maxCalls  = 64 // connections kept to freefall
	askedText = "Say hello. If you have tools, call the tool."
)

// form is a way to ask.
type form struct {
	name          string
	stream, tools bool
}

var (
	plainForm  = form{name: "plain"}
	streamForm = form{name: "stream", stream: true}
	toolsForm  = form{name: "tools", tools: true}
	forms      = []form{plainForm, streamForm, toolsForm}
)

// body is a small request of this form.
func (f form) body(model string) []byte {
	request := map[string]any{"model": model, "messages": []any{map[string]any{"role": "user", "content": askedText}}}
	if f.stream {
		request["stream"] = true
	}
	if f.tools {
		request["tools"] = []any{map[string]any{"type": "function", "function": map[string]any{"name": "clock",
			"description": "the time of day", "parameters": map[string]any{"type": "object", "properties": map[string]any{}}}}}
	}
	b, err := json.Marshal(request)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return b
}

// heard is what came of one request, read as strictly as the strictest client would.
type heard struct {
	form   form
	status int
	hops   []hop  // the trail
	calls  int    // upstream calls, as freefall counts them
	model  string // who answered
	id     string // of the request

	refusal string        // the error's message: of a status that is none of success, or of a stream's last event
	code    string        // its code
	retry   time.Duration // Retry-After of a refusal, 0 = none
	broken  error         // why what came is no valid answer, or why nothing came

	began, ended time.Time
}

// hop is one upstream call of a trail.
type hop struct{ model, class string }

// answered says whether a whole and valid answer came.
func (h *heard) answered() bool {
	return h.broken == nil && h.status == http.StatusOK && h.refusal == ""
}

// classes is the shape of the trail: "3 x rate_limited > ok".
func (h *heard) classes() string {
	var list []string
	for i, n := 0, 0; i < len(h.hops); i += n {
		class := h.hops[i].class
		for n = 1; i+n < len(h.hops) && h.hops[i+n].class == class; n++ {
		}
		if n > 1 {
			class = fmt.Sprintf("%d x %s", n, class)
		}
		list = append(list, class)
	}
	return strings.Join(list, " > ")
}

// trail is the whole of it.
func (h *heard) trail() string {
	list := make([]string, len(h.hops))
	for i, hop := range h.hops {
		list[i] = hop.model + "=" + hop.class
	}
	return strings.Join(list, "; ")
}

// wrong words what was not as it should be, "" if all was.
func (h *heard) wrong() string {
	switch {
	case h.broken != nil:
		return h.broken.Error()
	case h.refusal != "":
		return strings.TrimSpace(h.code + ": " + h.refusal)
	}
	return ""
}

// caller asks a running freefall.
type caller struct {
	url, key string
	client   *http.Client
}

func newCaller(url, key string) *caller {
	return &caller{url: strings.TrimRight(url, "/"), key: key, client: &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: maxCalls, DisableCompression: true}}}
}

func (c *caller) close() { c.client.CloseIdleConnections() }

func (c *caller) do(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.key != "" {
		r.Header.Set("Authorization", "Bearer "+c.key)
	}
	return c.client.Do(r)
}

// ask sends one request and reads its answer to the end.
func (c *caller) ask(ctx context.Context, f form, model string) (h heard) {
	ctx, stop := context.WithTimeout(ctx, askBound)
	defer stop()
	h = heard{form: f, began: time.Now()}
	defer func() { h.ended = time.Now() }()
	resp, err := c.do(ctx, http.MethodPost, "/v1/chat/completions", f.body(model))
	if err != nil {
		h.broken = err
		return h
	}
	defer resp.Body.Close()
	h.head(resp)
	body := io.LimitReader(resp.Body, maxReply)
	switch {
	case h.status != http.StatusOK:
		h.readRefusal(body)
	case f.stream:
		h.readStream(body)
	default:
		h.readWhole(body)
	}
	if h.answered() {
		h.checkTrail()
	}
	return h
}

// head reads what the headers say.
func (h *heard) head(resp *http.Response) {
	h.status, h.model, h.id = resp.StatusCode, resp.Header.Get("X-Freefall-Model"), resp.Header.Get("X-Freefall-Request-Id")
	h.calls, _ = strconv.Atoi(resp.Header.Get("X-Freefall-Attempts"))
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && seconds > 0 {
		h.retry = time.Duration(seconds) * time.Second
	}
	h.hops = hops(resp.Header.Get("X-Freefall-Trail"))
	want := "application/json"
	if h.form.stream && h.status == http.StatusOK {
		want = "text/event-stream"
	}
	if got, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); got != want {
		h.broken = fmt.Errorf("the Content-Type is %q, not %s", got, want)
	}
}

// hops reads a trail: "ID=CLASS; ID=ok".
func hops(trail string) (list []hop) {
	for part := range strings.SplitSeq(trail, "; ") {
		if i := strings.LastIndexByte(part, '='); i > 0 {
			list = append(list, hop{part[:i], part[i+1:]})
		}
	}
	return list
}

// checkTrail holds the headers of an answer against each other.
func (h *heard) checkTrail() {
	n := len(h.hops)
	switch {
	case n == 0 || h.hops[n-1] != hop{h.model, "ok"}:
		h.broken = fmt.Errorf("%s answered, but the trail is %q", h.model, h.trail())
	case h.calls < n:
		h.broken = fmt.Errorf("%d attempts are told, but the trail is %q", h.calls, h.trail())
	}
}

func (h *heard) spoil(format string, args ...any) {
	if h.broken == nil {
		h.broken = fmt.Errorf(format, args...)
	}
}

// refuse takes an error object in OpenAI's shape.
func (h *heard) refuse(object gjson.Result) {
	h.refusal, h.code = object.Get("message").String(), object.Get("code").String()
	if h.refusal == "" || object.Get("type").String() == "" {
		h.spoil("the error lacks its message or type: %.200s", object.Raw)
	}
}

func (h *heard) readRefusal(r io.Reader) {
	body, err := io.ReadAll(r)
	if err != nil || !gjson.ValidBytes(body) {
		h.spoil("status %d and a body that is no JSON: %.200s", h.status, body)
		return
	}
	h.refuse(gjson.GetBytes(body, "error"))
}

func (h *heard) readWhole(r io.Reader) {
	body, err := io.ReadAll(r)
	switch {
	case err != nil:
		h.spoil("the answer broke off: %w", err)
	case !gjson.ValidBytes(body):
		h.spoil("the answer is no JSON: %.200s", body)
	default:
		answer := gjson.ParseBytes(body)
		choice := answer.Get("choices.0")
		if answer.Get("object").String() != "chat.completion" || !says(choice.Get("message")) || choice.Get("finish_reason").String() == "" {
			h.spoil("the answer says nothing, or does not say why it ended: %.200s", body)
		}
		h.checkCalls(choice.Get("message.tool_calls"))
	}
}

// says whether a message or a delta has content.
func says(message gjson.Result) bool {
	return message.Get("content").String() != "" || len(message.Get("tool_calls").Array()) > 0
}

// checkCalls wants tool calls to be whole.
func (h *heard) checkCalls(calls gjson.Result) {
	for _, call := range calls.Array() {
		if call.Get("function.name").String() == "" || !gjson.Valid(call.Get("function.arguments").String()) {
			h.spoil("a tool call is not whole: %.200s", call.Raw)
		}
	}
}

// readStream reads events of one data line each, up to [DONE] or an error, and nothing after it.
func (h *heard) readStream(r io.Reader) {
	var spoke, finished, done bool
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadString('\n')
		data, isData := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "data: ")
		switch {
		case line == "\n" || line == "" || line[0] == ':':
		case !isData:
			h.spoil("the stream holds the line %.100q", line)
		case done || h.refusal != "":
			h.spoil("the stream goes on after its end: %.100q", line)
		case data == "[DONE]":
			done = true
		case !gjson.Valid(data):
			h.spoil("an event is no JSON: %.100q", data)
		default:
			event := gjson.Parse(data)
			if e := event.Get("error"); e.Exists() {
				h.refuse(e)
				break
			}
			spoke = spoke || says(event.Get("choices.0.delta"))
			finished = finished || event.Get("choices.0.finish_reason").String() != ""
		}
		if err == nil {
			continue
		}
		if !errors.Is(err, io.EOF) {
			h.spoil("the stream broke off: %w", err)
		}
		break
	}
	if h.refusal == "" && !(spoke && finished && done) {
		h.spoil("the stream ended without %s", missing(spoke, finished))
	}
}

func missing(spoke, finished bool) string {
	switch {
	case !spoke:
		return "a word"
	case !finished:
		return "a finish_reason"
	}
	return "[DONE] or an error"
}

// candidate is one model in the order in which a request would ask them.
type candidate struct {
	ID          string  `json:"id"`
	Skipped     bool    `json:"skipped"`
	Reason      *string `json:"reason"`
	AvailableAt *string `json:"available_at"`
}

// order asks freefall whom a request of this form would go to, one after the other. No provider hears of it.
func (c *caller) order(ctx context.Context, f form) ([]candidate, error) {
	var out struct {
		Candidates []candidate `json:"candidates"`
	}
	err := c.get(ctx, http.MethodPost, "/api/chat/explain", f.body("auto"), &out)
	return out.Candidates, err
}

// state is GET /api/chat/models.
func (c *caller) state(ctx context.Context) (statusAnswer, error) {
	var out statusAnswer
	return out, c.get(ctx, http.MethodGet, "/api/chat/models", nil, &out)
}

// get reads one of freefall's own answers.
func (c *caller) get(ctx context.Context, method, path string, body []byte, to any) error {
	ctx, stop := context.WithTimeout(ctx, 10*time.Second)
	defer stop()
	resp, err := c.do(ctx, method, path, body)
	switch {
	case ctx.Err() != nil && errors.Is(ctx.Err(), context.Canceled):
		return ctx.Err()
	case err != nil:
		return away(c.url, err)
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusUnauthorized:
		return fmt.Errorf("%s wants a key: give one with --key", c.url)
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("%s%s answers %s", c.url, path, resp.Status)
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxReply)).Decode(to); err != nil {
		return fmt.Errorf("%s%s does not speak freefall's state API: %w", c.url, path, err)
	}
	return nil
}
