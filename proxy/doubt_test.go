package proxy

import (
	"testing"

	"freefall/fallback"
	"freefall/internal/fakellm"
)

// An account that refuses as a whole is doubted by its name; a limit of one model, and a fault, cast no doubt on it.
func TestDoubtOfAnAccount(t *testing.T) {
	for name, step := range map[string]fakellm.Step{
		"acme": fakellm.FromSample("or-429-free-day"),
		"":     fakellm.FromSample("or-429-upstream"),
		"none": fakellm.Fault(500),
	} {
		var doubted []string
		models := chain("a", "b")
		for i := range models {
			models[i].Keys = []fallback.Key{{Account: "acme"}}
		}
		p := plan{models: models, dialect: map[string]string{"p": "openrouter"}, doubt: func(provider, account string) {
			doubted = append(doubted, provider+"/"+account)
		}}
		inBubble(t, p, func(w *world) {
			w.fake().Script("a", step)
			w.chat(plainBody)
		})
		if want := name == "acme"; want != (len(doubted) == 1) || want && doubted[0] != "p/acme" {
			t.Errorf("%q: doubted %v", name, doubted)
		}
	}
}
