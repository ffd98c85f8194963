package proxy

import (
	"strings"
	"testing"
)

func TestDiscreet(t *testing.T) {
	body := []byte(`{"model":"deepseek/deepseek-chat-v3-0324:free","messages":[{"role":"user","content":"My grandmother's diagnosis is a secret, 할머니의 진단은 비밀입니다.\nKeep it."},{"role":"user","content":"\ube44\ubc00\ubc88\ud638\ub294 1234"}],"tools":[{"type":"function","function":{"name":"find_patient_records_by_name"}}]}`)
	for _, c := range []struct{ words, want string }{
		{"", ""},
		{"No capacity", "No capacity"},
		{"Rate limit reached for requests per minute", "Rate limit reached for requests per minute"},
		{"the prompt 'My grandmother's diagnosis is a secret, ...' was refused", "the prompt '***...' was refused"},
		{"grandmother's diagnosis is a secret", "***"},
		{"refused: 할머니의 진단은 비밀입니다.", "refused:***"},
		{"refused: 비밀번호는 1234", "refused: ***1234"},
		{"find_patient_records_by_name is no tool", "find_patient_records_by_name is no tool"},
		{"no endpoint for deepseek/deepseek-chat-v3-0324:free", "no endpoint for deepseek/deepseek-chat-v3-0324:free"},
		{`what of {"role":"user","content":"My grandmother's diagnosis is a secret, and more`, `what of ***and more`},
	} {
		if got := discreet(c.words, body); got != c.want {
			t.Errorf("%q\n gave %q\n want %q", c.words, got, c.want)
		}
	}
	if got := discreet("nothing of it is here, not a word", nil); !strings.HasPrefix(got, "nothing") {
		t.Error(got)
	}
}

// A key that looks like words is struck out too, whole or cut.
func TestUnsay(t *testing.T) {
	const key = "letmein-to-the-vault"
	for _, c := range []struct{ words, key, want string }{
		{"Incorrect API key provided: " + key + ".", key, "Incorrect API key provided: ***."},
		{key + key, key, "******"},
		{"Incorrect API key: letmein-to-the…", key, "Incorrect API key: ***…"},
		{"please let…", key, "please let…"},
		{"please letmein-to-the", key, "please letmein-to-the"},
		{"ollama has no such model", "ollama", "ollama has no such model"},
		{"no key", "", "no key"},
	} {
		if got := unsay(c.words, c.key); got != c.want {
			t.Errorf("%q: %q, want %q", c.words, got, c.want)
		}
	}
}

// Wherever a quotation stands in the body it is found.
func FuzzDiscreet(f *testing.F) {
	f.Add("before it ", "what the client says to nobody else", " after it", 3)
	f.Fuzz(func(t *testing.T, before, said, after string, shift int) {
		if strings.ContainsAny(said, "*") || len(said) < echoBytes || isWord(said) || len(said) > 300 {
			return
		}
		body := []byte(strings.Repeat("x", shift&31) + said + "}")
		words := before + said + after
		if got := discreet(words, body); strings.Contains(got, said) {
			t.Errorf("%q still tells %q", got, said)
		}
	})
}

func BenchmarkDiscreet(b *testing.B) {
	body := []byte(strings.Repeat(`{"role":"user","content":"some words that are long enough to be a prompt"},`, 700))
	words := "Provider returned error: the upstream is overloaded at the moment, please retry shortly; add your own key to accumulate your rate limits"
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if discreet(words, body) != words {
			b.Fatal("struck")
		}
	}
}
