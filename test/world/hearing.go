package main

import "freefall/fallback"

// hear takes what an answer says of the windows, and gives the verdict on it if freefall has to read that, too.
func (f *freefall) hear(c *call) *fallback.Outcome {
	a := c.own.(*fallback.Attempt)
	l := c.verdict.letter
	if l == nil {
		a.Observe(f.time(), readings(c))
		return nil
	}
	head, body, o := l.hears(f.time())
	a.Observe(f.time(), head)
	a.Observe(f.time(), body)
	if c.begun {
		return nil
	}
	return &o
}

// readings is what an answer says of the provider's windows, as internal/openai reads it.
func readings(c *call) (out []fallback.Reading) {
	for _, n := range c.verdict.counts {
		r := fallback.Reading{Target: fallback.TargetPair, Per: n.w.per, Limit: n.limit, Remaining: n.remaining, Reset: n.reset}
		if n.account {
			r.Target = fallback.TargetAccount
		}
		if n.w.tokens {
			r.Unit = fallback.Tokens
		}
		out = append(out, r)
	}
	return out
}

// judge is the verdict of internal/openai's classifier on the words of each provider (wire/errors.json).
func judge(c *call, v verdict) fallback.Outcome {
	switch v.result {
	case answered:
		return fallback.Outcome{Class: fallback.OK, Action: fallback.PassThrough, Status: 200, InputTokens: int(c.job.in), OutputTokens: int(c.job.out)}
	case failed:
		return fallback.Outcome{Class: fallback.UpstreamFault, Scope: fallback.ScopeModel, Action: fallback.NextModel, Target: fallback.TargetModel,
			Until: fallback.UntilBackoff, Status: 500, Message: "failed"}
	case timeout:
		return fallback.Outcome{Class: fallback.Timeout, Scope: fallback.ScopeModel, Action: fallback.NextModel, Target: fallback.TargetModel,
			Until: fallback.UntilBackoff, Message: "nothing came"}
	case gone:
		return fallback.Outcome{Class: fallback.ModelGone, Scope: fallback.ScopeModel, Action: fallback.NextModel, Target: fallback.TargetModel,
			Until: fallback.UntilDay, Status: 404, Message: "the model does not exist"}
	case tooLarge:
		return fallback.Outcome{Class: fallback.ContextLength, Scope: fallback.ScopeRequest, Action: fallback.NextModelNoPenalty, Status: 413,
			Message: "request too large: " + v.by.String()}
	}
	o := fallback.Outcome{Class: fallback.RateLimited, Scope: fallback.ScopeKeyMinute, Action: fallback.NextModel, Target: fallback.TargetPair,
		Until: fallback.UntilBackoff, Status: 429, RetryAfter: v.wait, Stated: v.said, Message: v.by.String()}
	if v.by.per >= day {
		o.Scope = fallback.ScopeKeyDay
	}
	if v.said {
		o.Until = fallback.UntilRetryAfter
	}
	switch c.route.voice {
	case saysOpenRouter:
		o.Target, o.Until, o.Proven = fallback.TargetAccount, fallback.UntilResetAt, true
		if v.by == c.route.host {
			o.Scope, o.Target, o.Until, o.Proven = fallback.ScopeModelUpstream, fallback.TargetModel, fallback.UntilBackoff, false
			if v.said {
				o.Until = fallback.UntilRetryAfter
			}
		}
	case saysGoogle:
		if v.by.per == day {
			o.Until, o.Proven = fallback.UntilPacificMidnight, true
		}
	case saysMistral:
		o.Target = fallback.TargetKey
	case saysOllama:
		o.Target = fallback.TargetAccount
		if v.by.cycle == turning {
			o.Class, o.Scope, o.Until = fallback.QuotaExhausted, fallback.ScopeAccount, fallback.UntilHour
		}
	case saysGroq, saysCerebras, saysNvidia, saysOwn:
	}
	return o
}
