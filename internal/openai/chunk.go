package openai

import (
	"bytes"
	"slices"

	"github.com/tidwall/sjson"
)

// chunk is what one event of a chat stream holds, as far as the relay of it cares.
type chunk struct {
	id, created []byte // raw JSON; nil when absent, blank or of another type
	model       []byte // likewise, but not nil when it is there
	misnamed    bool   // it calls itself something else than a chunk

	choices  int    // how many, -1 when the event has no list of them
	seen     uint64 // the choices that speak, one bit each
	finished uint64 // those that give their finish_reason
	calls    bool   // tool calls, or their predecessor function_call
	usage    bool   // token counts at the place where clients look for them
	usageIn  string // the path of token counts that stand elsewhere
	isError  bool   // it has an error, or ends with finish_reason "error"
	roles    uint64 // the choices that say who speaks, one bit each
	odd      bool   // a choice is not as clients rely on: a mender is needed
	noError  bool   // it has an error that says nothing

	bearing int    // how many values the client waits for
	text    [2]int // where the last of them stands that is a string, without its quotes
}

// plain says whether the chunk is text of the first choice and nothing more.
func (c *chunk) plain() bool {
	return c.choices == 1 && c.seen == 1 && c.finished == 0 && c.bearing == 1 && c.text[1] > 0
}

// Keys that may stand once in their object: readers differ in which of two they believe.
const (
	onceID = 1 << iota
	onceCreated
	onceChoices
	onceUsage
	onceIndex
	onceDelta
	onceFinish
	onceModel
)

// maxChoices bounds the choices of a chunk; nobody can ask for more.
const maxChoices = 128

// chunkReader walks over a chunk. The level of nesting and the two flags say where it is.
type chunkReader struct {
	scanner
	chunk
	inChoices, inGroq, inDelta bool

	top, member uint8 // keys seen in the chunk and in its current choice
	index       int   // of the current choice
	said        parts // of it
	broken      bool  // not the shape of a chunk
}

// parts are what a choice has been found to have.
type parts struct{ index, delta, role, end bool }

// readChunk reads one event of a chat stream; ok is false when it is not one whole JSON object, or one that no client
// could read.
func readChunk(data []byte) (c chunk, ok bool) {
	r := chunkReader{scanner: scanner{body: data}, chunk: chunk{choices: -1}, index: -1}
	for r.next() {
		switch r.depth {
		case 1:
			r.readTop()
		case 2:
			r.readSecond()
		case 3:
			if r.inChoices {
				r.readChoice()
			}
		case 4:
			if r.inDelta {
				r.readDelta()
			}
		}
	}
	r.endChoice()
	return r.chunk, r.err == nil && !r.broken
}

func (r *chunkReader) readTop() {
	r.endChoice()
	r.inChoices, r.inGroq = false, false
	switch {
	case r.key.is("id"):
		r.once(&r.top, onceID)
		if r.kind == '"' && len(r.str.raw) > 0 && len(r.str.raw) <= maxID {
			r.id = r.value()
		}
	case r.key.is("created"):
		r.once(&r.top, onceCreated)
		if v := r.value(); isWhole(v) && string(v) != "0" {
			r.created = v
		}
	case r.key.is("model"):
		r.once(&r.top, onceModel)
		r.model = []byte{} // no name, which is put in
		if r.kind == '"' && len(r.str.raw) > 0 && len(r.str.raw) <= maxID {
			r.model = r.value()
		}
	case r.key.is("object"):
		r.misnamed = r.kind != '"' || !r.str.is("chat.completion.chunk")
	case r.key.is("choices"):
		r.once(&r.top, onceChoices)
		if r.kind == '[' {
			r.inChoices, r.choices = true, 0
		}
	case r.key.is("usage"):
		r.once(&r.top, onceUsage)
		r.usage = r.kind == '{'
	case r.key.is("x_groq"):
		r.inGroq = true
	case r.key.is("error"):
		r.isError = r.isError || r.filled()
		r.noError = !r.filled()
	}
}

// readSecond reads what stands right in a member of the chunk: a choice, or Groq's own token counts.
func (r *chunkReader) readSecond() {
	switch {
	case r.inChoices:
		r.endChoice()
		r.broken = r.broken || r.kind != '{' || r.choices == maxChoices
		r.index, r.member, r.said, r.inDelta = r.choices, 0, parts{}, false
		r.choices++
	case r.inGroq && r.key.is("usage"):
		r.usageIn = "x_groq.usage"
	case r.inGroq && r.key.is("error"):
		r.isError = r.isError || r.filled()
	}
}

func (r *chunkReader) readChoice() {
	r.inDelta = false
	switch {
	case r.key.is("delta"):
		r.once(&r.member, onceDelta)
		r.inDelta = r.kind == '{'
		r.said.delta = r.inDelta
	case r.key.is("index"):
		r.once(&r.member, onceIndex)
		if n, ok := smallInt(r.value()); ok {
			r.index, r.said.index = n, true
		}
	case r.key.is("finish_reason"):
		r.once(&r.member, onceFinish)
		r.said.end = r.kind == '"' && len(r.str.raw) > 0
		r.isError = r.isError || r.said.end && r.str.is("error")
		r.odd = r.odd || r.kind != 'n' && (r.kind != '"' || r.str.escaped || !isFinish(r.str.raw))
	case r.key.is("usage"): // Moonshot's
		if r.kind == '{' && r.choices == 1 {
			r.usageIn = "choices.0.usage"
		}
	case r.key.is("error"):
		r.isError = r.isError || r.filled()
	}
}

func (r *chunkReader) readDelta() {
	switch {
	case r.key.is("tool_calls"), r.key.is("function_call"):
		r.calls = r.calls || r.filled()
		r.bear()
	case r.key.is("content"):
		r.odd = r.odd || r.kind != '"' && r.kind != 'n'
		r.bear()
	case r.key.is("role"):
		r.said.role = r.kind == '"' && r.str.is("assistant")
		r.odd = r.odd || !r.said.role && r.kind != 'n'
	case r.bears():
		r.bear()
	}
}

// bears says whether the member of a delta that was just read is one of contentPlaces.
func (r *chunkReader) bears() bool {
	return slices.ContainsFunc(contentPlaces, func(place string) bool { return r.key.is(place) })
}

// bear notes that the client may wait for the value that was just read.
func (r *chunkReader) bear() {
	if !r.filled() {
		return
	}
	r.bearing++
	if r.kind == '"' {
		r.text = [2]int{r.from + 1, r.to - 1}
	}
}

// filled says whether the value that was just read is more than null, false, "", {} or [].
func (r *chunkReader) filled() bool {
	switch r.kind {
	case '"':
		return len(r.str.raw) > 0
	case '{', '[':
		return !r.empty()
	}
	return r.kind == '0' || r.kind == 't'
}

func (r *chunkReader) value() []byte { return r.body[r.from:r.to] }

// once notes a key, and that the chunk is odd when it stood there before.
func (r *chunkReader) once(seen *uint8, key uint8) {
	r.broken = r.broken || *seen&key != 0
	*seen |= key
}

// endChoice notes the choice that has been read, whatever the order of its keys.
func (r *chunkReader) endChoice() {
	if r.index < 0 {
		return
	}
	bit := uint64(1) << min(r.index, 63)
	r.seen |= bit
	if r.said.end {
		r.finished |= bit
	}
	if r.said.role {
		r.roles |= bit
	}
	r.odd = r.odd || !r.said.index || !r.said.delta
	r.index = -1
}

// isWhole says whether a number is written in digits alone, few enough for every reader.
func isWhole(raw []byte) bool {
	for _, c := range raw {
		if c < '0' || c > '9' {
			return false
		}
	}
	return 0 < len(raw) && len(raw) <= 18
}

// smallInt reads a number of at most three digits.
func smallInt(raw []byte) (n int, ok bool) {
	for _, c := range raw {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, 0 < len(raw) && len(raw) <= 3
}

// appendFrame appends data as one event. A line end within, which JSON allows between its tokens, becomes a blank.
func appendFrame(dst, data []byte) []byte {
	dst = append(dst, "data: "...)
	from := len(dst)
	dst = append(dst, data...)
	for _, end := range []byte{'\n', '\r'} {
		for i := from; ; {
			n := bytes.IndexByte(dst[i:], end)
			if n < 0 {
				break
			}
			i += n
			dst[i] = ' '
		}
	}
	return append(dst, '\n', '\n')
}

// with gives the object with another value at path. Paths are never made of text from outside.
func with(data []byte, path, raw string) []byte {
	if out, err := sjson.SetRawBytes(data, path, []byte(raw)); err == nil {
		return out
	}
	return data
}

// without gives the object without what stands at path.
func without(data []byte, path string) []byte {
	if out, err := sjson.DeleteBytes(data, path); err == nil {
		return out
	}
	return data
}
