package openai

import (
	"github.com/tidwall/gjson"

	"freefall/fallback"
)

// completion judges a success that names no error: it is good if it says something.
func (v *evidence) completion() fallback.Outcome {
	switch {
	case v.html:
		return v.malformed(edgeBlock, "an HTML page instead of an answer")
	case !v.doc.IsObject():
		return v.malformed(fault, "no JSON object instead of an answer")
	case v.doc.Get("choices").IsArray():
		return v.choices()
	case v.isOtherAnswer():
		return v.good()
	}
	return v.malformed(fault, "an answer without choices")
}

// isOtherAnswer knows the answers that have no choices: embeddings, /v1/responses, /v1/messages.
func (v *evidence) isOtherAnswer() bool {
	for _, place := range [...]string{"data.0", "output.0", "content.0"} {
		if v.doc.Get(place).IsObject() {
			return true
		}
	}
	return false
}

func (v *evidence) choices() fallback.Outcome {
	whole, says, filtered := false, false, false
	tokens := tokensIn(v.doc.Get("usage"), "completion_tokens")
	v.doc.Get("choices").ForEach(func(_, c gjson.Result) bool {
		whole = c.Get("message").IsObject() || c.Get("text").Type == gjson.String
		reason := c.Get("finish_reason").Str
		says = says || bearsContent(c) || reason == "length" && tokens > 0 // thoughts that are not shown took it all
		filtered = filtered || reason == "content_filter"
		return whole
	})
	switch {
	case !whole:
		return v.malformed(fault, "a choice without a message")
	case says:
		return v.good()
	case filtered:
		return v.malformed(declined, "the provider's content filter left nothing")
	}
	return v.malformed(fault, EmptyMessage)
}

// contentPlaces are where a choice may say something, beside content.
var contentPlaces = []string{"tool_calls", "function_call", "reasoning", "reasoning_content", "reasoning_details", "refusal", "audio", "images",
	"reasoning_text", "thinking", "thinking_blocks"}

func bearsContent(choice gjson.Result) bool {
	if hasContent(choice.Get("text")) {
		return true
	}
	m := choice.Get("message")
	if hasContent(m.Get("content")) {
		return true
	}
	for _, place := range contentPlaces {
		if hasContent(m.Get(place)) {
			return true
		}
	}
	return false
}

func hasContent(r gjson.Result) bool {
	switch r.Type {
	case gjson.String:
		return r.Str != ""
	case gjson.JSON:
		return saysSomething(r)
	}
	return false
}

func (v *evidence) good() fallback.Outcome {
	o := fallback.Outcome{Class: fallback.OK, Action: fallback.PassThrough, Status: v.status}
	v.usage(&o)
	return o
}

// malformed is the verdict on a success that is none.
func (v *evidence) malformed(r ruling, message string) fallback.Outcome {
	v.own = voice{text: message}
	v.bucket = v.spentBuckets()
	v.hint = v.findHint()
	return v.outcome(r)
}

// usage fills in what the answer reports of its cost.
func (v *evidence) usage(o *fallback.Outcome) {
	u := v.get(v.doc, "usage")
	if !u.IsObject() {
		u = v.get(v.doc, "x_groq.usage")
	}
	readUsage(o, u)
}

func readUsage(o *fallback.Outcome, u gjson.Result) {
	o.InputTokens = tokensIn(u, "prompt_tokens", "input_tokens")
	o.OutputTokens = tokensIn(u, "completion_tokens", "output_tokens")
	if cost := u.Get("cost").Float(); cost > 0 {
		o.CostUSD = cost
	}
}

// tokensIn reads a count, which no hostile number may turn into a debt.
func tokensIn(u gjson.Result, names ...string) int {
	for _, name := range names {
		if n := u.Get(name); n.Type == gjson.Number {
			return int(min(max(n.Num, 0), 1<<31-1))
		}
	}
	return 0
}
