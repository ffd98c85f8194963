package openai

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// plainAnswers are what nearly all answers look like: one reading is enough for them.
var plainAnswers = []string{
	completion(`{"role":"assistant","content":"Hello"}`, `"stop"`),
	completion(`{"role":"assistant","content":"Hel\nlo \u00e9 세계","refusal":null,"annotations":[],"reasoning":"hm"}`, `"length"`),
	` {"id":"c1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"a","x":{"tool_calls":[1],"error":"none"}}}]} ` + "\n",
	`{"usage":{"prompt_tokens":3,"completion_tokens":999999999,"cost":0,"prompt_tokens_details":{"cost":1}},"id":"c1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"logprobs":{"content":[{"error":"x"}]},"finish_reason":"stop","message":{"role":"assistant","content":"a"}}]}`,
}

// doubtfulAnswers are for the search: it may come to another verdict, or to the same one.
var doubtfulAnswers = []string{
	completion(`{"role":"assistant","content":"Hello"}`, `null`),
	completion(call(`{}`), `"stop"`),
	completion(`{"content":"Hello"}`, `"stop"`),
	completion(`{"role":"model","content":"Hello"}`, `"stop"`),
	completion(`{"role":"assistant","content":"Hello"}`, `"eos"`),
	strings.Replace(plainAnswers[0], `"index":0,`, ``, 1),
	strings.Replace(plainAnswers[0], `"id":"c1",`, ``, 1),
	strings.Replace(plainAnswers[0], `chat.completion`, `text_completion`, 1),
	strings.Replace(plainAnswers[0], `"model":"m",`, `"model":null,`, 1),
	strings.Replace(plainAnswers[0], `"created":`, `"created":0.5,"x":`, 1),
	completion(`{"content":"Hello"}`, `"error"`),
	completion(`{"content":"Hello"}`, `"err\u006fr"`),
	completion(`{"content":""}`, `"stop"`),
	completion(`{"content":null,"reasoning":"hm"}`, `"stop"`),
	completion(`{"content":"a","content":""}`, `"stop"`),
	completion(`{"content":"a","c\u006fntent":""}`, `"stop"`),
	completion(`{"content":[{"type":"text","text":"a"}]}`, `"stop"`),
	strings.Replace(completion(`{"content":"a"}`, `"stop"`), `"id"`, `"error":{"message":"Rate limit exceeded","code":429},"id"`, 1),
	strings.Replace(completion(`{"content":"a"}`, `"stop"`), `"id"`, `"errors":[{"message":"no"}],"id"`, 1),
	strings.Replace(completion(`{"content":"a"}`, `"stop"`), `"id"`, `"response":{"error":"no"},"id"`, 1),
	strings.Replace(completion(`{"content":"a"}`, `"stop"`), `{"index"`, `{"error":{"code":502},"index"`, 1),
	strings.Replace(completion(`{"content":"a"}`, `"stop"`), `"choices":[`, `"choices":[{"message":{"content":"b"}},`, 1),
	strings.Replace(completion(`{"content":"a"}`, `"stop"`), `"id"`, `"choices":[],"id"`, 1),
	strings.Replace(completion(`{"content":"a"}`, `"stop"`), `"total_tokens":4`, `"cost":0.5`, 1),
	strings.Replace(completion(`{"content":"a"}`, `"stop"`), `"prompt_tokens":3`, `"prompt_tokens":-3`, 1),
	strings.Replace(completion(`{"content":"a"}`, `"stop"`), `"prompt_tokens":3`, `"prompt_tokens":"3","input_tokens":7`, 1),
	strings.Replace(completion(`{"content":"a"}`, `"stop"`), `"prompt_tokens":3`, `"prompt_tokens":3e9`, 1),
	`{"choices":[{"message":{"content":"a"}}],"x_groq":{"usage":{"prompt_tokens":3}}}`,
	`{"choices":[{"text":"a","message":{"content":"a"}}]}`,
	`{"choices":[{"message":{"content":"a"}}]} {}`,
	`{"choices":[{"message":{"content":"a` + "\xff" + `"}}]}`,
	`{"choices":{"message":{"content":"a"}}}`,
	`{"choices":[]}`,
	`[{"choices":[{"message":{"content":"a"}}]}]`,
	`<html>`,
	``,
}

func TestPlainAnswer(t *testing.T) {
	for _, body := range plainAnswers {
		if _, ok := plainAnswer(200, []byte(body)); !ok {
			t.Errorf("searched: %s", body)
		}
		if _, ok := plainAnswer(500, []byte(body)); ok {
			t.Errorf("not searched although the status is 500: %s", body)
		}
	}
	for _, body := range doubtfulAnswers {
		if _, ok := plainAnswer(200, []byte(body)); ok {
			t.Errorf("not searched: %s", body)
		}
	}
}

// What is read once is judged as the search would.
func FuzzPlainAnswer(f *testing.F) {
	for _, s := range readSamples(f) {
		f.Add(s.Status, []byte(s.Body))
	}
	for _, body := range append(plainAnswers, doubtfulAnswers...) {
		f.Add(200, []byte(body))
		for cut := 0; cut < len(body); cut += 11 {
			f.Add(200, []byte(body[:cut]+body[cut+1:]))
		}
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		o, ok := plainAnswer(status, body)
		if !ok {
			return
		}
		searched, want := search(DialectOf(""), status, noHeader, body, "m", testNow)
		if diff := cmp.Diff(want, o); diff != "" || string(searched) != string(body) {
			t.Errorf("%s\n%s", body, diff)
		}
	})
}

func BenchmarkCompleteGood(b *testing.B) {
	body := []byte(completion(`{"role":"assistant","content":"`+strings.Repeat("word ", 200)+`"}`, `"stop"`))
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			Complete(nil, 200, nil, body, "m", testNow)
		}
	})
	b.Run("searched", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			search(nil, 200, nil, body, "m", testNow)
		}
	})
}
