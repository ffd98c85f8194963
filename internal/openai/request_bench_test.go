package openai

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

func benchBodies() map[string][]byte {
	tool := `{"type":"function","function":{"name":"look_up","description":"Looks up an entry in the register and gives its fields.",` +
		`"parameters":{"type":"object","properties":{"name":{"type":"string","description":"the name"},"limit":{"type":"integer"}},"required":["name"]}}}`
	turn := `{"role":"user","content":"` + strings.Repeat("What does the register say about this one, and why? ", 8) + `"},`
	rest := `"model":"google/gemini-2.0-flash-exp:free","stream":true,"temperature":0.7,"messages":[`
	last := `{"role":"user","content":"go on"}]}`
	defined := `{"type":"function","function":{"name":"tool_7","description":"` + strings.Repeat("what it is good for ", 24) + `","parameters":{"type":"object",` +
		`"properties":{"city":{"type":"string","description":"Where; \"here\" is the user's own place\n"},"days":{"type":"integer","minimum":1}},"required":["city"]}}}`
	quoted := strings.Repeat(`The quick brown fox, \"jumping\", found the dog asleep. `, 250)
	return map[string][]byte{
		"50KB-load": []byte(`{"model":"m","messages":[{"role":"system","content":"You help."},{"role":"user","content":"` + quoted + `"}],"tools":[` + // what test/bench sends
			strings.TrimSuffix(strings.Repeat(defined+",", 50), ",") + `]}`),
		"1MB-image": []byte(`{` + rest + `{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,` +
			strings.Repeat("iVBORw0KGgo", 1_000_000/11) + `"}}]},` + last),
		"1KB":        []byte(`{` + rest + turn + turn + last),
		"50KB-tools": []byte(`{"tools":[` + strings.TrimSuffix(strings.Repeat(tool+",", 80), ",") + `],` + rest + strings.Repeat(turn, 60) + last),
		"5MB-image": []byte(`{` + rest + `{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,` +
			strings.Repeat("iVBORw0KGgo", 5_000_000/11) + `"}}]},` + last),
		"5MB-english": []byte(`{` + rest + strings.Repeat(turn, 5_000_000/len(turn)) + last),
		"5MB-korean":  []byte(`{` + rest + `{"role":"user","content":"` + strings.Repeat(`한국어 문장입니다.\n`, 5_000_000/27) + `"},` + last),
	}
}

func BenchmarkParseChat(b *testing.B) {
	for _, name := range []string{"1KB", "50KB-tools", "50KB-load", "1MB-image", "5MB-image", "5MB-english", "5MB-korean"} {
		body := benchBodies()[name]
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ParseChat(body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// The yardstick: a check of the JSON alone, without UTF-8, duplicates, flags or size.
func BenchmarkValidByGJSON(b *testing.B) {
	for _, name := range []string{"1KB", "50KB-tools", "5MB-image", "5MB-english", "5MB-korean"} {
		body := benchBodies()[name]
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				if !gjson.ValidBytes(body) {
					b.Fatal("not valid")
				}
			}
		})
	}
}

func BenchmarkOutgoing(b *testing.B) {
	bodies := benchBodies()
	for _, name := range []string{"1KB", "50KB-tools"} {
		bodies[name+"-models"] = []byte(`{"models":["a/b:free","c/d:free"],` + string(bodies[name][1:]))
	}
	for _, name := range []string{"1KB", "1KB-models", "50KB-tools", "50KB-tools-models", "5MB-image"} {
		body := bodies[name]
		for _, edits := range []Edits{{}, {IncludeUsage: true}} {
			b.Run(fmt.Sprintf("%s/usage=%t", name, edits.IncludeUsage), func(b *testing.B) {
				b.ReportAllocs()
				r, refusal := ParseChat(body)
				if refusal != nil {
					b.Fatal(refusal)
				}
				for b.Loop() {
					r.ready = false // as in a first attempt
					if _, err := r.Outgoing("deepseek/deepseek-chat-v3-0324:free", edits); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
