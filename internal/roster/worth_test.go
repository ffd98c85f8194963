package roster

import (
	"testing"
	"time"
)

// The price of a free model's tokens is that of the paid one of the same id, and nobody's guess.
func TestWorth(t *testing.T) {
	models, _, err := page([]byte(`{"data":[
		{"id":"x/y:free","pricing":{"prompt":"0","completion":"0","request":"0"}},
		{"id":"x/y","pricing":{"prompt":"0.00000027","completion":0.0000011,"request":"0"}},
		{"id":"alone:free","pricing":{"prompt":"0","completion":"0","request":"0"}},
		{"id":"odd:free"}, {"id":"odd","pricing":{"prompt":"-1","completion":"-1"}},
		{"id":"half:free"}, {"id":"half","pricing":{"prompt":"0.000001"}},
		{"id":"huge:free"}, {"id":"huge","pricing":{"prompt":"1e300","completion":"NaN"}},
		{"id":"word:free"}, {"id":"word","pricing":{"prompt":"cheap","completion":"0"}},
		{"id":"none:free"}, {"id":"none","pricing":"free"}
	]}`), ByName("openrouter"))
	if err != nil {
		t.Fatal(err)
	}
	l := NewList("", time.Now(), models)
	for _, id := range []string{"x/y:free", "x/y"} {
		if of, r, ok := l.Worth(id); !ok || of != "x/y" || r != (Rate{0.00000027, 0.0000011}) {
			t.Errorf("%s: %s %v %v", id, of, r, ok)
		}
	}
	for _, id := range []string{"alone:free", "odd:free", "half:free", "huge:free", "word:free", "none:free", "nobody", ""} {
		if of, r, ok := l.Worth(id); ok {
			t.Errorf("%s is worth what %s costs: %v", id, of, r)
		}
	}
}
