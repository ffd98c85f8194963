package openai

import "hash/maphash"

// talk tells conversations apart by how they begin: by what the system and the first message of the user say, which stand in
// every request of a conversation. It is found while the messages pass by, and holds none of them.
type talk struct {
	hash  uint64
	begun bool // the user's first message is in it
	goes  bool // somebody has answered it

	role text   // of the message under way
	said uint64 // what it says
}

var talkSeed = maphash.MakeSeed()

// maxSaid is how much of one text is looked at, beside its length: an image may have megabytes.
const maxSaid = 4 << 10

// value takes up a value inside "messages".
func (t *talk) value(s *scanner) {
	switch {
	case s.depth == 2:
		t.message()
	case s.kind != '"':
	case s.depth == 3 && s.key.is("role"):
		t.role = s.str
	case t.begun:
	case s.depth == 3 && s.key.is("content"), s.depth == 5 && s.key.is("text"), s.depth == 6 && s.key.is("url"):
		raw := s.str.raw
		t.said = mixed(t.said, maphash.Bytes(talkSeed, raw[:min(len(raw), maxSaid)])+uint64(len(raw)))
	}
}

// message ends the message under way.
func (t *talk) message() {
	switch {
	case t.begun:
		t.goes = t.goes || t.role.is("assistant")
	case t.role.is("user"):
		t.hash, t.begun = mixed(t.hash, t.said), true
	case t.role.is("system"), t.role.is("developer"):
		t.hash = mixed(t.hash, t.said)
	}
	t.role, t.said = text{}, 0
}

// end gives the conversation, 0 when the user has said nothing, and whether it goes on.
func (t *talk) end() (id uint64, goesOn bool) {
	if t.message(); !t.begun {
		return 0, false
	}
	return t.hash | 1, t.goes
}

func mixed(h, x uint64) uint64 { return (h ^ x) * 0x9E3779B97F4A7C15 }
