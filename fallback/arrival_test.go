package fallback

import "testing"

// What an attempt came with does not change by what other answers teach of the length of answers while it is under way.
func TestWhatAnAttemptCameWithStays(t *testing.T) {
	p := New(Config{Models: []Model{{Provider: "p", ID: "A", Proof: ProvenListed, Keys: []Key{{}}}}, Order: Priority})
	long := Outcome{InputTokens: 130, OutputTokens: 5000}
	for range 20 {
		a, _ := p.Pick(noon, &Walk{Need: Need{Tokens: 100}})
		a.End(noon, long)
	}
	a, _ := p.Pick(noon, &Walk{Need: Need{Tokens: 100}})
	before := a.arrival()
	for range 20 {
		b, _ := p.Pick(noon, &Walk{Need: Need{Tokens: 100}})
		b.End(noon, Outcome{InputTokens: 130, OutputTokens: 1})
	}
	if after := a.arrival(); before < 100 || after != before {
		t.Errorf("%d tokens came, and %d of them later", before, after)
	}
}
