package fallback_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"freefall/fallback"
)

// withKeys are rows of one provider whose keys are fingerprints in text: "x" has an account of its own, "x@home" is one of home's.
func withKeys(ids, text string) []fallback.Model {
	rows := chain(ids)
	var keys []fallback.Key
	for word := range strings.FieldsSeq(text) {
		print, account, shared := strings.Cut(word, "@")
		k := fallback.Key{Fingerprint: print, Account: account, Own: !shared, Limits: []fallback.Window{{Cycle: fallback.Daily, Per: 24 * h, Limit: 3}}}
		if !shared {
			k.Account = fmt.Sprintf("p/#%d", len(keys)+1)
		}
		keys = append(keys, k)
	}
	for i := range rows {
		rows[i].Keys = keys
	}
	return rows
}

// keyStates are the keys as the state tells them: "p/#1 auth parked; p/#2 ok".
func keyStates(p *fallback.Pool, now time.Time) string {
	var out []string
	for _, k := range p.Keys(now) {
		text := k.Account + " " + k.Reason
		switch {
		case k.Parked:
			text += " parked"
		case k.Reason == "":
			text += "ok"
		case !k.Until.IsZero():
			text += " until " + k.Until.Sub(t0).String()
		}
		out = append(out, text)
	}
	return strings.Join(out, "; ")
}

// What is known of a key goes where it goes: another one in its place begins anew, over a restart too; the account that a person named
// stays the same whatever its keys.
func TestStateGoesWithTheKey(t *testing.T) {
	for _, restart := range []bool{false, true} {
		p := byPriority(withKeys("A", "x y z@home"))
		play(t, p, []step{
			{0, "plain", "A#0=key429/1h A#1=ok", ""}, // x rests, y and z have drawn
			{0, "plain", "A#2=ok", ""},
		})
		change := func(keys string) {
			config := fallback.Config{Models: withKeys("A", keys), Order: fallback.Priority}
			if restart {
				saved := p.Save(t0)
				p = fallback.New(config)
				p.Restore(saved)
				return
			}
			p.Reconfigure(config)
		}
		for _, c := range []struct{ keys, states, drawn string }{
			{"x y z@home", "p/#1 rate_limited until 1h0m0s; p/#2 ok; home ok", "p/#1 0, p/#2 1, home 1"},
			{"y x z@home", "p/#1 ok; p/#2 rate_limited until 1h0m0s; home ok", "p/#1 1, p/#2 0, home 1"},
			{"new y v@home", "p/#1 ok; p/#2 ok; home ok", "p/#1 0, p/#2 1, home 1"},
			{"x", "p/#1 rate_limited until 1h0m0s", "p/#1 0"},
		} {
			change(c.keys)
			var drawn []string
			for _, a := range p.Accounts(t0) {
				drawn = append(drawn, fmt.Sprint(a.Name, " ", a.Quota[0].Used))
			}
			if got := keyStates(p, t0); got != c.states || strings.Join(drawn, ", ") != c.drawn {
				t.Errorf("restart %t, %s: %s\nwant %s\nand drawn are %s, want %s", restart, c.keys, got, c.states, drawn, c.drawn)
			}
		}
	}
}

// One credential in two entries of one server is one: refused in one of them it is asked in neither, over a restart too.
func TestAKeyInTwoEntries(t *testing.T) {
	rows := withKeys("A B", "x y")
	rows[1].Provider = "q"
	config := fallback.Config{Models: rows, Order: fallback.Priority}
	p := fallback.New(config)
	play(t, p, []step{{0, "plain", "A#0=auth A#1=auth none", ""}})
	p = fallback.New(config)
	play(t, p, []step{{0, "plain", "A#0=key429/1h A#1=key429/2h none", ""}})
	for _, restart := range []bool{false, true} {
		if restart {
			saved := p.Save(t0)
			p = fallback.New(config)
			p.Restore(saved)
		}
		if got, want := keyStates(p, t0), "p/#1 rate_limited until 1h0m0s; p/#2 rate_limited until 2h0m0s"; got != want+"; "+want {
			t.Errorf("restart %t: %s", restart, got)
		}
	}
}

// A provider tells what is left of an account by the name that the configuration gives it.
func TestReadingOfAKeysOwnAccount(t *testing.T) {
	p := byPriority(withKeys("A", "x y"))
	p.Observe(t0, "p", "p/#2", []fallback.Reading{{Target: fallback.TargetAccount, Unit: fallback.Requests, Per: 24 * h, Limit: 3, Remaining: 0, Reset: h}})
	if got, want := keyStates(p, t0), "p/#1 ok; p/#2 quota_exhausted until 14h0m1s"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// A refused key rests alone, until the configuration changes; an account with all its keys.
func TestStatesOfKeys(t *testing.T) {
	p := byPriority(withKeys("A B", "x y@home z@home"))
	play(t, p, []step{{0, "plain", "A#0=auth A#1=ok", ""}, {0, "plain", "A#2=402 none", ""}})
	if got, want := keyStates(p, t0), "p/#1 auth parked; home payment_required parked; home payment_required parked"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	play(t, p, []step{{h, "plain", "none", ""}})
	p.Reconfigure(fallback.Config{Models: withKeys("A B", "x y@home z@home")})
	if got, want := keyStates(p, t0), "p/#1 ok; home ok; home ok"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
