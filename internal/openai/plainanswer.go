package openai

import "freefall/fallback"

// plainAnswer is the verdict on what nearly all answers are: a completion with one choice that says something in words. It reads the
// answer once, where the search for everything that an answer may be reads it a dozen times. ok says that the search would come to
// this very verdict; whatever is in doubt is left to it.
func plainAnswer(status int, body []byte) (o fallback.Outcome, ok bool) {
	r := answerReader{scanner: scanner{body: body}}
	for r.next() {
		if !r.take() {
			return o, false
		}
	}
	if status/100 != 2 || r.err != nil || r.choices != 1 || !r.says || r.seen&needed != needed {
		return o, false
	}
	return fallback.Outcome{Class: fallback.OK, Action: fallback.PassThrough, Status: status,
		InputTokens: r.input, OutputTokens: r.output}, true
}

// answerReader walks over an answer.
type answerReader struct {
	scanner
	top, second place // where the walk is

	seen          uint16 // the members that count, which may stand there once: readers differ in which of two they believe
	choices       int
	says          bool
	input, output int
}

// place is a member of the document, or of the choice, that the walk looks into.
type place uint8

const (
	elsewhere place = iota
	inChoices
	inUsage
	inMessage
)

const (
	seenChoices = 1 << iota
	seenUsage
	seenMessage
	seenFinish
	seenContent
	seenInput
	seenOutput
	seenCost
	seenIndex
	seenRole
	seenID
	seenObject
	seenCreated
	seenModel

	// needed are those that clients rely on: an answer without one of them must be mended.
	needed = seenMessage | seenFinish | seenContent | seenIndex | seenRole | seenID | seenObject | seenCreated | seenModel
)

// take looks at the value that the scanner has found. False ends the walk: somebody else has to look.
func (r *answerReader) take() bool {
	if r.key.escaped {
		return false
	}
	switch {
	case r.depth == 1:
		r.second = elsewhere
		return r.document()
	case r.top == inUsage && r.depth == 2:
		return r.usage()
	case r.top == inChoices && r.depth == 2:
		r.choices++
		return r.kind == '{'
	case r.top == inChoices && r.depth == 3:
		r.second = elsewhere
		return r.choice()
	case r.second == inMessage && r.depth == 4:
		return r.message()
	}
	return true
}

func (r *answerReader) document() bool {
	r.top = elsewhere
	switch string(r.key.raw) {
	case "error", "errors", "response", "x_groq":
		return false
	case "choices":
		r.top = inChoices
		return r.once(seenChoices) && r.kind == '['
	case "usage":
		r.top = inUsage
		return r.once(seenUsage) && r.kind == '{'
	case "id":
		return r.once(seenID) && r.isText()
	case "object":
		return r.once(seenObject) && r.kind == '"' && !r.str.escaped && string(r.str.raw) == "chat.completion"
	case "model":
		return r.once(seenModel) && r.isText()
	case "created":
		return r.once(seenCreated) && isWhole(r.body[r.from:r.to])
	}
	return true
}

func (r *answerReader) usage() (ok bool) {
	switch string(r.key.raw) {
	case "prompt_tokens":
		r.input, ok = smallCount(r.body[r.from:r.to])
		return ok && r.once(seenInput)
	case "completion_tokens":
		r.output, ok = smallCount(r.body[r.from:r.to])
		return ok && r.once(seenOutput)
	case "cost":
		return r.to-r.from == 1 && r.body[r.from] == '0' && r.once(seenCost)
	case "input_tokens", "output_tokens":
		return false
	}
	return true
}

func (r *answerReader) choice() bool {
	switch string(r.key.raw) {
	case "error", "text":
		return false
	case "message":
		r.second = inMessage
		return r.once(seenMessage) && r.kind == '{'
	case "finish_reason":
		return r.once(seenFinish) && r.kind == '"' && !r.str.escaped && isFinish(r.str.raw) && string(r.str.raw) != "error"
	case "index":
		_, ok := smallInt(r.body[r.from:r.to])
		return r.once(seenIndex) && ok
	}
	return true
}

func (r *answerReader) message() bool {
	switch string(r.key.raw) {
	case "tool_calls":
		return false
	case "content":
		r.says = r.kind == '"' && len(r.str.raw) > 0
		return r.says && r.once(seenContent)
	case "role":
		return r.once(seenRole) && r.kind == '"' && !r.str.escaped && string(r.str.raw) == "assistant"
	}
	return true
}

func (r *answerReader) isText() bool { return r.kind == '"' && len(r.str.raw) > 0 }

// once notes a member, and says whether it is the first of its name.
func (r *answerReader) once(member uint16) bool {
	first := r.seen&member == 0
	r.seen |= member
	return first
}

// smallCount reads a number of one to nine digits.
func smallCount(raw []byte) (n int, ok bool) {
	for _, c := range raw {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, 0 < len(raw) && len(raw) <= 9
}
