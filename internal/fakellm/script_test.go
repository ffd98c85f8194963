package fakellm

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestScriptIsPlayedInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serve(t, Options{Models: plain.Models, Script: map[string][]Step{"*": {Fault(599)}}})
		ask := func(model string) int { return b.chat(hi(model, false)).status }
		b.Script("m", Fault(500), Fault(501).Repeat(2), Fault(502).Lasting(3*time.Second), Fault(503).Forever())
		var statuses []int
		for range 6 {
			statuses = append(statuses, ask("m"))
			time.Sleep(time.Second)
		}
		equal(t, "once, twice, a while", statuses, []int{500, 501, 501, 502, 502, 502})
		time.Sleep(time.Hour)
		equal(t, "for ever", []int{ask("m"), ask("m")}, []int{503, 503})
		b.Script("m")
		equal(t, "then the one for all", []int{ask("m"), ask("m")}, []int{599, 200})
		equal(t, "hits", []int{b.Hits("m"), b.Hits("n")}, []int{10, 0})
		b.Reset()
		equal(t, "forgotten", []int{b.Hits("m"), len(b.Requests())}, []int{0, 0})
		equal(t, "the first script again", []int{ask("n"), ask("n")}, []int{599, 200})
	})
}

func TestALimitOfAScriptHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serve(t, Options{Models: plain.Models, Limits: []Limit{{Scope: Account, Requests: 0, Per: Duration(time.Hour)}}})
		b.Script("m", Limited(Limit{Scope: OneModel, Requests: 2, Per: Duration(10 * time.Second)}))
		b.Script("n", Limited(Limit{Scope: OneModel, Per: Duration(10 * time.Second)}).Lasting(10*time.Second), OK())
		var m, n []int
		for range 4 {
			m, n = append(m, b.chat(hi("m", false)).status), append(n, b.chat(hi("n", false)).status)
			time.Sleep(4 * time.Second)
		}
		equal(t, "two in ten seconds, whatever the standing limits say", m, []int{200, 200, 429, 200})
		equal(t, "ten seconds from the first use, then one answer, then the standing limits", n, []int{429, 429, 429, 200})
		equal(t, "at last", b.chat(hi("n", false)).status, 429)
	})
}

func TestAScriptThatCannotBePlayedPanics(t *testing.T) {
	for _, s := range []Step{{}, {Kind: "nonsense"}, Cut(1, "gently"), Hang(Close), FromSample("none"), Fault(99), Raw(0, nil, ""),
		Interim(101, 1), Interim(200, 1), {Kind: KindLimit}, Limited(Limit{Scope: Account}), Limited(Limit{Scope: "world", Per: 1})} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%+v was taken", s)
				}
			}()
			New(Options{}).Script("m", s)
		}()
	}
}
