package fallback_test

import (
	"testing"

	"freefall/fallback"
)

func TestShares(t *testing.T) {
	config := fallback.Config{Models: chain("A"), Shares: []fallback.Share{
		{Client: "ana", Windows: rpm(2)},
		{Client: "ben", Windows: []fallback.Window{{Unit: fallback.Tokens, Per: 24 * h, Cycle: fallback.Daily, Limit: 1000}}},
	}}
	p := fallback.New(config)
	ask := func(client string, tokens int) (*fallback.Walk, fallback.Denial, bool) {
		w := &fallback.Walk{Ask: fallback.Ask{Client: client}, Need: fallback.Need{Tokens: tokens}}
		d, ok := p.Admit(t0, w)
		return w, d, ok
	}
	first, _, _ := ask("ana", 0)
	ask("ana", 0)
	if _, d, ok := ask("ana", 0); ok || d.Window != "rpm" || d.Limit != 2 || d.Ready.Sub(t0) < m || d.Ready.Sub(t0) > m+s {
		t.Errorf("the third of two: %v %+v", ok, d)
	}
	for range 100 {
		if _, _, ok := ask("eve", 1<<20); !ok {
			t.Fatal("a client without a share is bounded")
		}
	}
	p.Discharge(t0, first, false, 0) // it got no answer
	if _, _, ok := ask("ana", 0); !ok {
		t.Error("what was not answered is not given back")
	}
	big, _, ok := ask("ben", 100)
	if !ok {
		t.Fatal("100 of 1,000 tokens are not admitted")
	}
	p.Discharge(t0, big, true, 950)
	p.Discharge(t0, big, true, 950) // a second time changes nothing
	if _, _, ok := ask("ben", 100); ok {
		t.Error("100 tokens fit beside 950 of 1,000")
	}
	clients := p.Clients(t0)
	if len(clients) != 2 || clients[0].Account != "ana" || clients[0].Used != 2 || clients[1].Used != 950 || clients[1].Scope != "client" {
		t.Errorf("%+v", clients)
	}
	q := fallback.New(config)
	q.Restore(p.Save(t0))
	if got := q.Clients(t0); got[0].Used != 2 || got[1].Used != 950 {
		t.Errorf("after a restart: %+v", got)
	}
	config.Shares = config.Shares[1:]
	p.Reconfigure(config)
	if _, _, ok := ask("ana", 0); !ok {
		t.Error("a share that is gone still bounds")
	}
}
