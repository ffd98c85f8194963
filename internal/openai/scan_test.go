package openai

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzScan(f *testing.F) {
	for _, seed := range []string{
		`{}`, ` { } `, `{"a":1}`, `{"a":[{}, [], "x\n\u00e9\ud83d\ude00", -0.5e+7, true, false, null]}`, `{"a":1,}`, `{"a":01}`, "{\"a\":\"\xff\"}",
		`{"model":"a","m\u006fdel":"b","messages":[]}`, `{"Model":"a","messages":[]}`, `{"modelſ":[],"messages":[]}`,
		`{"model":"\ud800","messages":[{"role":"tool"}],"tools":[{"type":"function"}]}`, `{"messages":[],"stream_options":{"include_usage":true}}`,
		`{"a":` + strings.Repeat("[", 127) + strings.Repeat("]", 127) + `}`, `{"a":` + strings.Repeat("[", 128) + strings.Repeat("]", 128) + `}`,
		`{"tools":[{"function":{"data":"abc","x":["data:a","한",{"file_d\u0061ta":"d"}],"y":"\u0041\n"}}]}`, `{"tools":[{"a":{"b":[1,}]}`,
		"\xef\xbb\xbf{}", "{}\x00", `[]`, `"a"`, ``, `{"aaaaaaaaaaaaaaaaaaaaaaaa\"한국어한국어aaaaaaa":"\\\"\/\b\f\n\r\t"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		s := scanner{body: body}
		for s.next() {
		}
		if want := saneObject(body); (s.err == nil) != want {
			t.Fatalf("scanner says %v, want sound = %t: %q", s.err, want, body)
		}
		for looks := range 4 {
			looksAway(t, body, looks+1)
		}
		r, refusal := ParseChat(body)
		if s.err != nil {
			if refusal == nil {
				t.Fatalf("accepted %q", body)
			}
			return
		}
		top := members(t, body)
		ambiguous := ambiguousKeys(top, chatKeys) || optionsAmbiguous(t, top)
		switch {
		case refusal == nil && ambiguous:
			t.Fatalf("accepted %q", body)
		case refusal == nil:
			sameModel(t, r, top)
		case refusal.Code == "invalid_json":
			t.Fatalf("refused %q: %v", body, refusal)
		case (refusal.Code == "duplicate_key" || refusal.Code == "misspelled_key") && !ambiguous:
			t.Fatalf("refused %q: %v", body, refusal)
		}
	})
}

// looksAway holds a scan that shows less against one that shows everything: what it shows is the same, what it weighs is the rest, and
// what is wrong is found at the same place.
func looksAway(t *testing.T, body []byte, looks int) {
	t.Helper()
	all, some := scanner{body: body}, scanner{body: body, looks: looks}
	var unseen textSize
	for all.next() {
		if all.depth > looks {
			if all.kind == '"' && !all.str.isFile() && !all.key.namesFile() {
				unseen.add(all.size)
			}
			continue
		}
		if !some.next() {
			t.Fatalf("looking %d deep, the value at %d is missed: %q", looks, all.from, body)
		}
		if some.from != all.from || some.depth != all.depth || some.kind != all.kind || some.size != all.size || !bytes.Equal(some.key.raw, all.key.raw) {
			t.Fatalf("looking %d deep, the value at %d is another: %q", looks, all.from, body)
		}
	}
	if some.next() {
		t.Fatalf("looking %d deep, more is shown: %q", looks, body)
	}
	if (all.err == nil) != (some.err == nil) || all.err != nil && *all.err != *some.err {
		t.Fatalf("looking %d deep says %v, at everything %v: %q", looks, some.err, all.err, body)
	}
	if all.err == nil && some.unseen != unseen {
		t.Fatalf("looking %d deep, %+v is weighed, want %+v: %q", looks, some.unseen, unseen, body)
	}
}

// saneObject is what the scanner must accept, told by other means.
func saneObject(body []byte) bool {
	if !json.Valid(body) || !utf8.Valid(body) || bytes.TrimLeft(body, " \t\r\n")[0] != '{' {
		return false
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	for depth := 0; ; {
		token, err := dec.Token()
		if err != nil {
			return true
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth > maxDepth {
			return false
		}
	}
}

// jsonMember is one key of an object, decoded, with its value as written.
type jsonMember struct {
	Key   string
	Value string
}

// members reads an object by encoding/json, in order and with its duplicates.
func members(t *testing.T, object []byte) (list []jsonMember) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(object))
	if token, err := dec.Token(); err != nil || token != json.Delim('{') {
		t.Fatalf("no object: %q: %v", object, err)
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			t.Fatal(err)
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			t.Fatal(err)
		}
		list = append(list, jsonMember{key.(string), string(value)})
	}
	return list
}

func ambiguousKeys(list []jsonMember, guarded keySet) bool {
	for name := range guarded {
		n := 0
		for _, m := range list {
			if strings.EqualFold(m.Key, name) {
				n++
				if n > 1 || m.Key != name {
					return true
				}
			}
		}
	}
	return false
}

func optionsAmbiguous(t *testing.T, top []jsonMember) bool {
	for _, m := range top {
		if m.Key == "stream_options" && m.Value[0] == '{' && ambiguousKeys(members(t, []byte(m.Value)), streamOptionKeys) {
			return true
		}
	}
	return false
}

func sameModel(t *testing.T, r *Request, top []jsonMember) {
	t.Helper()
	want := ""
	for _, m := range top {
		if m.Key == "model" {
			want = m.Value
		}
	}
	if got := string(r.Body[len(r.asIs.before) : len(r.Body)-len(r.asIs.after)]); got != want {
		t.Fatalf("model is %q, want %q", got, want)
	}
	decoded := ""
	if want != "" {
		if err := json.Unmarshal([]byte(want), &decoded); err != nil {
			t.Fatal(err)
		}
	}
	if r.Model != decoded {
		t.Fatalf("model reads as %q, want %q", r.Model, decoded)
	}
}

// Every byte at every place within those that are looked at together, and behind the last of them.
func TestSkipPlain(t *testing.T) {
	for c := range 256 {
		for at := range 52 {
			b := bytes.Repeat([]byte("x"), 56)
			b[at] = byte(c)
			want := 56
			if c < ' ' || c == '"' || c == '\\' || c >= 0x80 {
				want = at
			}
			if got := skipPlain(b, 0); got != want {
				t.Fatalf("byte %#x at %d: got %d", c, at, got)
			}
			b[at+1] = '"' // a borrow from the first hit must not hide or move it
			if got := skipPlain(b, 0); got != min(want, at+1) {
				t.Fatalf("byte %#x at %d before a quote: got %d", c, at, got)
			}
		}
	}
}

func TestFoldIsEqualFold(t *testing.T) {
	for r := rune(0); r <= utf8.MaxRune; r++ {
		for _, letter := range []string{"k", "s", "i", "_"} {
			if got := string(appendFolded(nil, []byte(string(r)))) == letter; got != strings.EqualFold(string(r), letter) {
				t.Fatalf("%U and %q: folds alike = %t", r, letter, got)
			}
		}
	}
}

func TestScanTellsWhatItFinds(t *testing.T) {
	s := scanner{body: []byte(` {"a" : "x", "b":[1.5, {"c":null}], "d":{} } `)}
	var got []string
	for s.next() {
		got = append(got, fmt.Sprintf("%d %s %c %s", s.depth, s.key.raw, s.kind, s.body[s.from:s.to]))
	}
	want := []string{`1 a " "x"`, `1 b [ [`, `2  0 1.5`, `2  { {`, `3 c n null`, `1 d { {`}
	if s.err != nil || strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q, %v\nwant %q", got, s.err, want)
	}
}

func TestScanAllocatesNothing(t *testing.T) {
	body := []byte(`{"model":"a","m\u00f6del":[1,{"x":"한국어\n"}],"messages":[]}`)
	allocs := testing.AllocsPerRun(100, func() {
		s := scanner{body: body}
		var seen seenKeys
		for s.next() {
			if s.depth == 1 {
				_, _ = chatKeys.admit(&s.key, &seen)
			}
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}
