package config

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// accountsOf lists the keys of all providers with the account that each draws from.
func accountsOf(c *Config) (all []string) {
	for _, p := range c.Providers {
		for _, k := range p.Keys {
			all = append(all, p.Name+": "+k.Key.Reveal()+" of "+k.Account)
		}
	}
	return all
}

func TestAccounts(t *testing.T) {
	c := mustRead(t, `
providers:
  openrouter: {keys: [k1, k2, {key: k3, account: team}, {key: "k4,k5", account: team}, k1]}
  again: {base_url: "https://openrouter.ai/api/v1/", keys: [k2, k6, {key: k7, account: team}, {key: k3}]}
  groq: {keys: [k1, {key: k8, account: team}]}
models: [{id: a/b:free, provider: openrouter}]
`)
	want := []string{
		"openrouter: k1 of openrouter/#1", "openrouter: k2 of openrouter/#2", "openrouter: k3 of openrouter/team",
		"openrouter: k4 of openrouter/team", "openrouter: k5 of openrouter/team",
		"again: k2 of openrouter/#2", "again: k6 of again/#2", "again: k7 of openrouter/team", "again: k3 of openrouter/team",
		"groq: k1 of groq/#1", "groq: k8 of groq/team",
	}
	if diff := cmp.Diff(want, accountsOf(c)); diff != "" {
		t.Error(diff)
	}
	if want := []string{"provider openrouter: key 6 is there twice; the second is left out"}; !cmp.Equal(c.Warnings, want) {
		t.Errorf("warnings %q", c.Warnings)
	}
}

// An empty variable takes its key away and never makes a provider keyless.
func TestKeylessOnlyByWord(t *testing.T) {
	tests := []struct {
		name, provider, env string
		keys                int
		keyless             bool
		off                 string
	}{
		{"set", `openrouter: {keys: ["${K}"]}`, "K=k1", 1, false, ""},
		{"unset", `openrouter: {keys: ["${K}"]}`, "", 0, false, "no_key"},
		{"empty", `openrouter: {keys: ["${K}"]}`, "K=", 0, false, "no_key"},
		{"blank", `openrouter: {keys: ["${K}"]}`, "K= ,, ", 0, false, "no_key"},
		{"empty default", `openrouter: {keys: ["${K:-}"]}`, "", 0, false, "no_key"},
		{"mapping unset", `openrouter: {keys: [{key: "${K}", account: a}]}`, "", 0, false, "no_key"},
		{"one of two", `openrouter: {keys: ["${K}", "${L}"]}`, "L=k2", 1, false, ""},
		{"none by word", `openrouter: {keys: []}`, "", 0, true, ""},
		{"known, absent", `openrouter: {}`, "OPENROUTER_API_KEY=k1", 1, false, ""},
		{"known, absent, null", `openrouter: `, "OPENROUTER_API_KEY=k1", 1, false, ""},
		{"known, absent, unset", `openrouter: {}`, "", 0, false, "no_key"},
		{"known by URL", `mine: {base_url: https://openrouter.ai/api/v1}`, "OPENROUTER_API_KEY=k1", 1, false, ""},
		{"its name at another host", `openrouter: {base_url: https://evil.example.org/v1}`, "OPENROUTER_API_KEY=k1", 0, true, ""},
		{"its host without TLS", `openrouter: {base_url: http://openrouter.ai/api/v1}`, "OPENROUTER_API_KEY=k1", 0, true, ""},
		{"local", `ollama: {}`, "", 0, true, ""},
		{"unknown", `home: {base_url: http://127.0.0.1:8080/v1}`, "", 0, true, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := mustRead(t, "providers:\n  "+tt.provider+"\nmodels: [{id: a/b:free}]", tt.env).Providers[0]
			if len(p.Keys) != tt.keys || p.Keyless != tt.keyless || p.Off != tt.off {
				t.Errorf("%d keys, keyless %v, off %q", len(p.Keys), p.Keyless, p.Off)
			}
			if (p.Off != "") != strings.Contains(p.Why, "is empty: set it") {
				t.Errorf("why: %q", p.Why)
			}
		})
	}
}

// A variable with a typing error must not open the door.
func TestUnsetKeysOfClientsAreMistakes(t *testing.T) {
	for _, line := range []string{`client_keys: ["${MY_KEY}"]`, `clients: [{name: ana, key: "${MY_KEY}"}]`, `admin_key: ${MY_KEY}`} {
		if _, err := read([]byte("models: [{id: a/b:free}]\n" + line)); err == nil || !strings.Contains(err.Error(), "MY_KEY is not set") {
			t.Errorf("%s: %v", line, err)
		}
		if c := mustRead(t, "models: [{id: a/b:free}]\n"+line, "MY_KEY=k-0123456789"); len(c.Clients) == 0 && c.AdminKey.IsZero() {
			t.Errorf("%s: nobody has a key", line)
		}
	}
}

// Nor must it send prompts where they are trained on.
func TestUnsetPrivacyIsAMistake(t *testing.T) {
	for _, line := range []string{`privacy: ${P}`, `chains: {c: {models: ["*"], privacy: "${P}"}}`} {
		if _, err := read([]byte("models: [{id: a/b:free}]\n" + line)); err == nil || !strings.Contains(err.Error(), "privacy wants any or no_train, not what stands in P") {
			t.Errorf("%s: %v", line, err)
		}
		c := mustRead(t, "models: [{id: a/b:free}]\n"+line, "P=no_train")
		if c.Privacy != "no_train" && (len(c.Chains) == 0 || c.Chains[0].Privacy != "no_train") {
			t.Errorf("%s: %s, %+v", line, c.Privacy, c.Chains)
		}
	}
}

func TestDefaultModel(t *testing.T) {
	const file = `
providers: {openrouter: {keys: [k]}, groq: {keys: [k]}}
models:
  - {id: google/gemini-2.0-flash-exp:free, provider: openrouter}
  - {id: llama, provider: openrouter}
  - {id: llama, provider: groq}
  - {id: last, provider: groq}
`
	tests := []struct{ model, want, warning string }{
		{"", "openrouter google/gemini-2.0-flash-exp:free, openrouter llama, groq llama, groq last", ""},
		{"auto", "openrouter google/gemini-2.0-flash-exp:free, openrouter llama, groq llama, groq last", ""},
		{"last", "groq last, openrouter google/gemini-2.0-flash-exp:free, openrouter llama, groq llama", ""},
		{"llama", "openrouter llama, groq llama, openrouter google/gemini-2.0-flash-exp:free, groq last", ""},
		{"groq/llama", "groq llama, openrouter google/gemini-2.0-flash-exp:free, openrouter llama, groq last", ""},
		{"google/gemini-2.0-flash:free", "openrouter google/gemini-2.0-flash:free, openrouter google/gemini-2.0-flash-exp:free, openrouter llama, groq llama, groq last",
			`(the nearest is google/gemini-2.0-flash-exp:free)`},
		{"gpt-4o", "openrouter gpt-4o, openrouter google/gemini-2.0-flash-exp:free, openrouter llama, groq llama, groq last", "gpt-4o is not among the models (the nearest is llama): it is asked first at openrouter"},
	}
	for _, tt := range tests {
		c := mustRead(t, file, "DEFAULT_MODEL="+tt.model)
		var rows []string
		for _, m := range c.Models {
			rows = append(rows, m.Provider+" "+m.ID)
			if m.Timeouts.Total == 0 || m.Name == "" || m.Kind != "chat" {
				t.Errorf("%s: row without defaults: %+v", tt.model, m)
			}
		}
		if got := strings.Join(rows, ", "); got != tt.want {
			t.Errorf("%s: %s", tt.model, got)
		}
		if got := strings.Join(c.Warnings, "\n"); !strings.Contains(got, tt.warning) || (tt.warning == "") != (got == "") {
			t.Errorf("%s: warnings %q", tt.model, got)
		}
	}
}

func TestIsID(t *testing.T) {
	for id, want := range map[string]bool{
		"a": true, "~vendor/x-latest": true, "a/b:free": true, "@cf/meta/llama": false, "a@b+c": true, "": false, "-a": false, "/a": false,
		"a b": false, "a\n": false, "é": false, "a\x00": false, strings.Repeat("a", 200): true, strings.Repeat("a", 201): false,
	} {
		if IsID(id) != want {
			t.Errorf("IsID(%q) = %v", id, !want)
		}
	}
}

func TestUnserved(t *testing.T) {
	if got := mustRead(t, string(shipped), "OPENROUTER_API_KEY=k").Unserved(); len(got) > 0 {
		t.Errorf("the shipped file sets %v", got)
	}
	const all = `
redis: redis://r:6379
providers: {openrouter: {discover: {every: 2h}, timeouts: {total: 9s}}}
models: [{id: a/b:free, timeouts: {total: 9s}}]
`
	c := mustRead(t, all, tracesVariable+"=http://127.0.0.1:4318")
	if got := c.Unserved(); len(got) != len(unserved) {
		t.Errorf("%d of %d rows: %v", len(got), len(unserved), got)
	}
	quiet := `{allow_paid: [{id: a/b:free, usd_per_day: 1}], privacy: no_train, clients: [{name: ana, key: k-0123456789, rpd: 1, rpm: 1, tpd: 1}], routing: {order: adaptive, max_wait: 1s, max_waiting: 2, hedge_after: auto, hedge_share: 0.2, broken_stream: continue, pace: day, validate: json},
providers: {openrouter: {limits: {rpm: 1}, model_limits: {rpd: 2}, discover: off}}, models: [{id: a/b:free, limits: {rpm: 3}}]}`
	if got := mustRead(t, quiet).Unserved(); len(got) > 0 {
		t.Errorf("what is served or switched off counts as unserved: %v", got)
	}
}

// A guard that is read and not kept is worse than none.
func TestWhatProtectsIsServed(t *testing.T) {
	for _, key := range unserved {
		for _, guard := range []string{"free_only", "client_keys", "clients", "clients[].key", "clients[].name", "admin_key", "max_body", "allowed_origins", "allowed_hosts", "providers.*.free",
			"privacy", "chains.*.privacy", "allow_paid"} {
			if key.path == guard {
				t.Errorf("%s protects and is not served", guard)
			}
		}
	}
}

// A provider that is known to be slow has more time for its first token, unless somebody wrote how much there is.
func TestSlowProviders(t *testing.T) {
	for line, want := range map[string]time.Duration{
		`providers: {zai: {}}`:                                                                    time.Minute,
		`providers: {zai: {timeouts: {first_token: 9s}}}`:                                         9 * time.Second,
		`providers: {zai: {timeouts: {idle: 9s}}}`:                                                time.Minute,
		`timeouts: {first_token: 20s}, providers: {zai: {}}`:                                      20 * time.Second,
		`timeouts: {idle: 9s}, providers: {zai: {}}`:                                              time.Minute,
		`providers: {mine: {base_url: "https://api.z.ai/api/coding/paas/v4"}}`:                    time.Minute,
		`providers: {mine: {base_url: "https://llm.example.org/v1", dialect: zai}}`:               time.Minute,
		`providers: {zai: {base_url: "https://llm.example.org/v1"}}`:                              20 * time.Second,
		`providers: {zai: {base_url: "https://api.z.ai/api/paas/v4", dialect: openai, keys: []}}`: 20 * time.Second,
		`providers: {groq: {}}`:                                                                   20 * time.Second,
	} {
		if got := mustRead(t, "{"+line+", models: [{id: a}]}").Models[0].Timeouts.FirstToken; got != want {
			t.Errorf("%s: %v", line, got)
		}
	}
}

// A limit of 0 anywhere on the way takes the model out; the model's own word stands before its provider's.
func TestNever(t *testing.T) {
	for line, want := range map[string]bool{
		`providers: {openrouter: {}}, models: [{id: a}]`:                                                     false,
		`providers: {openrouter: {}}, models: [{id: a, limits: {rpd: 0}}]`:                                   true,
		`providers: {openrouter: {limits: {rpm: 0}}}, models: [{id: a}]`:                                     true,
		`providers: {openrouter: {limits: {rpm: 0}}}, models: [{id: a, limits: {rpm: 5}}]`:                   true,
		`providers: {openrouter: {model_limits: {concurrency: 0}}}, models: [{id: a}]`:                       true,
		`providers: {openrouter: {model_limits: {rpm: 0}}}, models: [{id: a, limits: {rpm: 5}}]`:             false,
		`providers: {openrouter: {model_limits: {rpm: 0}}}, models: [{id: a, limits: none}]`:                 false,
		`providers: {openrouter: {model_limits: {rpm: 0, tpd: 1}}}, models: [{id: a, limits: {tpd: 5}}]`:     true,
		`providers: {openrouter: {limits: {day_resets: rolling}}}, models: [{id: a, limits: {windows: []}}]`: false,
		`providers: {openrouter: {}}, models: [{id: a, limits: {windows: [{requests: 0, per: 5s}]}}]`:        true,
	} {
		if got := mustRead(t, "{"+line+"}").Models[0].Never; got != want {
			t.Errorf("%s: never is %v", line, got)
		}
	}
}

// An account has one set of limits: written once or twice the same, for all its keys, and for nobody else's.
func TestAccountLimits(t *testing.T) {
	const file = `
providers:
  openrouter: {keys: [k1, k2], %s}
  again: {base_url: "https://openrouter.ai/api/v1", keys: [k2, k3], %s}
models: [{id: a/b:free, provider: openrouter}, {id: a/b:free, provider: again}]
`
	for _, tt := range []struct{ first, second, want, mistake string }{
		{"limits: {rpd: 1000}", "free: auto", "k1 1000, k2 1000, k2 1000, k3 -", ""},
		{"free: auto", "limits: {rpd: 1000}", "k1 -, k2 1000, k2 1000, k3 1000", ""},
		{"free: auto", "free: auto", "k1 -, k2 -, k2 -, k3 -", ""},
		{"limits: {rpd: 9}", `limits: {rpd: 9, day_resets: "00:00 UTC"}`, "k1 9, k2 9, k2 9, k3 9", ""},
		{"limits: {rpd: 9}", "limits: {rpd: 8}", "", "models.yaml:4:77: account openrouter/#2 has other limits in line 3"},
		{"limits: {rpd: 9}", "limits: {rpd: 9, day_resets: rolling}", "", "has other limits in line 3"},
		{"limits: {rpd: 9}", "limits: none", "", "has other limits in line 3"},
		{"limits: {windows: [{requests: 9, per: 5s}]}", "limits: {windows: [{requests: 9, per: 5s, kind: fixed}]}", "", "has other limits in line 3"},
		{"limits: {windows: [{requests: 9, per: 5s}]}", "limits: {windows: [{tokens: 9, per: 5s}]}", "", "has other limits in line 3"},
		{"limits: {rpd: 0}", "free: auto", "k1 0, k2 0, k3 -", ""},
	} {
		c, err := read(fmt.Appendf(nil, file, tt.first, tt.second))
		if tt.mistake != "" {
			if err == nil || strings.Count(err.Error(), "\n") != 0 || !strings.Contains(err.Error(), tt.mistake) {
				t.Errorf("%s, %s: %v", tt.first, tt.second, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range c.Providers {
			for _, k := range p.Keys {
				rpd := "-"
				if k.Limits != nil {
					rpd = fmt.Sprint(*k.Limits.RPD)
				}
				got = append(got, k.Key.Reveal()+" "+rpd)
			}
		}
		if strings.Join(got, ", ") != tt.want {
			t.Errorf("%s, %s: %v", tt.first, tt.second, got)
		}
	}
	c := mustRead(t, `
providers:
  openrouter: {keys: [k1], limits: {rpd: 0}}
  again: {base_url: "https://openrouter.ai/api/v1", keys: [k1]}
models: [{id: a/b:free, provider: again}]
`)
	if p := c.Providers[1]; p.Off != "limit_zero" || p.Keyless || !strings.Contains(p.Why, "never call") {
		t.Errorf("an entry whose only account is never to be called: %+v", p)
	}
}
