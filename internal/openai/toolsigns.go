package openai

import "strings"

// unsigned stands where Google's models, from Gemini 3 on, want the signature of the thoughts behind a call. It is Google's own word for calls
// that nobody signed (ai.google.dev, thought signatures): those of another model that answered before, and those whose client has dropped the
// signature, as nearly all do. Without it such a conversation is refused.
const unsigned = `"extra_content":{"google":{"thought_signature":"skip_thought_signature_validator"}}`

// wantsSigns says whether a model of Google's looks for signatures.
func wantsSigns(model string) bool {
	name, gemini := strings.CutPrefix(strings.TrimPrefix(model, "models/"), "gemini-")
	return gemini && !strings.HasPrefix(name, "1") && !strings.HasPrefix(name, "2")
}

// signCalls marks the first call of each turn, which is the one that is looked at, unless it brings a signature.
func (ed *editor) signCalls() {
	if ed.err != nil {
		return
	}
	places, ok := unsignedCalls(ed.body)
	if !ok || len(places) == 0 {
		return
	}
	out := make([]byte, 0, len(ed.body)+len(places)*(len(unsigned)+1))
	kept := 0
	for _, at := range places {
		out = append(out, ed.body[kept:at]...)
		out = append(append(out, unsigned...), ',')
		kept = at
	}
	ed.body = append(out, ed.body[kept:]...)
	ed.changed = true
}

// unsignedCalls finds where the first calls of the messages begin, inside their braces. ok is false when there are too many.
func unsignedCalls(body []byte) (places []int, ok bool) {
	s := scanner{body: body}
	inMessages, inCalls, first := false, false, false
	call := 0 // where the call begins that is looked at; 0 = none, or it is signed
	for s.next() {
		if call > 0 && s.depth < 5 {
			places, call = append(places, call), 0
		}
		switch {
		case s.depth == 1:
			inMessages = s.key.is("messages")
		case s.depth == 3:
			inCalls = inMessages && s.kind == '[' && s.key.is("tool_calls")
			first = inCalls
		case s.depth == 4 && first:
			first = false
			if s.kind == '{' && !s.empty() {
				call = s.from + 1
			}
		case s.depth == 5 && inCalls && s.key.is("extra_content"):
			call = 0
		}
		if len(places) > maxIDs {
			return nil, false
		}
	}
	if call > 0 {
		places = append(places, call)
	}
	return places, s.err == nil
}
