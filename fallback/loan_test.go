package fallback

import "testing"

// What may not be counted is taken back when nothing else is in the way, as much as is lacking and no more than is in doubt; a refusal
// brings it back.
func TestLoans(t *testing.T) {
	for _, cycle := range []Cycle{Sliding, Fixed, Daily, Bucket} {
		c := &counter{Window: Window{Unit: Tokens, Cycle: cycle, Per: day, Limit: 1000}}
		short := &counter{Window: Window{Unit: Requests, Per: day / 1440, Limit: 1}}
		p := &pair{quota: &quota{counters: []*counter{c}}, account: &accountState{quota: quota{counters: []*counter{short}}}}
		c.advance(noon)
		c.add(noon, 990)
		c.doubt = 50
		if p.forgive(noon, 61) || c.used != 990 {
			t.Errorf("%v: 51 lack, 50 are in doubt, and %d are left", cycle, c.used)
		}
		short.add(noon, 1)
		if p.forgive(noon, 40) || c.used != 990 {
			t.Errorf("%v: another window is full, and %d are left", cycle, c.used)
		}
		short.amend(noon, noon, -1)

		if !p.forgive(noon, 40) || c.used != 960 {
			t.Fatalf("%v: 30 lack, and %d are left of 990", cycle, c.used)
		}
		p.quota.taken(noon.Add(1)) // another one
		p.quota.regret(noon)
		if c.used != 990 || c.doubt > 29 {
			t.Errorf("%v: it was refused: %d are used, %d in doubt", cycle, c.used, c.doubt)
		}
		c.doubt = 50
		if !p.forgive(noon, 40) {
			t.Fatalf("%v: it is not tried again", cycle)
		}
		p.quota.taken(noon)
		p.quota.regret(noon)
		if c.used != 960 || c.doubt != 20 {
			t.Errorf("%v: it was taken on: %d are used, %d in doubt", cycle, c.used, c.doubt)
		}
	}
}
