package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// wasted tells each upstream call that was answered by a limit which freefall had been told of before the request of that call
// began, and which had not ended when it was made. Each limit stated the same wait. A slow request may rightly ask when the limit is
// over, so where its own end leaves that open, latest says by when its nth call was made.
func wasted(all []heard, stated time.Duration, latest func(h *heard, nth int) time.Time) (stories []string) {
	type notice struct{ began, ended time.Time }
	told := map[string][]notice{}
	for i := range all {
		for _, hop := range all[i].hops {
			if hop.class == "rate_limited" {
				told[hop.model] = append(told[hop.model], notice{all[i].began, all[i].ended})
			}
		}
	}
	for i := range all {
		h := &all[i]
		for nth, hop := range h.hops {
			if hop.class != "rate_limited" {
				continue
			}
			// A limit was told at some moment between began and ended, so it holds at least until began + stated.
			var holds time.Time
			for _, n := range told[hop.model] {
				if until := n.began.Add(stated); n.ended.Before(h.began) && until.After(holds) {
					holds = until
				}
			}
			if h.ended.Before(holds) || h.began.Before(holds) && latest(h, nth).Before(holds) {
				stories = append(stories, fmt.Sprintf("wasted: %s was asked although its limit was known\n    trail %q, request %s", hop.model, h.trail(), h.id))
			}
		}
	}
	return stories
}

// latest is by when the nth call of a request was made for sure: so long before the request's end as its journal has the first
// content of its last call behind it. It goes by two clocks without comparing them. What the journal does not tell, the request's
// end does.
func (d *drill) latest(ctx context.Context, h *heard, nth int) time.Time {
	var r loggedRequest
	if d.get(ctx, http.MethodGet, "/api/chat/requests/"+h.id, nil, &r) != nil || len(r.Attempts) != len(h.hops) ||
		!slices.EqualFunc(r.Attempts, h.hops, func(a loggedAttempt, b hop) bool { return a.Model == b.model }) {
		return h.ended
	}
	last := r.Attempts[len(r.Attempts)-1]
	behind := time.Duration(last.Started+last.TTFT-r.Attempts[nth].Started-1) * time.Millisecond // one for what was rounded down
	return h.ended.Add(-max(0, behind))
}
