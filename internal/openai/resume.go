package openai

import (
	"strings"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"
)

// theRest asks a model for what another one did not come to say.
const theRest = "Your last message was cut off. Continue it exactly where it stops, even in the middle of a word. " +
	"Write only what follows: repeat nothing, and add no remark."

// Says is what a chunk of a chat stream adds to the text of its first choice; plain is false when it brings anything else
// that counts, or does not say it in the usual place.
func Says(data []byte) (text string, plain bool) {
	plain = true
	gjson.GetBytes(data, "choices").ForEach(func(_, choice gjson.Result) bool {
		delta := choice.Get("delta")
		for _, key := range [...]string{"tool_calls", "function_call", "refusal", "audio", "images"} {
			plain = plain && blank(delta.Get(key))
		}
		content := delta.Get("content")
		mended := !delta.IsObject() && (choice.Get("message").Exists() || choice.Get("text").Exists()) || content.Type == gjson.JSON
		plain = plain && !mended && blank(choice.Get("logprobs")) && choice.Get("index").Int() == 0
		text += content.Str
		return true
	})
	return text, plain && !severalChunks(data)
}

// blank says whether there is nothing in a value.
func blank(v gjson.Result) bool {
	switch v.Raw {
	case "", "null", "[]", "{}", `""`, "false":
		return true
	}
	return false
}

// PlainText says whether nothing but one text is asked for, with which another model can go on.
func (r *Request) PlainText() bool {
	get := func(path string) gjson.Result { return gjson.GetBytes(r.Body, path) }
	if n := get("n"); !blank(n) && n.Raw != "1" {
		return false
	}
	format := get("response_format.type")
	return !r.Need.Tools && (!format.Exists() || format.Str == "text") && blank(get("logprobs")) && blank(get("top_logprobs")) &&
		!strings.Contains(get("modalities").Raw, "audio")
}

// Resume is the request for the rest of an answer of which that much was said, which counts against the bound of the answer.
func (r *Request) Resume(said string) (*Request, error) {
	body := r.Body
	var err error
	for _, m := range [...][2]string{{"assistant", said}, {"user", theRest}} {
		raw := gjson.AppendJSONString([]byte(`{"role":"`+m[0]+`","content":`), m[1])
		if body, err = sjson.SetRawBytes(body, "messages.-1", append(raw, '}')); err != nil {
			return nil, err
		}
	}
	var size textSize
	for _, r := range said {
		size.addRune(r)
	}
	for _, key := range [...]string{"max_tokens", "max_completion_tokens"} {
		if most := gjson.GetBytes(body, key).Int(); most > 0 {
			if body, err = sjson.SetBytes(body, key, max(1, most-int64(size.tokens()))); err != nil {
				return nil, err
			}
		}
	}
	next, e := ParseChat(body)
	if e != nil {
		return nil, e
	}
	return next, nil
}

// withoutRole gives a chunk that does not say who speaks: accumulators of SDKs add roles up.
func withoutRole(data []byte) []byte {
	if gjson.GetBytes(data, "choices.0.delta.role").Exists() {
		return without(data, "choices.0.delta.role")
	}
	return data
}
