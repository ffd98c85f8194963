package openai

import (
	"errors"
	"fmt"
	"slices"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"
)

// Edits is what a dialect needs changed in a body, beside the model. The keys are guarded top-level ones.
type Edits struct {
	Drop         []string    // keys to remove
	Rename       [][2]string // from, to; when the client sent both, its value of to stays
	WithTools    [][2]string // key and raw JSON value, set when the body has tools
	IncludeUsage bool        // ask for usage in the stream, when there is a stream
	ShortIDs     bool        // ids of tool calls are of exactly nine letters and digits
	SignCalls    bool        // calls go with a signature, where the model wants one
	NameResults  bool        // results of tools say which function gave them
	PlainSchemas bool        // parameters of tools are written in a few words of JSON Schema
	Refused      []string    // knobs that the model was found not to know; others are passed over
	MaxAnswer    int         // tokens that the answer may have at most; 0 = as many as the client allows
}

func (e Edits) equal(f Edits) bool {
	return slices.Equal(e.Drop, f.Drop) && slices.Equal(e.Rename, f.Rename) && slices.Equal(e.WithTools, f.WithTools) &&
		e.IncludeUsage == f.IncludeUsage && e.ShortIDs == f.ShortIDs && e.SignCalls == f.SignCalls &&
		e.NameResults == f.NameResults && e.PlainSchemas == f.PlainSchemas && slices.Equal(e.Refused, f.Refused) && e.MaxAnswer == f.MaxAnswer
}

// Outgoing gives the body for one upstream in three parts, to be written one after the other. When only the model
// differs nothing is copied: the first and the last part are the client's own bytes. The result of the last edits is
// kept, so that another attempt with the same ones costs as little. The parts must not be changed.
func (r *Request) Outgoing(model string, e Edits) ([3][]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e.SignCalls = e.SignCalls && wantsSigns(model)
	if !r.ready || !r.edits.equal(e) {
		edited, err := r.edit(e)
		if err != nil {
			return [3][]byte{}, fmt.Errorf("rewriting the request body: %w", err)
		}
		r.edits, r.edited, r.ready = e, edited, true
	}
	return r.edited.with(model), nil
}

// edit leaves out what may not go up and does what e asks for.
func (r *Request) edit(e Edits) (splice, error) {
	ed := editor{body: r.left.outOf(r.Body, 0), keys: r.seen &^ removedSet}
	for _, name := range e.Drop {
		ed.remove(name)
	}
	for _, names := range e.Rename {
		ed.rename(names[0], names[1])
	}
	if r.seen.has(chatKeys["tools"]) {
		for _, pair := range e.WithTools {
			ed.set(pair[0], "", pair[1])
		}
	}
	if e.IncludeUsage && r.Stream && !r.IncludeUsage {
		ed.set("stream_options", ".include_usage", "true")
	}
	for _, name := range e.Refused {
		ed.leaveOut(name, e.Refused)
	}
	if e.MaxAnswer > 0 && e.MaxAnswer < r.Need.MaxOutput {
		ed.shorten(e.MaxAnswer)
	}
	if e.ShortIDs && r.Need.Tools {
		ed.shortenIDs()
	}
	if e.SignCalls && r.Need.Tools {
		ed.signCalls()
	}
	if e.PlainSchemas {
		ed.plainSchemas()
	}
	if e.NameResults && r.Need.Tools {
		ed.nameResults()
	}
	switch {
	case ed.err != nil:
		return splice{}, ed.err
	case !ed.changed:
		return splice{r.left.outOf(r.asIs.before, 0), r.left.outOf(r.asIs.after, len(r.Body)-len(r.asIs.after)), r.asIs.lead, r.asIs.trail}, nil
	}
	return ed.result()
}

// editor changes top-level keys of a body that was parsed. sjson finds a key in whatever escaping it came; the paths it
// is given are our own words, never the client's.
type editor struct {
	body    []byte
	keys    seenKeys // the guarded keys that body holds
	changed bool
	err     error // the first one; nothing happens after it
}

// known gives the key, unless there was an error before. A key that is not guarded may stand in the body twice, so that
// removing it would prove nothing.
func (ed *editor) known(name string) (key guardedKey, ok bool) {
	if key, ok = chatKeys[name]; !ok && ed.err == nil {
		ed.err = fmt.Errorf("%q is not a key that can be edited", name)
	}
	return key, ed.err == nil
}

func (ed *editor) remove(name string) {
	key, ok := ed.known(name)
	if !ok || !ed.keys.has(key) {
		return
	}
	ed.body, ed.err = sjson.DeleteBytes(ed.body, name)
	ed.keys &^= seenKeys(key.bit)
	ed.changed = true
}

// set gives the key, or what stands below it, a value.
func (ed *editor) set(name, below, raw string) {
	key, ok := ed.known(name)
	if !ok {
		return
	}
	ed.body, ed.err = sjson.SetRawBytes(ed.body, name+below, []byte(raw))
	ed.keys |= seenKeys(key.bit)
	ed.changed = true
}

func (ed *editor) rename(from, to string) {
	source, _ := ed.known(from)
	target, ok := ed.known(to)
	if !ok || !ed.keys.has(source) {
		return
	}
	if !ed.keys.has(target) {
		ed.set(to, "", gjson.GetBytes(ed.body, from).Raw)
	}
	ed.remove(from)
}

// result reads the edited body again. It must be whole JSON and hold each of the keys it should, once, and no other.
func (ed *editor) result() (splice, error) {
	var seen seenKeys
	s := scanner{body: ed.body, looks: 1}
	out := splice{}
	for s.next() {
		name, err := chatKeys.admit(&s.key, &seen)
		if err != nil {
			return splice{}, err
		}
		if name == "model" {
			out = spliceAt(ed.body, s.from, s.to)
		}
	}
	switch {
	case s.err != nil:
		return splice{}, s.err
	case seen != ed.keys:
		return splice{}, errors.New("a key was not removed, or another one was")
	case out.before == nil:
		out = spliceFirst(ed.body, s.start)
	}
	return out, nil
}

// splice is a body that is open where the value of "model" belongs.
type splice struct {
	before, after []byte
	lead, trail   string // written around the value when the body has no model
}

// spliceAt opens body at the range of the model's value.
func spliceAt(body []byte, from, to int) splice {
	return splice{before: body[:from:from], after: body[to:]}
}

// spliceFirst opens body for a model that becomes the first member of the object that begins at start.
func spliceFirst(body []byte, start int) splice {
	inside := scanner{body: body, at: start + 1}
	out := spliceAt(body, start+1, start+1)
	out.lead = `"model":`
	if inside.peek() != '}' {
		out.trail = ","
	}
	return out
}

func (s splice) with(model string) [3][]byte {
	value := make([]byte, 0, len(s.lead)+len(model)+len(s.trail)+2)
	value = append(value, s.lead...)
	value = gjson.AppendJSONString(value, model)
	value = append(value, s.trail...)
	return [3][]byte{s.before, value, s.after}
}
