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
	s := scanner{body: ed.body}
	var found []member
	inMessages, inCalls, first := false, false, false
	call := 0 // where the call begins that is looked at; 0 = none, or it is signed
	for ed.err == nil && s.next() {
		if call > 0 && s.depth < 5 {
			found, call = append(found, member{call, unsigned}), 0
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
	}
	if call > 0 {
		found = append(found, member{call, unsigned})
	}
	ed.add(found)
}

// nameResults says of each result which function gave it, where a call tells: Google's translation of chats wants that said.
func (ed *editor) nameResults() {
	s := scanner{body: ed.body}
	var found []member
	names := map[string]string{} // by the id of the call, as JSON
	inMessages, inCalls := false, false
	var call, name string // of the call that is read
	var message struct {
		at    int // where it begins; 0 = it is no result, or it is named
		of    string
		named bool
	}
	settle := func() {
		if name, known := names[message.of]; known && message.of != "" && !message.named {
			found = append(found, member{message.at, `"name":` + name})
		}
		message.of, message.named = "", false
	}
	for ed.err == nil && s.next() {
		switch {
		case s.depth == 1:
			settle()
			inMessages = s.key.is("messages")
		case !inMessages:
		case s.depth == 2:
			settle()
			message.at = s.from + 1
		case s.depth == 3:
			inCalls = s.kind == '[' && s.key.is("tool_calls")
			switch {
			case s.key.is("tool_call_id") && s.kind == '"':
				message.of = s.str.String()
			case s.key.is("name"):
				message.named = true
			}
		case s.depth == 4:
			call, name = "", ""
		case inCalls && s.kind == '"' && s.depth == 5 && s.key.is("id"):
			call = s.str.String()
		case inCalls && s.kind == '"' && s.depth == 6 && s.key.is("name"):
			name = string(s.body[s.from:s.to])
		}
		if call != "" && name != "" && len(names) < maxIDs {
			names[call] = name
		}
	}
	settle()
	ed.add(found)
}

// member is a member that an object in the body is given, behind its opening brace. The object holds others.
type member struct {
	at   int
	json string
}

// add gives objects members, from front to back.
func (ed *editor) add(members []member) {
	if ed.err != nil || len(members) == 0 || len(members) > maxIDs {
		return
	}
	size := len(ed.body)
	for _, m := range members {
		size += len(m.json) + 1
	}
	out, kept := make([]byte, 0, size), 0
	for _, m := range members {
		out = append(out, ed.body[kept:m.at]...)
		out = append(append(out, m.json...), ',')
		kept = m.at
	}
	ed.body = append(out, ed.body[kept:]...)
	ed.changed = true
}
