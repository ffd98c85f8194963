package openai

import (
	"strings"

	"freefall/fallback"
)

// featureWords name what a model may lack. The first that stands in a refusal counts, so the narrower ones come first; several
// calls at once are no feature of their own.
var featureWords = []struct {
	word    string
	feature fallback.Feature
}{
	{"parallel", fallback.FeatureNone},
	{"single tool", fallback.FeatureNone},
	{"enable-auto-tool-choice", fallback.FeatureTools},
	{"schema fields", fallback.FeatureNone}, // this schema, not schemas
	{"schema contains", fallback.FeatureNone},
	{"mime type", fallback.FeatureNone},      // both together, neither alone
	{"supports up to", fallback.FeatureNone}, // so many, not any
	{"supports a maximum", fallback.FeatureNone},
	{"tool_choice", fallback.FeatureToolChoice},
	{"tool choice", fallback.FeatureToolChoice},
	{"json_schema", fallback.FeatureJSONSchema},
	{"json schema", fallback.FeatureJSONSchema},
	{"structured output", fallback.FeatureJSONSchema},
	{"response_format", fallback.FeatureJSONSchema},
	{"image urls", fallback.FeatureNone}, // images themselves may be welcome
	{"image", fallback.FeatureVision},
	{"vision", fallback.FeatureVision},
	{"multimodal", fallback.FeatureVision},
	{"tools", fallback.FeatureTools},
	{"tool use", fallback.FeatureTools},
	{"tool call", fallback.FeatureTools},
	{"tool-call", fallback.FeatureTools},
	{"function call", fallback.FeatureTools},
}

// featureNames are names of more than one word that providers put in quotes, which are nothing that a client said.
var featureNames = []string{"tool calling", "tool calls", "tool call", "tool use", "tool choice", "function calling", "function calls", "function call",
	"json schema", "json mode", "structured output", "structured outputs", "image input", "image inputs"}

// refused finds what was refused: a feature to be remembered for the model, and the request field.
func (v *evidence) refused() (fallback.Feature, string) {
	param := v.refusedParam()
	if v.knob() != "" {
		return fallback.FeatureNone, param // "logprobs is not supported with tools": the tools are not what is lacking
	}
	if f := featureIn(v.constraint()); f != fallback.FeatureNone {
		return f, param
	}
	for _, w := range [...]*voice{&v.own, &v.upstream} {
		if f := featureIn(refusalSentence(w.lower)); f == fallback.FeatureVision || f != fallback.FeatureNone && !pointsInto(v.param) {
			return f, param // a place within one tool or message is not the whole of the feature, unless it is the image
		}
	}
	return fallback.FeatureNone, param
}

// constraint is what OpenRouter says excluded every endpoint.
func (v *evidence) constraint() string {
	if v.availability.Get("code").Str != "constraint_filtered" {
		return ""
	}
	return lowerASCII(v.availability.Get("constraint").String() + " " + v.availability.Get("excluded_by").String())
}

func featureIn(sentence string) fallback.Feature {
	for _, named := range featureWords {
		if strings.Contains(sentence, named.word) {
			return named.feature
		}
	}
	return fallback.FeatureNone
}

// refusalSentence is the sentence that says what is not supported. What follows it may hold names of the client's.
func refusalSentence(text string) string {
	for sentence := range strings.SplitSeq(text, ". ") {
		if containsAny(sentence, featureRefusals) {
			if _, variant, found := strings.Cut(sentence, "unknown variant"); found {
				return variant // what stands before it is the place in the request
			}
			return sentence
		}
	}
	return ""
}

var featureRefusals = []string{"support", "enable-auto-tool-choice", "unrecognized request argument", "not permitted", "not available", "not enabled",
	"unknown variant", "at most 0 ", "requires --jinja", "not a multimodal", "not a vlm", "allowed values"}

func containsAny(text string, words []string) bool {
	for _, w := range words {
		if strings.Contains(text, w) {
			return true
		}
	}
	return false
}

// refusedParam is the request field that was refused: the param of the error, or the name after the words that refuse it.
func (v *evidence) refusedParam() string {
	if isFieldName(v.param) {
		return v.param
	}
	for _, lead := range [...]string{"unknown name ", "argument supplied: ", "unknown parameter: ", "unsupported parameter: ", "unexpected keyword argument "} {
		if i := strings.Index(v.own.lower, lead); i >= 0 {
			name, _, _ := strings.Cut(strings.TrimLeft(v.own.text[i+len(lead):], "\"'`"), " ")
			if name = strings.TrimRight(name, "\"'`.,:;"); isFieldName(name) {
				return name
			}
		}
	}
	return ""
}

func isFieldName(s string) bool {
	for i := range len(s) {
		if !isWordByte(s[i]) && strings.IndexByte(".[]-", s[i]) < 0 {
			return false
		}
	}
	return s != "" && len(s) <= 100
}
