package openai

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"
)

var fits = regexp.MustCompile(`^[0-9A-Za-z]{9}$`)

func TestShortIDs(t *testing.T) {
	const call, other = "call_abc123", "toolu_01"
	a, b := mapped(t, call), mapped(t, other)
	if a == b || !fits.MatchString(a) || !fits.MatchString(b) {
		t.Fatalf("%q and %q", a, b)
	}
	turn := func(ids ...any) string {
		return fmt.Sprintf(`{"model":"M","messages":[{"role":"assistant","tool_calls":[{"id":%q,"type":"function","function":{"name":"f","arguments":"{\"id\":\"x\"}"}},{"id":%q}]},{"role":"tool","tool_call_id":%q,"content":"id"},{"role":"tool","tool_call_id":%q}]}`, ids...)
	}
	for _, tt := range []struct{ name, body, want string }{
		{"both ways", turn(call, other, call, other), turn(a, b, a, b)},
		{"one that fits stays", turn("abcDEF123", call, "abcDEF123", call), turn("abcDEF123", a, "abcDEF123", a)},
		{"all fit", turn("abcDEF123", "000000000", "abcDEF123", "000000000"), turn("abcDEF123", "000000000", "abcDEF123", "000000000")},
		{"empty", turn("", "", "", ""), turn("", "", "", "")},
		{"nine other characters", turn("abc-EF123", "é", "", ""), turn(mapped(t, "abc-EF123"), mapped(t, "é"), "", "")},
		{"two spellings of one", `{"model":"M","messages":[{"tool_calls":[{"\u0069d":"call\u005fabc123"}]},{"role":"tool","tool_call_\u0069d" : "call_abc123"}]}`,
			`{"model":"M","messages":[{"tool_calls":[{"\u0069d":"` + a + `"}]},{"role":"tool","tool_call_\u0069d" : "` + a + `"}]}`},
		{"elsewhere", `{"model":"M","id":"call_abc123","tools":[{"type":"function","tool_calls":[{"id":"call_abc123"}]}],"messages":[{"role":"tool","id":"call_abc123","content":[{"id":"call_abc123","tool_call_id":"call_abc123"}]}]}`, ""},
		{"no strings", `{"model":"M","messages":[{"role":"tool","tool_call_id":7,"tool_calls":[{"id":{"id":"call_abc123"}},["id"],null]},{"tool_calls":{"a":{"id":"call_abc123"}}}]}`, ""},
	} {
		if tt.want == "" {
			tt.want = tt.body
		}
		if got := outgoing(t, parseChat(t, tt.body), "M", Edits{ShortIDs: true}); got != tt.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.name, got, tt.want)
		}
		if got := outgoing(t, parseChat(t, tt.body), "M", Edits{}); got != tt.body {
			t.Errorf("%s, not asked for: %s", tt.name, got)
		}
	}
}

// mapped is what becomes of an id that stands alone.
func mapped(t *testing.T, id string) string {
	t.Helper()
	quoted, _ := json.Marshal(id)
	got := outgoing(t, parseChat(t, `{"model":"M","messages":[{"role":"tool","tool_call_id":`+string(quoted)+`}]}`), "M", Edits{ShortIDs: true})
	_, got, _ = strings.Cut(got, `"tool_call_id":"`)
	got, _, _ = strings.Cut(got, `"`)
	return got
}

// An id that already stands in the request is never given to another call.
func TestShortIDsNeverMeet(t *testing.T) {
	taken := mapped(t, "call_1")
	body := `{"model":"M","messages":[{"tool_calls":[{"id":"call_1"},{"id":"` + taken + `"}]},{"role":"tool","tool_call_id":"call_1"},{"role":"tool","tool_call_id":"` + taken + `"}]}`
	got := idsOf(t, []byte(outgoing(t, parseChat(t, body), "M", Edits{ShortIDs: true})))
	if len(got) != 4 || got[0] != got[2] || got[1] != taken || got[3] != taken || got[0] == taken || !fits.MatchString(got[0]) {
		t.Errorf("ids %q", got)
	}
}

// More calls than any conversation has, and ids of a megabyte, cost little and break nothing.
func TestShortIDsOfHostileHistories(t *testing.T) {
	var many strings.Builder
	for i := range maxIDs + 1 {
		fmt.Fprintf(&many, `,{"role":"tool","tool_call_id":"call_%d"}`, i)
	}
	body := `{"model":"M","messages":[` + many.String()[1:] + `]}`
	begun := time.Now()
	if got := outgoing(t, parseChat(t, body), "M", Edits{ShortIDs: true}); got != body {
		t.Errorf("%d ids: the body was changed", maxIDs+1)
	}
	body = strings.Replace(body, `,{"role":"tool","tool_call_id":"call_7"}`, "", 1)
	seen := map[string]bool{}
	for _, id := range idsOf(t, []byte(outgoing(t, parseChat(t, body), "M", Edits{ShortIDs: true}))) {
		seen[id] = fits.MatchString(id)
	}
	if len(seen) != maxIDs || seen[""] {
		t.Errorf("%d ids of %d", len(seen), maxIDs)
	}
	if got := mapped(t, strings.Repeat(`\u0000"`, 1<<20)); !fits.MatchString(got) {
		t.Errorf("a long id became %.20q", got)
	}
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
}

// idsOf are the ids of the tool calls in a body, in their order.
func idsOf(t *testing.T, body []byte) (ids []string) {
	t.Helper()
	var doc struct{ Messages []map[string]json.RawMessage }
	if err := json.Unmarshal(body, &doc); err != nil {
		t.Fatalf("%v in %.200s", err, body)
	}
	for _, m := range doc.Messages {
		var id string
		var calls []struct{ ID string }
		if json.Unmarshal(m["tool_calls"], &calls) == nil {
			for _, c := range calls {
				ids = append(ids, c.ID)
			}
		}
		if json.Unmarshal(m["tool_call_id"], &id) == nil && m["tool_call_id"] != nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// What goes up is JSON that differs from what came in ids alone: each other id has the wanted form, one for one.
func FuzzShortIDs(f *testing.F) {
	for _, seed := range []string{
		`{"model":"M","messages":[{"tool_calls":[{"id":"call_1"},{"id":"abcDEF123"}]},{"tool_call_id":"call_1"}]}`,
		`{"model":"M","messages":[{"role":"tool","tool_call_id":"\ud83d\ude00\\\"","tool_call_id":"\ud83d"}],"tool_calls":[{"id":"a"}]}`,
		`{"model":"M","messages":[{"tool_calls":[{"id":"","id":"x","ID":"y"}]},[[{"tool_calls":[{"id":"z"}]}]]],"tools":[{}],"n":1e5}`,
		`{"model":"M","messages":[{"tool_calls":[[{"id":"a"}],{"x":{"id":"b"}},{"id":null}]},{"tool_calls":[],"x":[{"id":"c"}]}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r, refusal := ParseChat(body)
		if refusal != nil || !r.seen.has(chatKeys["model"]) {
			return
		}
		before, after := tokensOf(t, outgoing(t, r, "M", Edits{})), tokensOf(t, outgoing(t, r, "M", Edits{ShortIDs: true}))
		if len(before) != len(after) {
			t.Fatalf("%q became %d tokens of %d", body, len(after), len(before))
		}
		to, from := map[string]string{}, map[string]string{}
		for i := range before {
			if before[i] == after[i] {
				continue
			}
			id, ok := before[i].(string)
			short, _ := after[i].(string)
			if !ok || id == "" || fits.MatchString(id) || !fits.MatchString(short) {
				t.Fatalf("%q: %v became %v", body, before[i], after[i])
			}
			if was, known := to[id]; known && was != short {
				t.Fatalf("%q: %q became %q and %q", body, id, was, short)
			}
			if was, known := from[short]; known && was != id {
				t.Fatalf("%q: %q and %q became %q", body, was, id, short)
			}
			to[id], from[short] = short, id
		}
	})
}

func tokensOf(t *testing.T, body string) (out []json.Token) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(body))
	d.UseNumber()
	for {
		token, err := d.Token()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatalf("%v in %q", err, body)
		}
		out = append(out, token)
	}
}
