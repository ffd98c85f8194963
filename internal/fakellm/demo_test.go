package fakellm

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestTheFirstModelOfTheDemoIsAtItsLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := Demo(1)
		b := mount(t, s)
		first := Catalog()[0].ID
		time.Sleep(90 * time.Second) // whenever that is
		g := b.chat(hi(first, true))
		equal(t, "refused", []any{g.status, g.header.Get("Retry-After")}, []any{429, "10"})
		equal(t, "a neighbour answers", b.chat(hi(Catalog()[4].ID, true)).status, 200)
		time.Sleep(9 * time.Second)
		equal(t, "still", b.chat(hi(first, false)).status, 429)
		time.Sleep(time.Second)
		if g := b.chat(hi(first, false)); g.status == 429 {
			t.Error("its limit does not end")
		}
	})
}

// TestTheDemoHasSomethingToShow walks two minutes of weather: each model but the slow one and the backup has an outage, no
// two runs of a seed differ, and the account limit is met by a client in a hurry.
func TestTheDemoHasSomethingToShow(t *testing.T) {
	catalog := Catalog()
	faults := func(seed uint64) string {
		out := ""
		for age := time.Duration(0); age < 2*time.Minute; age += time.Second {
			for _, m := range catalog {
				step, _ := weather(seed, catalog, m.ID, age)
				out += string(step.Kind[0])
			}
			out += "\n"
		}
		return out
	}
	if faults(1) != faults(1) || faults(1) == faults(2) {
		t.Error("the weather does not follow its seed")
	}
	for i, m := range catalog {
		bad := 0
		for age := time.Duration(0); age < time.Minute; age += time.Second {
			if step, _ := weather(1, catalog, m.ID, age); step.Kind != KindSlow && step.Kind != KindOK {
				bad++
			}
		}
		if calm := i == 3 || i == 4; calm != (bad == 0) || bad > 16 {
			t.Errorf("%s has %d bad seconds in the first minute", m.ID, bad)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		b := mount(t, Demo(1))
		var refused atomic.Int32
		var hurry sync.WaitGroup
		for range 30 {
			hurry.Go(func() {
				if b.chat(hi(catalog[4].ID, false)).status == 429 {
					refused.Add(1)
				}
			})
		}
		hurry.Wait()
		equal(t, "refused", refused.Load(), 5)
		equal(t, "paid", b.Paid(), 0)
	})
}
