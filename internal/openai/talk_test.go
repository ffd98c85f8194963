package openai

import (
	"strings"
	"testing"
)

// talkOf is the conversation of these messages.
func talkOf(t *testing.T, messages string) (uint64, bool) {
	t.Helper()
	r, err := ParseChat([]byte(`{"messages":[` + messages + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	return r.Talk, r.GoesOn
}

const (
	tutor   = `{"role":"system","content":"You are a tutor."}`
	begins  = `{"role":"user","content":"What is a monoid?"}`
	replied = `{"role":"assistant","content":"A set with..."}`
	more    = `{"role":"user","content":"And a group?"}`
)

// All requests of a conversation are known by how it begins, however it goes on.
func TestTalkIsTheSame(t *testing.T) {
	want, goesOn := talkOf(t, tutor+","+begins)
	if want == 0 || goesOn {
		t.Fatalf("it begins as %d, goes on: %t", want, goesOn)
	}
	for _, messages := range []string{
		tutor + "," + begins + "," + replied + "," + more,
		`{"content":"You are a tutor.","role":"system"},{"content":"What is a monoid?","role":"user"},` + replied,
		`{"role":"developer","content":"You are a tutor."},{"role":"user","content":[{"type":"text","text":"What is a monoid?","cache_control":{"type":"ephemeral"}}]},{"content":null,"role":"assistant"}`,
		tutor + "," + begins + `,{"role":"assistant","tool_calls":[{"id":"1"}]},{"role":"tool","content":"x"}`,
	} {
		if got, goesOn := talkOf(t, messages); got != want || !goesOn {
			t.Errorf("%s: %d goes on: %t, want %d", messages, got, goesOn, want)
		}
	}
}

func TestTalksDiffer(t *testing.T) {
	long := strings.Repeat("x", maxSaid)
	seen := map[uint64]string{}
	for _, messages := range []string{
		begins, tutor + "," + begins, tutor + "," + more, tutor + "," + tutor + "," + begins,
		`{"role":"user","content":"` + long + `"}`, `{"role":"user","content":"` + long + `y"}`, `{"role":"user","content":""}`,
		`{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]}`,
		`{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,BBBB"}}]}`,
	} {
		got, _ := talkOf(t, messages)
		if other, ok := seen[got]; ok || got == 0 {
			t.Errorf("%.80s is %d like %.80s", messages, got, other)
		}
		seen[got] = messages
	}
	for _, messages := range []string{"", tutor, replied, `{"role":7,"content":"x"}`, `"user"`, `[{"role":"user"}]`} {
		if got, goesOn := talkOf(t, messages); got != 0 || goesOn {
			t.Errorf("%s is a conversation: %d %t", messages, got, goesOn)
		}
	}
	if _, goesOn := talkOf(t, replied+","+begins); goesOn {
		t.Error("a greeting is no answer")
	}
}
