package openai

import (
	"strings"
	"time"
)

// DeveloperRole is OpenAI's newer name for the system's role. Many programs write it, and many models know only the older one. It is learned
// and kept like a refused knob.
const DeveloperRole = "developer"

const systemRole = `"system"`

// RefusesRole says whether a refusal is about the role of a message: in dozens of words, of which not all name it.
func RefusesRole(d *Dialect, status int, header func(name string) string, body []byte) bool {
	if status != 400 && status != 422 {
		return false
	}
	v := gather(d, status, header, body, time.Time{})
	if !v.findError(false) {
		return false
	}
	v.listen(body)
	if strings.HasSuffix(v.param, "role") {
		return true
	}
	for _, w := range [...]*voice{&v.own, &v.upstream} {
		about := indexWord(w.lower, "role") >= 0 || indexWord(w.lower, DeveloperRole) >= 0
		if about && containsAny(w.lower, roleWords) && !strings.Contains(w.lower, "alternat") {
			return true
		}
	}
	return false
}

// roleWords are what is said of a role that is not known. That roles should alternate is another matter.
var roleWords = []string{DeveloperRole, "invalid", "incorrect", "unexpected", "unknown", "unsupported", "not support", "not one of", "expected one of", "must be", "should be", "does not match"}

// hasDeveloper says whether a message is a developer's.
func (r *Request) hasDeveloper() bool {
	found := false
	for range developers(r.Body) {
		found = true
		break
	}
	return found
}

// asSystem gives the developer's messages the older role.
func (ed *editor) asSystem() {
	if ed.err != nil {
		return
	}
	var out []byte
	kept := 0
	for from, to := range developers(ed.body) {
		out = append(append(out, ed.body[kept:from]...), systemRole...)
		kept = to
	}
	if kept > 0 {
		ed.body, ed.changed = append(out, ed.body[kept:]...), true
	}
}

// developers are where the role of a message stands that is the developer's.
func developers(body []byte) func(yield func(from, to int) bool) {
	return func(yield func(from, to int) bool) {
		s := scanner{body: body}
		inMessages := false
		for s.next() {
			if s.depth == 1 {
				inMessages = s.key.is("messages")
			}
			if inMessages && s.depth == 3 && s.kind == '"' && s.key.is("role") && s.str.is(DeveloperRole) && !yield(s.from, s.to) {
				return
			}
		}
	}
}
