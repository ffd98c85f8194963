package openai

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
)

// longTool makes a list of tools long enough to be kept.
var longTool = `{"type":"function","function":{"name":"f","description":"` + strings.Repeat(`a \"word\" or 두 `, 200) + `"}}`

// readings are a body read by who knows nothing, and then as often by one who learns of it.
func readings(body string, k *knownTools) (fresh *Request, refusal *Error, others []*Request, refusals []*Error) {
	fresh, refusal = readChat([]byte(body), nil)
	for range 3 {
		r, e := readChat([]byte(body), k)
		others, refusals = append(others, r), append(refusals, e)
	}
	return fresh, refusal, others, refusals
}

// sameReadings fails when it matters whether the tools of a body are known.
func sameReadings(t *testing.T, body string, k *knownTools) {
	t.Helper()
	fresh, refusal, others, refusals := readings(body, k)
	for i, r := range others {
		if !reflect.DeepEqual(r, fresh) || !reflect.DeepEqual(refusals[i], refusal) {
			t.Fatalf("read again (%d): %+v, %v\nwant %+v, %v\nof %q", i, r, refusals[i], fresh, refusal, body)
		}
	}
}

func (k *knownTools) kept() (n int) {
	for i := range k.lists {
		if k.lists[i].Load() != nil {
			n++
		}
	}
	return n
}

func TestKnownTools(t *testing.T) {
	list := `[` + longTool + `,{"type":"custom","custom":{"name":"g","data":"not weighed"}} ]`
	for _, tt := range []struct {
		name, form string // %s = the list
		kept       int
	}{
		{"last", `{"model":"x","messages":[{"role":"user","content":"hi"}],"tools":%s}`, 1},
		{"first", ` { "tools" : %s , "model":"x","messages":[{"role":"assistant"}]} `, 1},
		{"escaped", `{"t\u006fols":%s,"functions":[{"name":"한"}],"messages":[]}`, 1},
		{"before what is left out", `{"messages":[],"tools":%s,"plugins":[1],"provider":{}}`, 1},
		{"behind what is left out", `{"models":["a","b"],"tools":%s,"messages":[]}`, 1},
		{"then nothing", `{"messages":[],"tools":%s`, 0},
		{"then twice", `{"messages":[],"tools":%[1]s,"tools":%[1]s}`, 1},
		{"then no comma", `{"messages":[],"tools":%s "a":1}`, 0},
		{"then wrong", `{"messages":[],"tools":%s,"a":01}`, 1},
		{"not at the top", `{"messages":[],"x":{"tools":%s}}`, 0},
		{"elsewhere", `{"messages":[],"functions":%s}`, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := new(knownTools)
			body := fmt.Sprintf(tt.form, list)
			sameReadings(t, body, k)
			if n := k.kept(); n != tt.kept {
				t.Errorf("%d lists are known, want %d", n, tt.kept)
			}
			sameReadings(t, fmt.Sprintf(`{"messages":[],"tools":%s}`, list), k) // what was learned there holds elsewhere
		})
	}
}

// What differs by a byte is another list.
func TestKnownToolsOtherBytes(t *testing.T) {
	k := new(knownTools)
	list := `[` + longTool + `,` + longTool + `]`
	sameReadings(t, `{"messages":[],"tools":`+list+`}`, k)
	if k.kept() != 1 {
		t.Fatal("the list is not known")
	}
	for _, bad := range []string{"\x00", "\xff", `"`, `]`} {
		for at := 0; at < len(list); at += 97 {
			sameReadings(t, `{"messages":[],"tools":`+list[:at]+bad+list[at+1:]+`}`, k)
		}
	}
	for _, other := range []string{
		strings.Replace(list, `"function","function"`, `"web_find","function"`, 1), // a tool that the provider runs
		list[:len(list)-1] + ` ]`, list + `]`, list[:len(list)-1], list[:len(list)-1] + `,1]`,
	} {
		sameReadings(t, `{"messages":[],"tools":`+other+`}`, k)
	}
}

// A list is kept when it comes again, no more of them than there is room for, and none that is short, huge or refused.
func TestKnownToolsAreFew(t *testing.T) {
	k := new(knownTools)
	read := func(list string) { _, _ = readChat([]byte(`{"messages":[],"tools":[`+list+`]}`), k) }
	for i := range 1000 {
		read(fmt.Sprintf(`{"n":%d},%s`, i, longTool))
	}
	if n := k.kept(); n != 0 {
		t.Errorf("%d lists are known that came once", n)
	}
	for _, list := range []string{`{"type":"function"}`, strings.Repeat(longTool+",", mostKnown/len(longTool)+1) + longTool, longTool + `,{"type":"web_search"}`} {
		read(list)
		read(list)
		read(list)
	}
	if n := k.kept(); n != 0 {
		t.Errorf("%d lists are known that are short, huge or refused", n)
	}
	for i := range 100 {
		for range 3 {
			read(fmt.Sprintf(`{"n":%d},%s`, i, longTool))
		}
	}
	if n := k.kept(); n != len(k.lists) {
		t.Errorf("%d lists are known, want %d", n, len(k.lists))
	}
	for range 3 * len(k.lists) {
		read(`{"n":99},` + longTool)
	}
	last := fmt.Sprintf(`[{"n":99},%s]`, longTool)
	if l := k.find([]byte(last + `,"x":1}`)); l == nil || string(l.raw) != last {
		t.Error("the last list is not known")
	}
}

// More lists than there is room for, by turns: some stay, instead of each driving out another one that comes again before it is read. A
// list that comes no more makes room.
func TestKnownToolsStay(t *testing.T) {
	k := new(knownTools)
	read := func(i int) {
		_, _ = readChat(fmt.Appendf(nil, `{"messages":[],"tools":[{"n":%d},%s]}`, i, longTool), k)
	}
	stay := func() (all [len(k.lists)]*toolList) {
		for i := range all {
			all[i] = k.lists[i].Load()
		}
		return all
	}
	rounds := func(n, lists int) {
		for i := range n * lists {
			read(i % lists)
		}
	}
	rounds(9, 40)
	before := stay()
	if rounds(3, 40); stay() != before {
		t.Error("lists are driven out that come in each round")
	}
	for range 3 * len(k.lists) {
		read(99)
	}
	if k.find(fmt.Appendf(nil, `[{"n":99},%s]`, longTool)) == nil {
		t.Error("a new list finds no room")
	}
}

// Many requests that began before a list was known have read it; it is kept once.
func TestKnownToolsOnce(t *testing.T) {
	k := new(knownTools)
	for range 9 {
		k.note([]byte(`[`+longTool+`]`), textSize{})
	}
	if n := k.kept(); n != 1 {
		t.Errorf("it is kept %d times", n)
	}
}

func TestKnownToolsTogether(t *testing.T) {
	k := new(knownTools)
	body := func(i int) []byte { return fmt.Appendf(nil, `{"messages":[],"tools":[{"n":%d},%s]}`, i%40, longTool) }
	want, _ := readChat(body(0), nil)
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			for i := range 400 {
				if r, e := readChat(body(i/4+g), k); e != nil || r.Need.Tokens != want.Need.Tokens {
					t.Errorf("got %v, %v", r, e)
				}
			}
		})
	}
	all.Wait()
	if k.kept() == 0 {
		t.Error("nothing is known")
	}
}

func FuzzKnownTools(f *testing.F) {
	f.Add(`{"type":"function","function":{"data":"x"}}`, 7, byte('"'))
	f.Add(`[[],{"":"한\n"}],`, 2300, byte(']'))
	f.Add(` {"type":"web_search"}`, 0, byte(0))
	f.Fuzz(func(t *testing.T, tool string, at int, b byte) {
		k := new(knownTools)
		body := `{"messages":[],"tools":[` + longTool + `,` + tool + `],"n":1}`
		sameReadings(t, body, k)
		other := []byte(body)
		other[uint(at)%uint(len(body))] = b
		sameReadings(t, string(other), k)
	})
}
