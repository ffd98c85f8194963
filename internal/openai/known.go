package openai

import (
	"bytes"
	"hash/maphash"
	"sync/atomic"
)

// knownTools are lists of tools that were found good. A client sends the same tools with each request, and they are often most of it: where
// the bytes of a list stand again they are compared, not read. The same bytes after the same key mean the same, so nothing
// passes that a scan would refuse. A list is kept when it has come twice, so one that never comes again leaves a number. It takes the place
// of one that comes no more: with more of them by turns than there is room for, each would drive out one that is about to come.
//
// Several goroutines may use it; the zero value knows nothing.
type knownTools struct {
	lists [16]atomic.Pointer[toolList]
	hand  atomic.Uint32     // counts who asked for a place; the places are looked at by turns
	once  [64]atomic.Uint64 // hashes of lists that came once, by themselves
}

const (
	leastKnown = 2 << 10 // bytes of a list: a shorter one is read as quickly
	mostKnown  = 128 << 10
	patience   = 2 // how often somebody may ask for the place of a list that has not come again
)

// toolList is the array under "tools", from bracket to bracket.
type toolList struct {
	raw  []byte
	size textSize      // of what a model reads of it
	idle atomic.Uint32 // how often somebody has asked for its place since it came
}

var (
	known     knownTools
	toolsSeed = maphash.MakeSeed()
)

// find gives the list that b begins with, nil when none is known that does.
func (k *knownTools) find(b []byte) *toolList {
	if len(b) < leastKnown {
		return nil
	}
	for i := range k.lists {
		l := k.lists[i].Load()
		if l == nil {
			return nil
		}
		// Lists that begin alike are common. Their ends tell them apart at once.
		if n := len(l.raw); n <= len(b) && string(b[n-16:n]) == string(l.raw[n-16:]) && bytes.Equal(b[:n], l.raw) {
			if l.idle.Load() > 0 {
				l.idle.Store(0)
			}
			return l
		}
	}
	return nil
}

// note takes up a list that was read.
func (k *knownTools) note(raw []byte, size textSize) {
	if len(raw) < leastKnown || len(raw) > mostKnown {
		return
	}
	h := maphash.Bytes(toolsSeed, raw)
	if k.once[h%uint64(len(k.once))].Swap(h) == h && k.find(raw) == nil {
		place := &k.lists[(k.hand.Add(1)-1)%uint32(len(k.lists))]
		if l := place.Load(); l == nil || l.idle.Add(1) > patience {
			place.Store(&toolList{raw: bytes.Clone(raw), size: size})
		}
	}
}

// recognize passes over the list of tools that was just opened, if it is known.
func (p *chatParser) recognize() {
	l := p.known.find(p.s.body[p.s.from:])
	if l == nil {
		p.toolsAt, p.before = p.s.from, p.text
		return
	}
	p.text.add(l.size)
	p.s.nest--
	p.s.fresh = false
	p.s.at = p.s.from + len(l.raw)
}

// remember notes the list of tools that was read, in a member behind which the next one begins, or the object ends.
func (p *chatParser) remember(next int) {
	size := textSize{p.text.ascii - p.before.ascii, p.text.wide - p.before.wide}
	p.known.note(p.s.body[p.toolsAt:endBefore(p.s.body, next)], size)
	p.toolsAt = 0
}
