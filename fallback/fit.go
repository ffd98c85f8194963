package fallback

import "time"

// What a request needs and a model lacks, in the words of explain and of the exhausted answer.
const (
	lacksKind      = "kind"
	lacksTools     = "no_tools"
	lacksVision    = "no_vision"
	lacksSchema    = "no_json_schema"
	lacksChoice    = "no_tool_choice"
	lacksContext   = "context_length"
	lacksRoom      = "max_tokens"
	lacksPrivacy   = "may_train"
	reasonNoKey    = "no_key"
	reasonNotFree  = "not_free"
	reasonGone     = "gone"
	reasonTrial    = "trial"
	reasonFailures = "failures"
	reasonPaused   = "paused"
	reasonBusy     = "concurrency"
	reasonPaced    = "paced"
	reasonSpent    = "spent"
	reasonUnshared = "no_redis" // it may cost money, and nobody says what others have spent
)

// unfit is why the row can never serve a request like this, "" if it can. A row that is off or gone fits nothing; one that
// rests fits.
func (r *row) unfit(n *Need, now time.Time) string {
	m := r.model
	switch {
	case r.Off != "":
		return r.Off
	case len(r.pairs) == 0:
		return reasonNoKey
	case r.Proof == Unproven:
		return reasonNotFree
	case m.paused:
		return reasonPaused
	case m.rest.endless && m.rest.class == ModelGone:
		return reasonGone
	case m.rest.endless && m.rest.class == NotFree:
		return reasonNotFree
	case r.Kind != n.Kind:
		return lacksKind
	case n.NoTrain && r.Training != NeverTrains:
		return lacksPrivacy
	case n.Tools && (!r.Tools || m.lack(FeatureTools, now)):
		return lacksTools
	case n.Vision && (!r.Vision || m.lack(FeatureVision, now)):
		return lacksVision
	case n.ToolChoice && m.lack(FeatureToolChoice, now):
		return lacksChoice
	case n.JSONSchema && (!r.JSONSchema || m.lack(FeatureJSONSchema, now)):
		return lacksSchema
	case n.Kind == Chat && r.Context > 0 && n.Tokens > r.Context, // that of an embedding holds for each text, and requests bring many
		n.Tokens > smallText && r.overflows(n.Tokens):
		return lacksContext
	case n.MaxOutput > 0 && m.lack(FeatureLongAnswer, now) && r.overflows(n.Tokens+n.MaxOutput):
		return lacksRoom
	}
	return ""
}

// lacksFor is how long a refusal of a feature is believed: models learn, and so do those who serve them.
const lacksFor = 7 * day

// lack says whether the model has refused a feature of late.
func (m *modelState) lack(f Feature, now time.Time) bool {
	since := m.lacks[f]
	return !since.IsZero() && now.Sub(since) < lacksFor
}

// smallText is what every window of tokens takes.
const smallText = 500

// overflows says whether every key has a window of tokens that could never hold so many.
func (r *row) overflows(tokens int) bool {
	for k := range r.pairs {
		if p := &r.pairs[k]; p.quota.holds(int64(tokens)) && p.account.quota.holds(int64(tokens)) {
			return false
		}
	}
	return true
}

// countsAnswers says whether a refusal of this request for its size shows that the longest answer is counted when a request comes: even
// twice the request alone would fit, and with its answer it never does.
func (r *row) countsAnswers(n *Need) bool {
	held := r.Context == 0 || int(r.input(n))+n.MaxOutput <= r.Context
	return n.MaxOutput > 0 && held && !r.overflows(2*int(r.input(n))) && r.overflows(n.Tokens+n.MaxOutput)
}

func (q *quota) holds(tokens int64) bool {
	for _, c := range q.counters {
		if c.Unit == Tokens && tokens > c.limit() {
			return false
		}
	}
	return true
}

// usable says whether the configuration lets the row be asked at all.
func (r *row) usable() bool { return r.Off == "" && r.Proof != Unproven && len(r.pairs) > 0 }

// singular says whether a row was passed over for what this one request has and others of its class have not.
func singular(why string) bool {
	return why == lacksSchema || why == lacksContext || why == lacksRoom || why == lacksChoice
}
