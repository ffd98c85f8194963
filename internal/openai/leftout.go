package openai

import "bytes"

// leftOut are the ranges of a body that may not go up, found while it is parsed: whole members, with the comma before them or, of the first
// ones, the comma behind. What is left is the object without them.
type leftOut [][2]int

// open takes up a member that may not go up.
func (l *leftOut) open(body []byte, began int) {
	if n := len(*l); n == 0 || (*l)[n-1][1] > 0 {
		*l = append(*l, [2]int{endBefore(body, began), 0})
	}
}

// close takes up the next member that may, or the end of the object.
func (l *leftOut) close(body []byte, start, at int) {
	n := len(*l)
	if n == 0 || (*l)[n-1][1] > 0 {
		return
	}
	last := &(*l)[n-1]
	if last[1] = at; last[0] > start+1 && body[at] != '}' {
		last[1] = endBefore(body, at)
	}
}

// outOf gives a part of the body, which begins at that place, without the ranges in it. When there are none it is the part itself.
func (l leftOut) outOf(part []byte, at int) []byte {
	var out []byte
	kept := 0
	for _, cut := range l {
		if from, to := cut[0]-at, cut[1]-at; from >= 0 && to <= len(part) {
			if out == nil {
				out = make([]byte, 0, len(part))
			}
			out = append(out, part[kept:from]...)
			kept = to
		}
	}
	if out == nil {
		return part
	}
	return append(out, part[kept:]...)
}

// endBefore is where what stands before a member ends: a value, or the brace that opens the object.
func endBefore(body []byte, member int) int {
	const blanks = " \t\n\r"
	before := bytes.TrimRight(body[:member], blanks)
	return len(bytes.TrimRight(bytes.TrimSuffix(before, []byte{','}), blanks))
}
