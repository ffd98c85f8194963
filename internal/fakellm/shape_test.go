package fakellm

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// shape is the type at each path of a JSON text; the elements of an array share a path.
func shape(t *testing.T, text string) map[string]string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %.200s", err, text)
	}
	out := map[string]string{}
	trace(out, "", v)
	return out
}

func trace(out map[string]string, path string, v any) {
	name := "null"
	switch v := v.(type) {
	case map[string]any:
		name = "object"
		for k, e := range v {
			trace(out, path+"."+k, e)
		}
	case []any:
		name = "array"
		for _, e := range v {
			trace(out, path+"[]", e)
		}
	case string:
		name = "string"
	case float64:
		name = "number"
	case bool:
		name = "boolean"
	}
	if out[path] == "" || out[path] == "null" {
		out[path] = name
	}
}

// extras are keys of one real server that no OpenAI client needs.
var extras = []string{".timings", ".models", ".data[].aliases", ".data[].tags", ".data[].meta", ".data[].architecture", ".error.type"}

// lacks lists what a recording has and an answer of ours has not, or has as another type. A recorded null may be anything.
func lacks(recorded, ours map[string]string) (list []string) {
	for _, path := range slices.Sorted(maps.Keys(recorded)) {
		extra := func(e string) bool {
			return path == e || strings.HasPrefix(path, e+".") || strings.HasPrefix(path, e+"[")
		}
		want, got := recorded[path], ours[path]
		if slices.ContainsFunc(extras, extra) || want == got || want == "null" && got != "" {
			continue
		}
		list = append(list, path+" is "+want+", not "+got)
	}
	return list
}

func TestLacks(t *testing.T) {
	const openai = `{"id":"x","object":"chat.completion","created":1,"choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"timings":{"n":1}}`
	tests := []struct {
		name, ours string
		want       []string
	}{
		{"the same", openai, nil},
		{"more, and another order", `{"more":[1],"created":2,"choices":[{"finish_reason":"stop","index":1,"message":{"content":"","role":"x"}}],"object":"","id":""}`, nil},
		{"a missing key", strings.Replace(openai, `"id":"x",`, "", 1), []string{".id is string, not "}},
		{"another type", strings.Replace(openai, `"created":1`, `"created":"1"`, 1), []string{".created is number, not string"}},
		{"a null", strings.Replace(openai, `"content":"hi"`, `"content":null`, 1), []string{".choices[].message.content is string, not null"}},
		{"no choices", `{"id":"x","object":"","created":1,"choices":[]}`, []string{
			".choices[] is object, not ", ".choices[].finish_reason is string, not ", ".choices[].index is number, not ",
			".choices[].message is object, not ", ".choices[].message.content is string, not ", ".choices[].message.role is string, not "}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { equal(t, "lacks", lacks(shape(t, openai), shape(t, tt.ours)), tt.want) })
	}
}

// phase names what an event of a stream is for.
func phase(t *testing.T, event string) string {
	t.Helper()
	if event == "[DONE]" {
		return "done"
	}
	s := shape(t, event)
	switch {
	case s[".choices[].finish_reason"] == "string":
		return "finish"
	case s[".choices[].delta.role"] == "string":
		return "role"
	case s[".choices[].delta.content"] == "string":
		return "content"
	case s[".choices[]"] == "" && s[".usage"] == "object":
		return "usage"
	}
	return "unknown: " + event
}

// phases are the phases of a stream in their order, repetitions apart, and the shape of all events of each.
func phases(t *testing.T, stream string) (order []string, shapes map[string]map[string]string) {
	t.Helper()
	shapes = map[string]map[string]string{}
	for _, event := range data(t, stream) {
		name := phase(t, event)
		if len(order) == 0 || order[len(order)-1] != name {
			order = append(order, name)
		}
		if name == "done" {
			continue
		}
		if shapes[name] == nil {
			shapes[name] = map[string]string{}
		}
		maps.Copy(shapes[name], shape(t, event))
	}
	return order, shapes
}

// recording is a request to a real server and where its answer stands.
type recording struct {
	Method, Path string
	Body         *string
	Status       int
	ContentType  string `json:"content_type"`
}

// TestAnswersHaveTheShapeOfLlamaCpp asks what a real server was asked, and wants all that it gave.
func TestAnswersHaveTheShapeOfLlamaCpp(t *testing.T) {
	var index map[string]recording
	if err := json.Unmarshal(recorded(t, "index.json"), &index); err != nil {
		t.Fatal(err)
	}
	compared := 0
	for name, r := range index {
		body := ""
		if r.Body != nil {
			body = *r.Body
		}
		if body != "" && !json.Valid([]byte(body)) && name != "error-400-json.json" || name == "error-500-image.json" {
			continue // abridged in the index, or a fault that is llama.cpp's own
		}
		compared++
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := serve(t, Options{OpenAI: true, Models: []Model{{ID: "smollm2-135m-instruct", JSONSchema: true, Host: "llamacpp"}}})
				compare(t, r, string(recorded(t, name)), b.do(r.Method, r.Path, body))
			})
		})
	}
	if compared < 10 {
		t.Errorf("only %d recordings were compared", compared)
	}
}

func compare(t *testing.T, r recording, want string, g got) {
	t.Helper()
	kind, _, _ := strings.Cut(r.ContentType, ";")
	if g.status != r.Status || !strings.HasPrefix(g.header.Get("Content-Type"), kind) || g.err != nil {
		t.Fatalf("status %d, content type %q, %v", g.status, g.header.Get("Content-Type"), g.err)
	}
	if kind != "text/event-stream" {
		equal(t, "lacks", lacks(shape(t, want), shape(t, g.body)), nil)
		return
	}
	wantOrder, wantShapes := phases(t, want)
	order, shapes := phases(t, g.body)
	equal(t, "order of events", order, wantOrder)
	for name, s := range wantShapes {
		equal(t, name+" lacks", lacks(s, shapes[name]), nil)
	}
}

func recorded(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "llamacpp", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
