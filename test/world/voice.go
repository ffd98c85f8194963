package main

import "time"

// refusal is how a provider says that a window has no room.
func (d *dayRun) refusal(c *call, w *window, local time.Duration) verdict {
	v := verdict{result: limited, by: w}
	opens := w.opens(local, c.route.expects(c.job.request))
	wait := opens - local
	switch c.route.voice {
	case saysOpenRouter:
		if w == c.route.host {
			if c.route.hints {
				v.wait, v.said = whole(min(wait, 30*time.Second)), true
			}
			break
		}
		// an absolute time of its clock, read by ours
		v.wait, v.said = (opens - c.route.skew - d.now).Truncate(time.Millisecond), true
		v.counts = append(v.counts, count{w, w.limit, 0, v.wait, true})
	case saysGoogle:
		v.wait, v.said = wait, true
		v.counts = append(v.counts, count{w, w.limit, -1, wait, false}) // quotaId and quotaValue
		if !w.tokens {
			v.counts[0].remaining = 0
		}
		if w.per == day {
			v.wait = 39 * time.Second // it says so beside a day's limit
		}
	case saysOwn:
		v.letter = d.letter(c, w, wait)
	case saysGroq: // "on tokens per day (TPD): Limit 100000, Used 99000, Requested 1500"
		v.wait, v.said = whole(wait), true
		v.counts = append(v.counts, count{w, w.limit, max(0, w.left(local)), whole(wait), false})
	}
	return v
}

// whole seconds, rounded up.
func whole(d time.Duration) time.Duration {
	return (max(0, d) + time.Second - 1).Truncate(time.Second)
}

// counts is what the head of an answer says of the windows of its route.
func (d *dayRun) counts(c *call) (out []count) {
	local := d.now + c.route.skew
	tell := func(name string) {
		for _, w := range c.route.own {
			if w.name == name {
				left := max(0, w.left(local))
				missing := float64(w.limit) - w.level
				out = append(out, count{w, w.limit, left, time.Duration(missing * float64(w.per) / float64(w.limit)), false})
			}
		}
	}
	switch c.route.voice {
	case saysGroq, saysCerebras:
		tell("rpd")
		tell("tpm")
	}
	return out
}
