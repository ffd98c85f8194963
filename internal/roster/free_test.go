package roster

import (
	"strings"
	"testing"

	"freefall/fallback"
)

func TestProve(t *testing.T) {
	const auto = "set `free: plan` (or FREEFALL_FREE_PLAN=p) if this key has no billing"
	tests := []struct {
		name, dialect, free, url, id string
		want                         fallback.Proof
		why                          string
	}{
		{"free id", "openrouter", "auto", "https://openrouter.ai/api/v1", "a/b:free", fallback.ProvenListed, ""},
		{"paid id", "openrouter", "auto", "https://openrouter.ai/api/v1", "a/b", fallback.Unproven, "does not end with :free"},
		{"free in the middle", "openrouter", "auto", "https://openrouter.ai/api/v1", "a/b:free:nitro", fallback.Unproven, auto},
		{"free in capitals", "openrouter", "auto", "https://openrouter.ai/api/v1", "a/b:FREE", fallback.Unproven, auto},
		{"free as a name", "openrouter", "auto", "https://openrouter.ai/api/v1", "openrouter/free", fallback.Unproven, auto},
		{"online before free", "openrouter", "auto", "https://openrouter.ai/api/v1", "a/b:online:free", fallback.Unproven, "web search"},
		{"online after free", "openrouter", "auto", "https://openrouter.ai/api/v1", "a/b:free:ONLINE", fallback.Unproven, "web search"},
		{"online on a plan", "openrouter", "plan", "https://openrouter.ai/api/v1", "a/b:online", fallback.Unproven, "web search"},
		{"router", "openrouter", "plan", "https://openrouter.ai/api/v1", "openrouter/auto", fallback.Unproven, "paid models"},
		{"router as free", "openrouter", "auto", "https://openrouter.ai/api/v1", "OpenRouter/auto:free", fallback.Unproven, "paid models"},
		{"openrouter's dialect at home", "openrouter", "auto", "http://127.0.0.1:8001/v1", "a/b", fallback.Unproven, "does not end with :free"},

		{"groq", "groq", "auto", "https://api.groq.com/openai/v1", "llama-3.3-70b-versatile", fallback.Unproven, "not proven free: " + auto},
		{"groq on a plan", "groq", "plan", "https://api.groq.com/openai/v1", "llama-3.3-70b-versatile", fallback.ProvenPlan, ""},
		{"free id elsewhere", "openai", "auto", "https://llm.example.org/v1", "a/b:free", fallback.Unproven, auto},
		{"listed elsewhere", "openai", "listed", "https://llm.example.org/v1", "a/b:free", fallback.ProvenListed, ""},
		{"listed and not free", "openai", "listed", "https://llm.example.org/v1", "a/b", fallback.Unproven, auto},
		{"no", "openrouter", "no", "https://openrouter.ai/api/v1", "a/b:free", fallback.Unproven, "free: no"},
		{"no at home", "ollama", "no", "http://localhost:11434/v1", "a", fallback.Unproven, "free: no"},

		{"ollama", "ollama", "auto", "http://localhost:11434/v1", "llama3.2:3b", fallback.ProvenLocal, ""},
		{"ollama in compose", "ollama", "auto", "http://ollama:11434/v1", "llama3.2:3b", fallback.ProvenLocal, ""},
		{"ollama's dialect at its cloud", "ollama", "auto", "https://ollama.com/v1", "gpt-oss:120b", fallback.Unproven, auto},
		{"llamacpp's dialect at openai", "llamacpp", "auto", "https://API.openai.com/v1", "gpt-4o", fallback.Unproven, auto},
		{"llamacpp's dialect at openai.", "llamacpp", "auto", "https://api.openai.com.:443/v1", "gpt-4o", fallback.Unproven, auto},
		{"ollama's cloud from at home", "ollama", "auto", "http://localhost:11434/v1", "gpt-oss:120b-Cloud", fallback.Unproven, "runs at ollama.com"},
		{"ollama's cloud by word", "ollama", "local", "http://ollama:11434/v1", "kimi-k2:cloud", fallback.Unproven, "FREEFALL_FREE_PLAN=p"},
		{"ollama's cloud at a literal", "openai", "auto", "http://10.0.0.7:11434/v1", "a/b:cloud", fallback.Unproven, "runs at ollama.com"},
		{"ollama's cloud on a plan", "ollama", "plan", "http://localhost:11434/v1", "gpt-oss:120b-cloud", fallback.ProvenPlan, ""},
		{"cloud as a name", "ollama", "auto", "http://localhost:11434/v1", "my-cloud", fallback.ProvenLocal, ""},
		{"local by word", "openai", "local", "http://gpu.lan:8000/v1", "m", fallback.ProvenLocal, ""},
		{"local by a false word", "openai", "local", "https://api.openai.com/v1", "gpt-4o", fallback.Unproven, "not local: remove"},

		{"loopback", "openai", "auto", "http://127.0.0.1:8000/v1", "m", fallback.ProvenLocal, ""},
		{"loopback 6", "openai", "auto", "http://[::1]:8000/v1", "m", fallback.ProvenLocal, ""},
		{"mapped loopback", "openai", "auto", "http://[::ffff:127.0.0.1]/v1", "m", fallback.ProvenLocal, ""},
		{"mapped public", "openai", "auto", "http://[::ffff:8.8.8.8]/v1", "m", fallback.Unproven, auto},
		{"private", "openai", "auto", "http://192.168.1.7:8000/v1", "m", fallback.ProvenLocal, ""},
		{"unique local", "openai", "auto", "http://[fd00::7]/v1", "m", fallback.ProvenLocal, ""},
		{"localhost", "openai", "auto", "http://LOCALHOST:8000/v1", "m", fallback.ProvenLocal, ""},

		{"name that begins like loopback", "openai", "auto", "http://127.0.0.1.evil.com/v1", "m", fallback.Unproven, auto},
		{"name that ends like localhost", "openai", "auto", "http://evil-localhost/v1", "m", fallback.Unproven, auto},
		{"localhost with a dot", "openai", "auto", "http://localhost./v1", "m", fallback.Unproven, auto},
		{"hexadecimal", "openai", "auto", "http://0x7f.1/v1", "m", fallback.Unproven, auto},
		{"decimal", "openai", "auto", "http://2130706433/v1", "m", fallback.Unproven, auto},
		{"short", "openai", "auto", "http://127.1/v1", "m", fallback.Unproven, auto},
		{"octal", "openai", "auto", "http://0177.0.0.1/v1", "m", fallback.Unproven, auto},
		{"user", "openai", "auto", "http://127.0.0.1@evil.com/v1", "m", fallback.Unproven, auto},
		{"user before loopback", "openai", "auto", "http://evil.com@127.0.0.1/v1", "m", fallback.Unproven, auto},
		{"backslash", "openai", "auto", `http://127.0.0.1\@evil.com/v1`, "m", fallback.Unproven, auto},
		{"escaped dot", "openai", "auto", "http://127.0.0.1%2eevil.com/v1", "m", fallback.Unproven, auto},
		{"zone", "openai", "auto", "http://[::1%25eth0]/v1", "m", fallback.Unproven, auto},
		{"link-local", "openai", "auto", "http://[fe80::1%25eth0]/v1", "m", fallback.Unproven, auto},
		{"metadata address", "openai", "auto", "http://169.254.169.254/v1", "m", fallback.Unproven, auto},
		{"unspecified", "openai", "auto", "http://0.0.0.0:8000/v1", "m", fallback.Unproven, auto},
		{"public", "openai", "auto", "http://8.8.8.8/v1", "m", fallback.Unproven, auto},
		{"nothing", "openai", "auto", "", "m", fallback.Unproven, auto},
		{"unknown word", "openai", "maybe", "https://llm.example.org/v1", "m", fallback.Unproven, auto},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			proof, why := Prove(Claim{Provider: "p", Dialect: ByName(tt.dialect), Free: tt.free, BaseURL: tt.url, ID: tt.id})
			if proof != tt.want || !strings.Contains(why, tt.why) || (why == "") != (proof != fallback.Unproven) {
				t.Errorf("got %v %q, want %v %q", proof, why, tt.want, tt.why)
			}
		})
	}
}

// What may cost money by the operator's word is called only where its cost is told; what is free stays so.
func TestAllowedPaid(t *testing.T) {
	const openrouter, groq = "https://openrouter.ai/api/v1", "https://api.groq.com/openai/v1"
	tests := []struct {
		dialect, free, url, id string
		want                   fallback.Proof
	}{
		{"openrouter", "auto", openrouter, "openai/gpt-4o", fallback.AllowedPaid},
		{"openrouter", "no", openrouter, "openai/gpt-4o", fallback.AllowedPaid},
		{"openrouter", "auto", openrouter, "openai/gpt-4o:online", fallback.AllowedPaid},
		{"openrouter", "auto", openrouter, "a/b:free", fallback.ProvenListed},
		{"openrouter", "plan", openrouter, "openai/gpt-4o", fallback.ProvenPlan},
		{"openrouter", "auto", "https://llm.example.org/v1", "openai/gpt-4o", fallback.AllowedPaid},
		{"openrouter", "auto", groq, "openai/gpt-4o", fallback.Unproven},
		{"groq", "auto", groq, "llama", fallback.Unproven},
		{"groq", "auto", openrouter, "llama", fallback.Unproven},
		{"groq", "plan", groq, "llama", fallback.ProvenPlan},
		{"openai", "auto", "https://api.openai.com/v1", "gpt-4o", fallback.Unproven},
	}
	for _, tt := range tests {
		claim := Claim{Provider: "p", Dialect: ByName(tt.dialect), Free: tt.free, BaseURL: tt.url, ID: tt.id}
		if proof, _ := Prove(claim); proof == fallback.AllowedPaid {
			t.Errorf("%+v: allowed by nobody", tt)
		}
		claim.Paid = true
		proof, why := Prove(claim)
		if proof != tt.want || (proof == fallback.Unproven) != strings.Contains(why, "p does not say what a call has cost") {
			t.Errorf("%+v: %v %q", tt, proof, why)
		}
	}
}

// What nobody has vouched for is not called, whatever the id and the address look like.
func FuzzProveNeedsAReason(f *testing.F) {
	f.Add("https://api.groq.com/openai/v1", "a:free")
	f.Add("http://127.0.0.1.evil.com", "b:online:free")
	f.Fuzz(func(t *testing.T, url, id string) {
		proof, _ := Prove(Claim{Provider: "p", Dialect: ByName("openrouter"), Free: "auto", BaseURL: url, ID: id})
		if proof != fallback.Unproven && (!strings.HasSuffix(id, ":free") || strings.Contains(strings.ToLower(id), ":online")) {
			t.Errorf("%q at %q is %v", id, url, proof)
		}
	})
}
