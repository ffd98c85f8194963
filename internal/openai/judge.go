package openai

import (
	"slices"
	"strings"

	"freefall/fallback"
)

// judge finds the row: typed fields before words, words before the status alone.
func (v *evidence) judge() ruling {
	if r, ok := v.typedByOpenRouter(); ok {
		return r
	}
	switch v.status {
	case 401:
		switch {
		case v.own.hasCode([]string{"modelerror", "invalid_model"}):
			return missing
		case v.own.hasCode(planCodes):
			return notInPlan // the key serves other models
		case v.own.has(upstreamWords):
			return fault // the key of a host further behind
		}
		return badKey
	case 402:
		return v.payment()
	case 408, 504, 524:
		return late
	case 410:
		return v.byWords(closures, retired)
	case 413:
		return tooLarge
	}
	if v.status == 429 && v.own.has([]string{"allocated quota exceeded"}) && !v.own.has(freeShareWords) {
		return v.limit() // DashScope's of a minute, in spite of the code insufficient_quota
	}
	if r, ok := v.byCode(anyStatus); ok && !(r == tooLarge && v.status == 429 && v.hint.stated) { // what is too large is told no wait
		return r
	}
	if v.status != 404 && v.own.hasCode(limitCodes) {
		return v.limit()
	}
	switch s := v.status; {
	case s == 400 || s == 422:
		return v.badRequest()
	case s == 403:
		return v.refusal()
	case s == 404:
		return v.byWords(absences, missing)
	case s == 429:
		return v.limit()
	case s == 446: // Portkey's, of what its operator has forbidden
		return guarded
	case s < 300 && v.own.has(contextWords): // local servers tell it in a stream, without a status
		return tooLarge
	case s >= 500:
		return v.failure()
	case s >= 400 && v.own.has(busyWords):
		return busy
	case s >= 400 && v.own.has(declinedWords):
		return declined
	case s >= 400 && (v.own.hasCode(brokeCodes) || v.own.has(brokeWords)):
		return unpaid
	}
	return v.faultOf()
}

// typedByOpenRouter judges by the two fields that OpenRouter keeps for the purpose.
func (v *evidence) typedByOpenRouter() (ruling, bool) {
	if v.availability.IsObject() {
		if r, ok := v.available(); ok {
			return r, true
		}
	}
	switch source := v.limitSource; {
	case source == "":
	case strings.Contains(source, "in_flight"):
		return inFlight, true
	case strings.HasPrefix(source, "upstream_provider"):
		return hostLimit, true
	case strings.Contains(source, "_free_tier"):
		return v.limit(), true
	case strings.HasSuffix(source, "_limit"), strings.HasSuffix(source, "_budget"):
		return v.allowance(), true
	case strings.HasSuffix(source, "_credits"):
		return unpaid, true
	}
	return ruling{}, false
}

// available judges by the availability object: that it says retryable is worth more than its code.
func (v *evidence) available() (ruling, bool) {
	code := lowerASCII(v.availability.Get("code").String())
	r, known := availabilityCodes[code]
	switch {
	case v.availability.Get("retryable").Bool() && r.until != fallback.UntilBackoff:
		if v.status == 429 {
			return hostLimit, true
		}
		return busy, true
	case code == "constraint_filtered" && strings.Contains(v.availability.Get("excluded_by").Raw, "data_policy"):
		return forbidden, true
	}
	return r, known
}

// allowance is the ruling on a spent budget: of the key, unless the answer says that it is wider.
func (v *evidence) allowance() ruling {
	r := keyLimit
	switch v.meta.Get("scope").Str {
	case "account", "workspace", "organization":
		r.scope, r.target = fallback.ScopeAccount, fallback.TargetAccount
	}
	return r
}

func (v *evidence) payment() ruling {
	switch {
	case v.own.has(upstreamWords):
		return fault // a host's own bill
	case v.hint.stated && !v.hint.worded && !v.hint.counted, v.own.has([]string{"in-flight", "in_flight", "already queued"}):
		return inFlight
	case v.own.has(planWords):
		return notInPlan
	case v.own.window() == perMonth:
		return spent(perMonth, fallback.TargetAccount)
	}
	return unpaid
}

func (v *evidence) badRequest() ruling {
	if r, ok := v.byCode(badRequests); ok {
		return r
	}
	switch {
	case v.own.hasCode(invalidCodes):
		return badRequest
	case isClients(v.param) && v.own.hasCode(variantCodes):
		return mismatch
	case pointsInto(v.param) && !v.own.has(unsupportedWords):
		return badRequest // and its message may quote the client at length
	}
	otherwise := unsure
	switch {
	case strings.HasSuffix(v.own.lower, "upstream request failed"):
		otherwise = fault
	case v.own.has(upstreamWords): // and what it made of the request there
	case isClients(v.param) || v.own.has(invalidWords) || v.own.has(complaints) && v.namesClients():
		otherwise = badRequest
	case v.knob() != "":
		otherwise = mismatch
	}
	return v.byWords(badRequests, otherwise)
}

// variantCodes are what validators write where one of several forms is expected: a role, a kind of content. Other models know more of them.
var variantCodes = []string{"literal_error", "enum", "union_tag_invalid"}

// clientsFields are the parts of a request that only the client can mend.
var clientsFields = []string{"messages", "tools", "functions", "input"}

func isClients(param string) bool {
	head, _, _ := strings.Cut(param, ".")
	head, _, _ = strings.Cut(head, "[")
	return slices.Contains(clientsFields, head)
}

// pointsInto says whether a parameter is a place within the client's messages or tools.
func pointsInto(param string) bool { return strings.ContainsAny(param, ".[") && isClients(param) }

// namesClients says whether a message without a param field names one of those parts in quotes.
func (v *evidence) namesClients() bool {
	for _, part := range strings.FieldsFunc(v.own.lower, func(r rune) bool { return strings.ContainsRune(" \"'`:,()", r) }) {
		if isClients(part) && (strings.ContainsAny(part, ".[") || v.own.has([]string{"`" + part + "`", "'" + part + "'", `"` + part + `"`})) {
			return true
		}
	}
	return false
}

func (v *evidence) refusal() ruling {
	switch {
	case saysSomething(v.meta.Get("reasons")) || v.meta.Get("flagged_input").Exists():
		return declined
	case saysSomething(v.meta.Get("patterns")):
		return guarded
	case v.edge, v.opaque && strings.Contains(v.own.lower, "error code: 1"): // Cloudflare's 1xxx
		return edgeBlock // the edge refuses, not the key
	}
	if r, ok := v.byCode(refusals); ok {
		return r
	}
	otherwise := badKey
	switch {
	case v.own.text == "" && v.err.IsObject() && isText(v.err.Get("model")):
		otherwise = notInPlan // the model is all that it names
	case v.own.has(upstreamWords):
		otherwise = fault
	case v.own.has([]string{"rate limit", "too many requests", "quota exceeded", "limit exceeded", "limit reached", "concurrent request", "concurrency limit"}):
		otherwise = v.limit()
	}
	return v.byWords(refusals, otherwise)
}

// failure judges a 5xx.
func (v *evidence) failure() ruling {
	if r, ok := v.byCode(failures); ok {
		return r
	}
	if r := v.byWords(failures, fault); r != fault {
		return r
	}
	switch {
	case v.own.has(contextWords) || v.upstream.has(contextWords):
		return tooLarge
	case v.status == 529, v.own.has(busyWords[:1]), v.upstream.has(busyWords[:1]):
		return busy
	case v.status == 503:
		return busyModel
	}
	return v.faultOf()
}

// faultOf is a fault of the model, or of the edge before it where that speaks.
func (v *evidence) faultOf() ruling {
	if v.opaque || v.edge {
		return edgeFault
	}
	return fault
}

// byCode finds the first row with one of the typed codes: the provider's own, then those of the host behind it.
func (v *evidence) byCode(rows []row) (ruling, bool) {
	for i := range rows {
		if v.own.hasCode(rows[i].codes) {
			return rows[i].ruling, true
		}
	}
	for i := range rows {
		if v.upstream.hasCode(rows[i].codes) && !rows[i].ruling.ours() {
			return rows[i].ruling, true
		}
	}
	return ruling{}, false
}

func (v *evidence) byWords(rows []row, otherwise ruling) ruling {
	for i := range rows {
		if v.own.has(rows[i].phrases) || !rows[i].ruling.ours() && v.upstream.has(rows[i].phrases) {
			return rows[i].ruling
		}
	}
	return otherwise
}

// ours says whether the ruling concerns our key, account or money, of which the host behind a provider knows nothing.
func (r ruling) ours() bool {
	switch r.class {
	case fallback.Auth, fallback.PaymentRequired, fallback.QuotaExhausted, fallback.RateLimited:
		return true
	}
	return r.target == fallback.TargetProvider
}
