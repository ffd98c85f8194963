package main

import (
	"testing"
	"time"

	"freefall/internal/roster"
	"freefall/proxy"
)

// A price is what the model's own provider lists for it, and no other's.
func TestPrice(t *testing.T) {
	listed := []roster.Listed{{ID: "a:free", Price: roster.Zero}, {ID: "a", Price: roster.Priced, Rate: &roster.Rate{Prompt: 0.00000057, Completion: 0.0000011}}}
	s := &server{built: &built{providers: map[string]*provider{"p": {list: roster.NewList("", time.Now(), listed)}, "q": {}}}}
	if got, ok := s.price("p", "a:free"); !ok || got != (proxy.Price{Of: "a", Input: 0.57, Output: 1.1}) {
		t.Errorf("%+v %v", got, ok)
	}
	for _, m := range [][2]string{{"p", "b:free"}, {"q", "a:free"}, {"nobody", "a:free"}} {
		if got, ok := s.price(m[0], m[1]); ok {
			t.Errorf("%v costs %+v", m, got)
		}
	}
}
