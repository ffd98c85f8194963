package openai

import (
	"time"

	"freefall/fallback"
)

const maxMessage = 300 // runes of Outcome.Message

// EmptyMessage is the Message of a completion that says nothing. It is a fault like any other, but it may be all that there
// is to say: whoever meets a second one for the same request takes it for the answer.
const EmptyMessage = "the completion is empty"

// IsEmpty says whether the fault is a completion without content.
func IsEmpty(o *fallback.Outcome) bool {
	return o.Class == fallback.UpstreamFault && o.Message == EmptyMessage
}

// Classify gives the verdict on a whole answer that is not streamed, good ones included. header returns "" for a header that
// is absent; names are lower case. What the answer says is believed in this order: the place where an error stands, typed
// fields, words of the error object that belong to the status, the status.
func Classify(d *Dialect, status int, header func(name string) string, body []byte, now time.Time) fallback.Outcome {
	return gather(d, status, header, body, now).classify(body)
}

// ClassifyAll also tells what a refusal says of the windows that it was refused for. Readings tells the rest of what the head
// says.
func ClassifyAll(d *Dialect, status int, header func(name string) string, body []byte, now time.Time) (fallback.Outcome, []fallback.Reading) {
	v := gather(d, status, header, body, now)
	o := v.classify(body)
	return o, v.learned(&o)
}

func (v *evidence) classify(body []byte) fallback.Outcome {
	success := v.status/100 == 2
	if !v.findError(success) && success {
		return v.completion()
	}
	return v.verdict(body)
}

// ClassifyError looks for an error object in one JSON document that came with a success: a body, or one event of a stream.
// ok is false when there is none.
func ClassifyError(d *Dialect, doc []byte, now time.Time) (o fallback.Outcome, ok bool) {
	v := gather(d, 200, nil, doc, now)
	if !v.findError(true) {
		return o, false
	}
	return v.verdict(doc), true
}

// verdict judges an answer that is an error.
func (v *evidence) verdict(body []byte) fallback.Outcome {
	v.listen(body)
	if v.status/100 == 2 {
		if own := v.ownStatus(); own >= 400 {
			v.status = own
		}
	}
	v.bucket = v.spentBuckets()
	v.hint = v.findHint()
	return v.outcome(v.judge())
}

// outcome writes the ruling down, with the wait that the answer states.
func (v *evidence) outcome(r ruling) fallback.Outcome {
	o := fallback.Outcome{Class: r.class, Scope: r.scope, Action: r.action, Target: r.target, Until: v.until(r), Status: v.status,
		RetryAfter: v.hint.wait, Stated: v.hint.stated}
	if r.class == fallback.QuotaExhausted && r.until == fallback.UntilResetAt {
		o.Scope = v.allowanceScope(r.scope)
	}
	o.Proven = o.Until == fallback.UntilResetAt || v.proven && o.Until == v.dialect.DayReset
	if r.class == fallback.UnsupportedFeature {
		o.Feature, o.Param = v.refused()
	}
	if o.Feature != fallback.FeatureNone && r.scope == fallback.ScopeRequest {
		o.Scope = fallback.ScopeModel
	}
	if v.doc.IsObject() {
		v.usage(&o)
	}
	o.Message = Clean(joinSentences(v.own.text, v.upstream.text), maxMessage)
	return o
}

// until finds how the end of the rest is told: the stated wait replaces a backoff, and a longer window only if it is no mere
// matter of seconds, because providers advertise those beside a limit of a day.
func (v *evidence) until(r ruling) fallback.Until {
	stated := fallback.UntilRetryAfter
	if v.hint.counted {
		stated = fallback.UntilResetAt
	}
	believed := v.hint.stated && (v.hint.counted || v.hint.long())
	switch r.until {
	case fallback.UntilBackoff, fallback.UntilHour:
		believed = v.hint.stated
	case fallback.UntilUTCMidnight, fallback.UntilPacificMidnight:
		believed = believed || v.hint.stated && (v.dialect.DayRolls || !v.dialect.DayKnown && v.hint.wait > idleHint)
	case fallback.UntilMonthEnd:
	case fallback.UntilDay:
		believed = believed && r.class == fallback.QuotaExhausted
	case fallback.UntilResetAt:
		if !v.hint.stated {
			return v.unstatedReset(r)
		}
		believed = true
	default:
		believed = false
	}
	if believed && !v.hint.shortOf(r.until) {
		return stated
	}
	return r.until
}

// unstatedReset is the end of an allowance that does not tell its reset: that of the window it names.
func (v *evidence) unstatedReset(r ruling) fallback.Until {
	switch v.own.window() {
	case perMonth:
		return fallback.UntilMonthEnd
	case perWeek:
		return fallback.UntilDay
	case perDay:
		return v.dialect.DayReset
	case perHour:
		return fallback.UntilHour
	}
	if r.target == fallback.TargetAccount {
		return fallback.UntilDay
	}
	return fallback.UntilConfigChange
}

// allowanceScope narrows a key's allowance to the window in which it comes back.
func (v *evidence) allowanceScope(s fallback.Scope) fallback.Scope {
	switch {
	case s != fallback.ScopeKey || !v.hint.stated:
		return s
	case v.hint.wait <= 24*time.Hour:
		return fallback.ScopeKeyDay
	case v.hint.wait > 7*24*time.Hour:
		return fallback.ScopeKeyMonth
	}
	return s
}
