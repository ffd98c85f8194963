package roster

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"freefall/fallback"
)

// told writes what was read of a list in short.
func told(models []Listed) string {
	var out []string
	for _, m := range models {
		text := m.ID
		for _, word := range []struct {
			say  bool
			word string
		}{
			{m.Name != "", `"` + m.Name + `"`}, {m.Context > 0, fmt.Sprint(m.Context)},
			{is(m.Tools), "tools"}, {m.Tools != nil && !*m.Tools, "no-tools"},
			{is(m.Vision), "images"}, {m.Vision != nil && !*m.Vision, "no-images"},
			{is(m.JSONSchema), "schema"}, {m.Price == Zero, "0"}, {m.Price == Priced, "priced"},
			{m.Expires != "", "until " + m.Expires}, {m.Other, "other"},
		} {
			if word.say {
				text += " " + word.word
			}
		}
		out = append(out, text)
	}
	return strings.Join(out, "; ")
}

func TestListsOfAllProviders(t *testing.T) {
	for _, tt := range []struct{ name, dialect, body, want string }{
		{"openrouter", "openrouter", `{"data":[{"id":"x/y:free","canonical_slug":"x/y","name":"X: Y (free)","created":1740000000,"context_length":131072,
			"architecture":{"input_modalities":["text","image"],"output_modalities":["text"]},
			"pricing":{"prompt":"0","completion":"0","request":"0","image":"0","web_search":"0.004"},
			"supported_parameters":["tools","structured_outputs"],"expiration_date":"2026-12-01"},
			{"id":"x/z","context_length":null,"top_provider":{"context_length":8192},"architecture":{"input_modalities":["text"],"output_modalities":["image"]},
			"pricing":{"prompt":"0.000001","completion":"0"},"supported_parameters":[],"expiration_date":null}],"total_count":2,"links":{"next":null}}`,
			`x/y:free "X: Y (free)" 131072 tools images schema 0 until 2026-12-01; x/z 8192 no-tools no-images priced other`},
		{"openai", "openai", `{"object":"list","data":[{"id":"gpt-x","object":"model","created":1,"owned_by":"o"},{"id":"text-embedding-3","object":"model"},{"id":"tts-1"}]}`,
			`gpt-x; text-embedding-3 other; tts-1 other`},
		{"google", "google", `{"object":"list","data":[{"id":"models/gemini-2.5-flash","display_name":"Gemini 2.5 Flash"},{"id":"models/text-embedding-004"},{"id":"models/aqa"}]}`,
			`gemini-2.5-flash "Gemini 2.5 Flash"; text-embedding-004 other; aqa other`},
		{"groq", "groq", `{"data":[{"id":"llama-3.3-70b-versatile","active":true,"context_window":131072},{"id":"old","active":false},{"id":"whisper-large-v3","active":true},{"id":"meta-llama/llama-guard-4-12b"}]}`,
			`llama-3.3-70b-versatile 131072; whisper-large-v3 other; meta-llama/llama-guard-4-12b other`},
		{"mistral", "mistral", `{"data":[{"id":"mistral-small-latest","max_context_length":32768,"capabilities":{"completion_chat":true,"function_calling":true,"vision":false}},
			{"id":"mistral-mod","capabilities":{"completion_chat":false}}]}`,
			`mistral-small-latest 32768 tools no-images; mistral-mod other`},
		{"ollama", "ollama", `{"object":"list","data":[{"id":"llama3.2:3b","object":"model","created":1700000000,"owned_by":"library"},{"id":"nomic-embed-text:latest"}]}`,
			`llama3.2:3b; nomic-embed-text:latest other`},
		{"llama.cpp", "llamacpp", `{"models":[{"name":"q.gguf","capabilities":["completion"]}],"object":"list","data":[{"id":"q.gguf","owned_by":"llamacpp","meta":{"n_ctx_train":40960,"n_ctx":8192}}]}`,
			`q.gguf 8192`},
		{"vllm", "openai", `{"data":[{"id":"org/m","max_model_len":4096}]}`, `org/m 4096`},
		{"huggingface", "huggingface", `{"data":[{"id":"org/m","architecture":{"input_modalities":["text"],"output_modalities":["text"]},
			"providers":[{"provider":"a","context_length":1000,"supports_tools":false},{"provider":"b","context_length":9000,"supports_tools":true,"supports_structured_output":true,"pricing":{"input":1}}]}]}`,
			`org/m 9000 tools no-images schema`},
		{"a bare array", "openai", `[{"id":"a/b","type":"chat"},{"id":"c","type":"embedding"}]`, `a/b; c other`},
		{"odd entries", "openai", `{"data":[7,null,"x",[],{},{"id":7},{"id":""},{"id":"../x"},{"id":"a b"},{"id":"<b>"},{"id":"good","context_length":"many","name":7,"supported_parameters":"tools","architecture":[],"expiration_date":"soon"}]}`,
			`good`},
		{"absurd numbers", "openai", `{"data":[{"id":"a","context_length":-5,"created":1e99},{"id":"b","context_length":1e300},{"id":"c","context_length":4096.0}]}`, `a; b; c 4096`},
		{"names of others", "openai", `{"data":[{"id":"a","name":"<script>alert(1)</script>\u0000\u202etxt\n\tsk-or-v1-5e0c0ffee5e0c0ffee5e0c0ffee5e0c0ffee"},{"id":"b","name":"` + strings.Repeat("long ", 99) + `"}]}`,
			`a "scriptalert(1)/scripttxt ***"; b "` + strings.Repeat("long ", 15) + `long…"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			models, _, err := page([]byte(tt.body), ByName(tt.dialect))
			if got := told(models); got != tt.want || err != nil {
				t.Errorf("read  %s\nwanted %s\n%v", got, tt.want, err)
			}
		})
	}
	for _, body := range []string{"", "<html>", "null", "7", `"x"`, `{}`, `{"data":{}}`, `{"data":[{"id":"a"`, `{"data":[{"id":"a"}]}x`, `{"error":{"message":"no"}}`,
		strings.Repeat("[", 1<<20), `{"data":[` + strings.Repeat(`{},`, maxListed) + `{}]}`} {
		if models, _, err := page([]byte(body), ByName("openai")); err == nil {
			t.Errorf("%.40q was read as %d models", body, len(models))
		}
	}
}

func TestPrices(t *testing.T) {
	const rest = `,"completion":"0","request":"0"`
	for text, want := range map[string]Price{
		`{"prompt":"0"` + rest + `}`:                                                                  Zero,
		`{"prompt":0,"completion":0.0,"request":"0.00"}`:                                              Zero,
		`{"prompt":"0"` + rest + `,"image":null,"web_search":"0.01","discount":0.5,"overrides":[]}`:   Zero,
		`{"prompt":"0"` + rest + `,"overrides":[{"min_context":200000,"prompt":"0","completion":0}]}`: Zero,
		`{"prompt":"0"` + rest + `,"overrides":null}`:                                                 Zero,
		`null`:                                   Unpriced,
		``:                                       Unpriced,
		`{}`:                                     Unpriced,
		`{"prompt":"0","completion":"0"}`:        Unpriced,
		`{"prompt":null` + rest + `}`:            Unpriced,
		`{"completion":"0","request":"0"}`:       Unpriced,
		`{"prompt":"0.0000001"` + rest + `}`:     Priced,
		`{"prompt":"-1"` + rest + `}`:            Priced,
		`{"prompt":"-0"` + rest + `}`:            Priced,
		`{"prompt":-0` + rest + `}`:              Priced,
		`{"prompt":"1e-400"` + rest + `}`:        Priced,
		`{"prompt":1e-400` + rest + `}`:          Priced,
		`{"prompt":""` + rest + `}`:              Priced,
		`{"prompt":" 0"` + rest + `}`:            Priced,
		`{"prompt":"free"` + rest + `}`:          Priced,
		`{"prompt":"0x0"` + rest + `}`:           Priced,
		`{"prompt":"NaN"` + rest + `}`:           Priced,
		`{"prompt":false` + rest + `}`:           Priced,
		`{"prompt":["0"]` + rest + `}`:           Priced,
		`{"prompt":{"usd":"0"}` + rest + `}`:     Priced,
		`{"prompt":"0"` + rest + `,"image":"1"}`: Priced,
		`{"prompt":"0"` + rest + `,"new":0.1}`:   Priced,
		`{"prompt":"0"` + rest + `,"overrides":[{"min_context":200000,"prompt":"0.1"}]}`: Priced,
		`{"prompt":"0"` + rest + `,"overrides":[{"pricing":{"prompt":"0.1"}}]}`:          Priced,
		`{"prompt":"0"` + rest + `,"overrides":[7]}`:                                     Priced,
		`{"prompt":"0"` + rest + `,"overrides":{"prompt":"0.1"}}`:                        Priced,
		`[]`:  Priced,
		`"0"`: Priced,
		`0`:   Priced,
	} {
		if got := price(json.RawMessage(text)); got != want {
			t.Errorf("%s is %d, want %d", text, got, want)
		}
	}
}

// An id that stands there twice is as dear as the dearest, and the order of the two does not matter.
func TestDuplicatesAreAsDearAsTheDearest(t *testing.T) {
	prices := []Price{Unpriced, Zero, Priced}
	for _, a := range prices {
		for _, b := range prices {
			l := NewList("u", time.Time{}, []Listed{{ID: "x", Price: a}, {ID: "y"}, {ID: "x", Price: b}})
			want := Unpriced
			if a == b {
				want = a
			} else if a == Priced || b == Priced {
				want = Priced
			}
			if m, ok := l.Find("x"); !ok || m.Price != want || len(l.Models) != 2 {
				t.Errorf("%d and %d: %+v", a, b, l.Models)
			}
		}
	}
}

// What is said of an id by each kind of provider: listed under another spelling, gone, or nothing at all.
func TestTells(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	l := NewList("u", now, []Listed{{ID: "a"}, {ID: "a:latest"}, {ID: "v/b"}, {ID: "old", Expires: "2026-11-21"}, {ID: "last", Expires: "2026-11-22"}})
	for _, tt := range []struct {
		dialect, id  string
		listed, gone bool
	}{
		{"openai", "a", true, false}, {"openai", "b", false, true}, {"openai", "old", true, true}, {"openai", "last", true, false},
		{"ollama", "b", false, true}, {"ollama", "a:3b", false, true}, {"llamacpp", "anything", false, false},
		{"google", "models/a", true, false}, {"google", "models/b", false, true},
		{"openrouter", "v/b:nitro", true, false}, {"openrouter", "v/b:free", false, true}, {"openrouter", "~v/newest", false, false},
		{"openrouter", "v/c:nitro", false, true}, {"openrouter", "openrouter/auto", false, false}, // not gone: it was never free
	} {
		got := l.Tells(ByName(tt.dialect), tt.id, now)
		if (got.Listed != nil) != tt.listed || got.Gone != tt.gone {
			t.Errorf("%s %s: listed %v, gone %v", tt.dialect, tt.id, got.Listed != nil, got.Gone)
		}
	}
	l = NewList("u", now, []Listed{{ID: "q:latest"}})
	if got := l.Tells(ByName("ollama"), "q", now); got.Gone {
		t.Error("ollama has q under the tag latest")
	}
	if got := (*List)(nil).Tells(ByName("openai"), "a", now); got.Gone || got.Listed != nil {
		t.Error("no list says nothing")
	}
}

// A list proves for a day, and speaks against an id for as long as nobody says otherwise.
func TestProveByList(t *testing.T) {
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	l := NewList("u", at, []Listed{{ID: "zero", Price: Zero}, {ID: "none"}, {ID: "some", Price: Priced}, {ID: "some:free", Price: Priced}, {ID: "none:free"}, {ID: "zero:free", Price: Zero},
		{ID: "openrouter/auto", Price: Zero}, {ID: "zero:online", Price: Zero}})
	for _, tt := range []struct {
		id           string
		before, then bool // with a list of today, with one of yesterday
		without      bool
	}{
		{"zero", true, false, false}, {"none", false, false, false}, {"some", false, false, false}, {"zero:nitro", false, false, false},
		{"some:free", false, false, true}, {"none:free", true, true, true}, {"zero:free", true, true, true}, {"unheard:free", true, true, true},
		{"openrouter/auto", false, false, false}, {"zero:online", false, false, false},
	} {
		c := Claim{Provider: "p", Dialect: ByName("openrouter"), Free: "auto", BaseURL: "https://openrouter.ai/api/v1", ID: tt.id}
		for list, want := range map[*List]map[time.Duration]bool{
			nil: {0: tt.without},
			l: {0: tt.before, 24*time.Hour - time.Second: tt.before, 24 * time.Hour: tt.then, 9999 * time.Hour: tt.then,
				-30 * time.Second: tt.before, -time.Hour: tt.then}, // clocks are put right; a list from far ahead proves nothing
		} {
			for age, want := range want {
				c.List, c.Now = list, at.Add(age)
				if proof, why := Prove(c); (proof == fallback.ProvenListed) != want || (why == "") != want {
					t.Errorf("%s, list %v, %v later: %v %q", tt.id, list != nil, age, proof, why)
				}
			}
		}
	}
}

// Who joins, in which order.
func TestJoining(t *testing.T) {
	yes, no := true, false
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	list := NewList("u", now, []Listed{
		{ID: "openrouter/free", Price: Zero, Tools: &yes, Context: 9e6},
		{ID: "plain:free", Price: Zero, Tools: &no, Context: 4e6},
		{ID: "old:free", Price: Zero, Tools: &yes, Context: 1000, Created: 1},
		{ID: "new:free", Price: Zero, Tools: &yes, Context: 1000, Created: 2},
		{ID: "wide", Price: Zero, Tools: &yes, Context: 2000},
		{ID: "silent:free"}, {ID: "unpriced"}, {ID: "priced", Price: Priced}, {ID: "gift:free", Price: Priced},
		{ID: "embed:free", Price: Zero, Other: true}, {ID: "over:free", Price: Zero, Expires: "2026-11-21"},
		{ID: "mine:free", Price: Zero}, {ID: "bad:free", Price: Zero}, {ID: "web:online", Price: Zero},
	})
	for _, tt := range []struct {
		name, dialect, free, url string
		prefer                   []string
		want                     string
	}{
		{"openrouter", "openrouter", "auto", "https://openrouter.ai/api/v1", nil, "wide new:free old:free plain:free silent:free openrouter/free"},
		{"preferred", "openrouter", "auto", "https://openrouter.ai/api/v1", []string{"silent*", "*old*"}, "silent:free old:free wide new:free plain:free openrouter/free"},
		{"a plan", "groq", "plan", "https://api.groq.com/openai/v1", nil, "wide new:free old:free plain:free silent:free unpriced openrouter/free"},
		{"nobody's word", "groq", "auto", "https://api.groq.com/openai/v1", nil, ""},
		{"marked as not free", "openrouter", "no", "https://openrouter.ai/api/v1", nil, ""},
		{"ollama", "ollama", "auto", "http://localhost:11434/v1", nil, "wide new:free old:free plain:free silent:free unpriced openrouter/free"},
		{"a gateway here, which may sell", "openai", "auto", "http://localhost:4000/v1", nil, "wide new:free old:free plain:free silent:free openrouter/free"},
		{"a server here, by word", "openai", "local", "http://localhost:4000/v1", nil, "wide new:free old:free plain:free silent:free unpriced openrouter/free"},
	} {
		claim := Claim{Provider: "p", Dialect: ByName(tt.dialect), Free: tt.free, BaseURL: tt.url, List: list, Now: now, Paid: true}
		var ids []string
		for _, j := range Joining(claim, tt.prefer, []string{"bad*"}, func(id string) bool { return id == "mine:free" }) {
			ids = append(ids, j.ID)
		}
		if got := strings.Join(ids, " "); got != tt.want {
			t.Errorf("%s: %s\nwant %s", tt.name, got, tt.want)
		}
	}
	var many []Listed
	for i := range 5000 {
		many = append(many, Listed{ID: fmt.Sprintf("m%d:free", i), Price: Zero, Context: int64(i)})
	}
	claim := Claim{Provider: "p", Dialect: ByName("openrouter"), Free: "auto", List: NewList("u", now, many), Now: now}
	if all := Joining(claim, nil, nil, func(string) bool { return false }); len(all) != maxJoined || all[0].ID != "m4999:free" {
		t.Errorf("%d joined", len(all))
	}
}

func TestAsks(t *testing.T) {
	for _, tt := range []struct {
		dialect, free, url string
		want               bool
	}{
		{"openrouter", "auto", "https://openrouter.ai/api/v1", true}, {"openrouter", "no", "https://openrouter.ai/api/v1", false},
		{"groq", "auto", "https://api.groq.com/openai/v1", false}, {"groq", "plan", "https://api.groq.com/openai/v1", true},
		{"openai", "listed", "https://llm.example.org/v1", true}, {"openai", "auto", "http://127.0.0.1:1/v1", true},
		{"openai", "local", "https://api.openai.com/v1", false}, {"ollama", "auto", "http://ollama:11434/v1", true},
	} {
		if got := Asks(Claim{Dialect: ByName(tt.dialect), Free: tt.free, BaseURL: tt.url}); got != tt.want {
			t.Errorf("%v: %v", tt, got)
		}
	}
}

func TestChanges(t *testing.T) {
	rows := func(text string) (out []fallback.Model) {
		for word := range strings.FieldsSeq(text) {
			id, off, _ := strings.Cut(word, "=")
			out = append(out, fallback.Model{Provider: "p", ID: id, Off: off, Why: off})
		}
		return out
	}
	for _, tt := range []struct{ before, after, want string }{
		{"a b", "a b", ""}, {"a b", "b a", ""},
		{"a", "a b", "b joined"}, {"a b", "a", "b left"},
		{"a", "a=gone", "a gone"}, {"a=gone", "a", "a back"}, {"a", "a=not_free", "a not_free"}, {"a=gone", "a=not_free", "a not_free"}, {"a=not_free", "a=gone", "a gone"},
		{"a b c", "a=gone c d", "a gone; d joined; b left"}, {"a=no_key", "a=no_key", ""},
	} {
		var got []string
		for _, c := range Changes(time.Time{}, rows(tt.before), rows(tt.after)) {
			got = append(got, c.ID+" "+c.What.String())
		}
		if text := strings.Join(got, "; "); text != tt.want {
			t.Errorf("%s -> %s: %s, want %s", tt.before, tt.after, text, tt.want)
		}
	}
}

// Whatever a list holds, what is taken from it is fit to be shown and called, and nothing joins that has a price.
func FuzzList(f *testing.F) {
	f.Add([]byte(`{"data":[{"id":"x/y:free","name":"<b>","pricing":{"prompt":"0","completion":"0","request":"0"},"supported_parameters":["tools"]}],"links":{"next":"/v1/models?offset=1"}}`))
	f.Add([]byte(`[{"id":"models/a","providers":[{"supports_tools":true}],"pricing":{"overrides":[{"prompt":1}]}}]`))
	now := time.Now()
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, name := range []string{"openrouter", "google", "ollama"} {
			d := ByName(name)
			models, next, err := page(body, d)
			if err != nil {
				continue
			}
			if to, err := following("https://a.test/v1/models", next); err == nil && to != "" && !strings.HasPrefix(to, "https://a.test/") {
				t.Errorf("the next page is %q", to)
			}
			l := NewList("u", now, models)
			for _, m := range l.Models {
				if !fallback.IsID(m.ID) || strings.ContainsAny(m.Name, "<>\n\x00\u202e") || len([]rune(m.Name)) > maxName || m.Context < 0 {
					t.Errorf("%+v", m)
				}
			}
			c := Claim{Dialect: d, Free: "auto", BaseURL: d.BaseURL, List: l, Now: now}
			for _, j := range Joining(c, nil, nil, func(string) bool { return false }) {
				if j.Price == Priced || j.Other || name == "openrouter" && j.Price != Zero && !strings.HasSuffix(j.ID, ":free") {
					t.Errorf("%+v joins", j)
				}
			}
		}
	})
}
