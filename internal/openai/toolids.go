package openai

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

const (
	shortID  = 9      // the length that Mistral asks for
	maxIDs   = 10_000 // of one request; with more it goes up as it is
	alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// toolID is one place in a body where a tool call is named.
type toolID struct {
	from, to int // its range, quotes included
	sum      [sha256.Size]byte
}

// shortenIDs gives the ids of the tool calls in the messages the form that the provider wants: each that has another form
// becomes nine digits of its hash, the same wherever it stands, in this request and in the next, and never like another one.
// Nothing else of the body changes. Ids that come down are left as they are: nine letters and digits fit every client.
func (ed *editor) shortenIDs() {
	if ed.err != nil {
		return
	}
	odd, taken, ok := toolIDs(ed.body)
	if !ok || len(odd) == 0 {
		return
	}
	given := make(map[[sha256.Size]byte]string, len(odd))
	out := make([]byte, 0, len(ed.body))
	kept := 0
	for _, id := range odd {
		short, known := given[id.sum]
		if !known {
			short = freeID(id.sum, taken)
			given[id.sum], taken[short] = short, true
		}
		out = append(out, ed.body[kept:id.from+1]...)
		out = append(out, short...)
		kept = id.to - 1
	}
	ed.body = append(out, ed.body[kept:]...)
	ed.changed = true
}

// toolIDs finds the ids of the messages that do not fit, in their order, and those that do, which no other may become. An empty
// one is none. ok is false when there are too many.
func toolIDs(body []byte) (odd []toolID, taken map[string]bool, ok bool) {
	s := scanner{body: body}
	taken = map[string]bool{}
	inMessages, inCalls := false, false
	var buf []byte
	for s.next() {
		switch s.depth {
		case 1:
			inMessages = s.key.is("messages")
		case 3:
			inCalls = s.kind == '[' && s.key.is("tool_calls")
		}
		named := s.depth == 3 && s.key.is("tool_call_id") || s.depth == 5 && inCalls && s.key.is("id")
		if !inMessages || !named || s.kind != '"' || len(s.str.raw) == 0 {
			continue
		}
		if buf = s.str.appendTo(buf[:0]); isShortID(buf) {
			taken[string(buf)] = true
		} else {
			odd = append(odd, toolID{s.from, s.to, sha256.Sum256(buf)})
		}
		if len(odd)+len(taken) > maxIDs {
			return nil, nil, false
		}
	}
	return odd, taken, s.err == nil
}

func isShortID(id []byte) bool {
	return len(id) == shortID && !slices.ContainsFunc(id, func(c byte) bool { return !isLetter(c) && !isDigit(c) })
}

// freeID writes a hash in nine digits; where those are taken, the hash of the hash.
func freeID(sum [sha256.Size]byte, taken map[string]bool) string {
	for {
		var id [shortID]byte
		n := binary.LittleEndian.Uint64(sum[:])
		for i := range id {
			id[i] = alphabet[n%uint64(len(alphabet))]
			n /= uint64(len(alphabet))
		}
		if !taken[string(id[:])] {
			return string(id[:])
		}
		sum = sha256.Sum256(sum[:])
	}
}
