package openai

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
)

func outgoing(t *testing.T, r *Request, model string, e Edits) string {
	t.Helper()
	parts, err := r.Outgoing(model, e)
	if err != nil {
		t.Fatalf("%v in %q", err, r.Body)
	}
	return string(slices.Concat(parts[:]...))
}

func parseChat(t *testing.T, body string) *Request {
	t.Helper()
	r, err := ParseChat([]byte(body))
	if err != nil {
		t.Fatalf("%v in %q", err, body)
	}
	return r
}

func TestOutgoing(t *testing.T) {
	drop := func(keys ...string) Edits { return Edits{Drop: keys} }
	tests := []struct {
		name, body string
		edits      Edits
		want       string
	}{
		{"model alone", ` {"a":1, "model" : "x" ,"messages":[ ] } `, Edits{}, ` {"a":1, "model" : "M" ,"messages":[ ] } `},
		{"escaped key", `{"m\u006fdel":"x","messages":[]}`, Edits{}, `{"m\u006fdel":"M","messages":[]}`},
		{"no model", `{ "messages":[]}`, Edits{}, `{"model":"M", "messages":[]}`},
		{"bytes kept", `{"model":"x","seed":9007199254740993,"n":1,"n":1.0,"\u0061":"\u0061","messages":[]}`, Edits{},
			`{"model":"M","seed":9007199254740993,"n":1,"n":1.0,"\u0061":"\u0061","messages":[]}`},
		{"online", `{"model":"x:online","messages":[]}`, Edits{}, `{"model":"M","messages":[]}`},
		{"removed", `{"models":["a"],"model":"x","route":"fallback","plugins":[{"id":"web"}],"messages":[],"provider":{},"preset":"p","web_search_options":{}}`,
			Edits{}, `{"model":"M","messages":[]}`},
		{"removed, escaped", `{"pl\u0075gins":[{"id":"web"}],"model":"x","messages":[],"\u0070rovider" : {"a":"}"} , "x":1}`, Edits{},
			`{"model":"M","messages":[] , "x":1}`},
		{"removed, without a model", `{"models":["a","b"],"messages":[]}`, Edits{}, `{"model":"M","messages":[]}`},
		{"removed names deeper stay", `{"model":"x","plugins":1,"metadata":{"plugins":1},"messages":[]}`, Edits{}, `{"model":"M","metadata":{"plugins":1},"messages":[]}`},
		{"drop", `{"model":"x","top_k":1,"min_p":0.1,"messages":[]}`, drop("top_k", "logit_bias"), `{"model":"M","min_p":0.1,"messages":[]}`},
		{"rename", `{"seed":9007199254740993,"model":"x","messages":[]}`, Edits{Rename: [][2]string{{"seed", "random_seed"}}},
			`{"model":"M","messages":[],"random_seed":9007199254740993}`},
		{"rename, both", `{"seed":1,"random_seed":2,"model":"x","messages":[]}`, Edits{Rename: [][2]string{{"seed", "random_seed"}}},
			`{"random_seed":2,"model":"M","messages":[]}`},
		{"rename, none", `{"model":"x","messages":[]}`, Edits{Rename: [][2]string{{"seed", "random_seed"}}}, `{"model":"M","messages":[]}`},
		{"with tools, without", `{"model":"x","messages":[]}`, Edits{WithTools: [][2]string{{"parallel_tool_calls", "false"}}}, `{"model":"M","messages":[]}`},
		{"with tools", `{"model":"x","messages":[],"tools":[]}`, Edits{WithTools: [][2]string{{"parallel_tool_calls", "false"}}}, `{"model":"M","messages":[],"tools":[],"parallel_tool_calls":false}`},
		{"with tools, over", `{"p\u0061rallel_tool_calls":true,"model":"x","messages":[],"tools":[]}`, Edits{WithTools: [][2]string{{"parallel_tool_calls", "false"}}},
			`{"p\u0061rallel_tool_calls":false,"model":"M","messages":[],"tools":[]}`},
		{"a stream whose usage nobody needs", `{ "model":"x", "stream":true,"messages":[]}`, Edits{}, `{ "model":"M", "stream":true,"messages":[]}`},
		{"usage", `{"model":"x","stream":true,"messages":[]}`, Edits{IncludeUsage: true}, `{"model":"M","stream":true,"messages":[],"stream_options":{"include_usage":true}}`},
		{"usage, null", `{"model":"x","stream":true,"stream_options":null,"messages":[]}`, Edits{IncludeUsage: true},
			`{"model":"M","stream":true,"stream_options":{"include_usage":true},"messages":[]}`},
		{"usage, refused by the client", `{"model":"x","stream":true,"stream_options":{"a":1,"include\u005fusage":false},"messages":[]}`, Edits{IncludeUsage: true},
			`{"model":"M","stream":true,"stream_options":{"a":1,"include\u005fusage":true},"messages":[]}`},
		{"usage, already", `{"model":"x","stream":true,"stream_options":{ "include_usage":true},"messages":[]}`, Edits{IncludeUsage: true},
			`{"model":"M","stream":true,"stream_options":{ "include_usage":true},"messages":[]}`},
		{"usage, no stream", `{"model":"x","messages":[]}`, Edits{IncludeUsage: true}, `{"model":"M","messages":[]}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := outgoing(t, parseChat(t, tt.body), "M", tt.edits); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// Whatever stands around them, members are left out with one of their commas, and nothing else goes.
func TestOutgoingLeavesOut(t *testing.T) {
	for body, want := range map[string]string{
		`{ "models" : ["a"] , "route":1,"model":"x","messages":[]}`:               `{"model":"M","messages":[]}`,
		`{"messages":[] , "route":1 , "models":[] , "model":"x" }`:                `{"messages":[] , "model":"M" }`,
		`{"messages":[],"model":"x" , "models":["}"], "provider" : {"a":[]} } `:   `{"messages":[],"model":"M"} `,
		`{"plugins":[],"messages":[],"preset":"p\"","n":1,"route":{"model":"y"}}`: `{"model":"M","messages":[],"n":1}`,
	} {
		if got := outgoing(t, parseChat(t, body), "M", Edits{}); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", body, got, want)
		}
	}
	r, refusal := ParseEmbedding([]byte(`{"input":"a","models":["b"]}`))
	if refusal != nil {
		t.Fatal(refusal)
	}
	if got, want := outgoing(t, r, "M", Edits{}), `{"model":"M","input":"a"}`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestOutgoingQuotesTheModel(t *testing.T) {
	for _, model := range []string{"google/gemini-2.0-flash-exp:free", "~a/b@c+d", `"},"x":{"`, "a\n\u2028한"} {
		var got struct{ Model string }
		body := outgoing(t, parseChat(t, `{"model":"x","messages":[]}`), model, Edits{})
		if err := json.Unmarshal([]byte(body), &got); err != nil || got.Model != model {
			t.Errorf("%q went up as %s: %v", model, body, err)
		}
	}
}

// A key that is not guarded may stand in the body twice, a path may mean several keys: neither can be edited.
func TestOutgoingRefusesFreeKeys(t *testing.T) {
	for _, e := range []Edits{
		{Drop: []string{"n"}},
		{Drop: []string{"messages.0"}},
		{Rename: [][2]string{{"seed", "n"}}},
		{Rename: [][2]string{{"n", "seed"}}},
		{WithTools: [][2]string{{"*", "1"}}},
		{WithTools: [][2]string{{"seed", "{"}}},
		{WithTools: [][2]string{{"seed", `1,"model":"y"`}}},
		{WithTools: [][2]string{{"seed", `1,"provider":"y"`}}},
	} {
		if parts, err := parseChat(t, `{"model":"x","n":1,"messages":[],"tools":[],"seed":1}`).Outgoing("M", e); err == nil {
			t.Errorf("%+v gave %s", e, parts)
		}
	}
}

func TestOutgoingCopiesNothing(t *testing.T) {
	r := parseChat(t, `{"a":1,"model":"x","stream":true,"stream_options":{"include_usage":true},"messages":[]}`)
	parts, err := r.Outgoing("M", Edits{Drop: []string{"top_k"}, IncludeUsage: true})
	if err != nil {
		t.Fatal(err)
	}
	if &parts[0][0] != &r.Body[0] || &parts[2][len(parts[2])-1] != &r.Body[len(r.Body)-1] {
		t.Error("the halves are not the client's bytes")
	}
	if cap(parts[0]) != len(parts[0]) {
		t.Error("an append to the first half would write into the body")
	}
}

func TestOutgoingKeepsItsEdits(t *testing.T) {
	r := parseChat(t, `{"model":"x","top_k":1,"plugins":[],"messages":["`+strings.Repeat("x", 1000)+`"]}`)
	edits := Edits{Drop: []string{"top_k"}}
	outgoing(t, r, "A", edits)
	if allocs := testing.AllocsPerRun(10, func() { _, _ = r.Outgoing("B", edits) }); allocs > 1 {
		t.Errorf("a second attempt takes %v allocations", allocs)
	}
	if got := outgoing(t, r, "C", Edits{}); !strings.Contains(got, "top_k") || !strings.Contains(got, `"C"`) {
		t.Errorf("other edits gave %s", got)
	}
}

func TestOutgoingAtOnce(t *testing.T) {
	r := parseChat(t, `{"model":"x","top_k":1,"plugins":[],"messages":[]}`)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			edits, want := Edits{}, fmt.Sprintf(`{"model":"%d","top_k":1,"messages":[]}`, i)
			if i%2 == 0 {
				edits, want = Edits{Drop: []string{"top_k"}}, fmt.Sprintf(`{"model":"%d","messages":[]}`, i)
			}
			for range 100 {
				parts, err := r.Outgoing(fmt.Sprint(i), edits)
				if got := string(slices.Concat(parts[:]...)); err != nil || got != want {
					t.Errorf("got %s, %v", got, err)
				}
			}
		})
	}
	wg.Wait()
}

var fuzzEdits = Edits{
	Drop:   []string{"top_k", "logprobs", "reasoning_effort"},
	Rename: [][2]string{{"seed", "random_seed"}},
}

func FuzzSplice(f *testing.F) {
	for _, seed := range []string{
		`{"model":"x","messages":[]}`, `{ "messages":[]}`, `{"pl\u0075gins":{"\\\"":[]},"model":"x","messages":[]}`, `{"messages":[],"provider":"\"}"}`,
		`{"seed":1,"top_k":2,"n":1,"n":2,"messages":[],"\u0073eed2":1}`, `{"a\"":",\"plugins\":1","plugins":1,"messages":[],"a\\":{"route":1},"route" : null }`,
		`{"logprobs":true,"logprobs ":1,"messages":[],"models":["a"],"random_seed":5,"seed":6}`,
	} {
		f.Add([]byte(seed), "a/b:free", false)
		f.Add([]byte(seed), "\xff\"", true)
	}
	f.Fuzz(func(t *testing.T, body []byte, model string, withEdits bool) {
		r, refusal := ParseChat(body)
		if refusal != nil {
			return
		}
		edits := Edits{}
		if withEdits {
			edits = fuzzEdits
		}
		got := outgoing(t, r, model, edits)
		if !json.Valid([]byte(got)) {
			t.Fatalf("%q became %q", body, got)
		}
		want := expected(members(t, body), model, withEdits)
		have := members(t, []byte(got))
		for i, m := range have {
			if m.Key == "model" {
				have[i].Value = requoted(t, m.Value) // a string has many spellings
			}
		}
		if !slices.Equal(have, want) {
			t.Fatalf("%q became\n%q, want\n%q", body, have, want)
		}
	})
}

func requoted(t *testing.T, value string) string {
	t.Helper()
	var s string
	if err := json.Unmarshal([]byte(value), &s); err != nil {
		t.Fatal(err)
	}
	quoted, _ := json.Marshal(s)
	return string(quoted)
}

// expected does to the members what Outgoing does to the bytes.
func expected(list []jsonMember, model string, withEdits bool) (out []jsonMember) {
	quoted, _ := json.Marshal(string([]rune(model)))
	first := jsonMember{"model", string(quoted)}
	gone := slices.Clone(removedKeys)
	if withEdits {
		gone = append(gone, fuzzEdits.Drop...)
		seed := slices.IndexFunc(list, func(m jsonMember) bool { return m.Key == "seed" })
		if seed >= 0 && !slices.ContainsFunc(list, func(m jsonMember) bool { return m.Key == "random_seed" }) {
			list = append(slices.Clone(list), jsonMember{"random_seed", list[seed].Value})
		}
		gone = append(gone, "seed")
	}
	at := slices.IndexFunc(list, func(m jsonMember) bool { return m.Key == "model" })
	if at < 0 {
		list = slices.Insert(slices.Clone(list), 0, first)
		at = 0
	}
	for i, m := range list {
		switch {
		case i == at:
			m = first
		case slices.Contains(gone, m.Key):
			continue
		}
		out = append(out, m)
	}
	return out
}

// No body, however spelt, makes a reader that ignores case, takes the first or takes the last of two keys see another
// model than the one that was chosen.
func TestNoModelIsSmuggled(t *testing.T) {
	chance := rand.New(rand.NewPCG(1, 2))
	accepted := 0
	const bodies = 10_000
	for range bodies {
		body := hostileBody(chance)
		if !json.Valid(body) {
			t.Fatalf("the generator is wrong: %q", body)
		}
		r, refusal := ParseChat(body)
		if refusal != nil {
			continue
		}
		accepted++
		got := outgoing(t, r, "chosen", Edits{})
		var seen struct {
			Model                                    string
			Models, Provider, Plugins, Route, Preset any
			Search                                   any `json:"web_search_options"`
		}
		if err := json.Unmarshal([]byte(got), &seen); err != nil {
			t.Fatal(err)
		}
		if seen.Model != "chosen" || seen.Models != nil || seen.Provider != nil || seen.Plugins != nil || seen.Route != nil ||
			seen.Preset != nil || seen.Search != nil {
			t.Fatalf("%q\nwent up as %q\nand reads as %+v", body, got, seen)
		}
		for _, m := range members(t, []byte(got)) {
			if strings.EqualFold(m.Key, "model") && m.Value != `"chosen"` || slices.ContainsFunc(removedKeys, func(k string) bool { return strings.EqualFold(k, m.Key) }) {
				t.Fatalf("%q\nwent up as %q", body, got)
			}
		}
	}
	if accepted < bodies/10 || accepted > bodies*9/10 {
		t.Errorf("%d of %d bodies accepted: the generator proves little", accepted, bodies)
	}
}

func hostileBody(chance *rand.Rand) []byte {
	names := append([]string{"model", "n", "extra", "modell", "x"}, removedKeys...)
	var b bytes.Buffer
	space := func() { b.WriteString([]string{"", "", " ", "\n\t"}[chance.IntN(4)]) }
	b.WriteByte('{')
	for range 1 + chance.IntN(5) {
		name := names[chance.IntN(len(names))]
		space()
		b.WriteString(`"` + respell(chance, name) + `"`)
		space()
		b.WriteByte(':')
		space()
		b.WriteString(hostileValue(chance, name))
		space()
		b.WriteByte(',')
	}
	b.WriteString(msgs + "}")
	return b.Bytes()
}

// respell writes a name as it is, or with escapes, or in another case.
func respell(chance *rand.Rand, name string) string {
	folds := chance.IntN(10) == 0
	escapes := chance.IntN(3) == 0
	var out strings.Builder
	for _, c := range name {
		if folds && chance.IntN(3) == 0 {
			switch {
			case c == 's' && chance.IntN(2) == 0:
				c = 'ſ'
			case 'a' <= c && c <= 'z':
				c -= 'a' - 'A'
			}
		}
		if escapes && chance.IntN(3) == 0 {
			fmt.Fprintf(&out, `\u%04x`, c)
			continue
		}
		out.WriteRune(c)
	}
	return out.String()
}

func hostileValue(chance *rand.Rand, name string) string {
	switch {
	case name == "model" && chance.IntN(20) > 0:
		return []string{`"evil"`, `""`, `"\u0065vil:online"`, `"a\",\"model\":\"b"`}[chance.IntN(4)]
	case name == "models" && chance.IntN(20) > 0:
		return []string{`["evil","worse"]`, `[]`, ` [ "a" ] `}[chance.IntN(3)]
	}
	return []string{`{"model":"evil","Plugins":[1]}`, `["}",",\"model\":1"]`, `null`, `"\\"`, `"a\\\",\"model\":\"b\""`, `-1.5e3`, `{}`}[chance.IntN(7)]
}
