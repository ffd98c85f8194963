package openai

import "freefall/fallback"

// contentFiltered is the outcome of an answer that was withheld for its content.
var contentFiltered = fallback.Outcome{Class: fallback.ContentPolicy, Scope: fallback.ScopeRequest, Action: fallback.NextModelNoPenalty,
	Status: 200, Message: "the provider withheld the answer (finish_reason content_filter)"}

// streamFault is the outcome of an answer that the provider garbled, broke off or did not give.
func streamFault(why string) fallback.Outcome {
	return fallback.Outcome{Class: fallback.UpstreamFault, Scope: fallback.ScopeModel, Action: fallback.NextModel,
		Target: fallback.TargetModel, Until: fallback.UntilBackoff, Status: 200, Message: why}
}

// givenUp is the outcome of an answer whose finish_reason says that the provider gave it up.
func givenUp(reason string) fallback.Outcome {
	return streamFault("the provider gave the answer up (finish_reason " + reason + ")")
}

// AppendErrorEvent tells a client that has part of an answer that no more comes.
func AppendErrorEvent(dst []byte, o *fallback.Outcome) []byte {
	e := Error{Message: "the answer broke off", Type: "server_error", Code: o.Class.String()}
	if o.Message != "" {
		e.Message += ": " + o.Message
	}
	if o.Limit() {
		e.Type = "rate_limit_error"
	}
	dst = append(dst, "data: "...)
	return append(e.Append(dst), '\n', '\n')
}
