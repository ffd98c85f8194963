package openai

import (
	"iter"

	"github.com/tidwall/gjson"
)

// API is a way to ask for what a chat completion gives, other than a chat completion. Clients speak it, providers need not: what is
// asked for is translated to a chat request, the walk knows that one alone, and its answer is translated back.
type API interface {
	// Translate gives the chat request that asks for the same as body, and the Translator of its answer. What it gives shares no
	// memory with body.
	Translate(body []byte) (chat []byte, t Translator, e *Error)
	// AppendError writes an error as the JSON body of an answer. It holds OpenAI's error object, whatever else it holds.
	AppendError(dst []byte, e *Error) []byte
}

// Translator puts the answer to one request into the words of an API. It is used by one goroutine at a time.
type Translator interface {
	// Whole gives a chat completion in the words of the API. The completion was judged to be a good one.
	Whole(completion []byte) []byte
	// Event appends what becomes of the data of one event of a chat stream: a chunk, an object with an error, or [DONE]. Of a chunk
	// with one the first choice counts; nothing comes behind an error or [DONE].
	Event(dst, data []byte) []byte
}

// Translation takes what a client is to be sent of a chat stream, and gives what it is sent in the words of its API.
type Translation struct {
	to      Translator
	scanner Scanner
}

// NewTranslation begins the translation of one answer.
func NewTranslation(to Translator) *Translation { return &Translation{to: to} }

// Stream translates the next events, which are whole.
func (t *Translation) Stream(events []byte) []byte {
	out := make([]byte, 0, 2*len(events))
	t.scanner.Feed(events)
	for ev, ok := t.scanner.Next(); ok; ev, ok = t.scanner.Next() {
		if ev.Comment {
			out = append(out, keepAlive...)
			continue
		}
		out = t.to.Event(out, ev.Data)
	}
	return out
}

// readMembers gives the values of those top-level members of a body that keys names, raw. It refuses what is no JSON object and what could be
// read in two ways; members that keys does not name are passed over.
func readMembers(body []byte, keys keySet) (map[string]gjson.Result, *Error) {
	var seen seenKeys
	s := scanner{body: body, looks: 1}
	for s.next() {
		if _, e := keys.admit(&s.key, &seen); e != nil {
			return nil, e
		}
	}
	if s.err != nil {
		return nil, s.err
	}
	found := make(map[string]gjson.Result, len(keys))
	gjson.ParseBytes(body).ForEach(func(key, value gjson.Result) bool {
		if _, ok := keys[key.Str]; ok {
			found[key.Str] = value
		}
		return true
	})
	return found, nil
}

// elements are those of an array, one after the other: a list of them would take thirty times the bytes of short ones. Anything else has none.
func elements(list gjson.Result) iter.Seq2[int, gjson.Result] {
	return func(yield func(int, gjson.Result) bool) {
		if !list.IsArray() {
			return
		}
		i := -1
		list.ForEach(func(_, v gjson.Result) bool {
			i++
			return yield(i, v)
		})
	}
}

// thoughtsOf is the reasoning of a message or delta, if it is text. It has many names, and who uses several says the same under each.
func thoughtsOf(said gjson.Result) gjson.Result {
	for _, name := range [...]string{"reasoning_content", "reasoning", "reasoning_text", "thinking"} {
		if v := said.Get(name); isText(v) {
			return v
		}
	}
	return gjson.Result{}
}

// sent says whether a member is there and is not null.
func sent(v gjson.Result) bool { return v.Exists() && v.Type != gjson.Null }

// writer writes JSON member by member, or value by value. What it is given as raw must be JSON.
type writer struct {
	out  []byte
	more bool // a comma comes before the next value
}

// open begins an object or array; close ends it.
func (w *writer) open(c byte) {
	w.comma()
	w.out, w.more = append(w.out, c), false
}

func (w *writer) close(c byte) { w.out, w.more = append(w.out, c), true }

// key begins a member. Names are our own, plain words.
func (w *writer) key(name string) {
	w.comma()
	w.out = append(w.out, '"')
	w.out = append(w.out, name...)
	w.out, w.more = append(w.out, '"', ':'), false
}

func (w *writer) comma() {
	if w.more {
		w.out = append(w.out, ',')
	}
}

func (w *writer) raw(json string) {
	w.comma()
	w.out, w.more = append(w.out, json...), true
}

func (w *writer) text(s string) {
	w.comma()
	w.out, w.more = gjson.AppendJSONString(w.out, s), true
}

// set writes a member whose value is raw JSON.
func (w *writer) set(name, json string) {
	w.key(name)
	w.raw(json)
}

// say writes a member whose value is text.
func (w *writer) say(name, s string) {
	w.key(name)
	w.text(s)
}

// carry writes those members that were sent, under their own names.
func (w *writer) carry(from map[string]gjson.Result, names ...string) {
	for _, name := range names {
		w.carryAs(name, from[name])
	}
}

// carryAs writes a member under another name if it was sent.
func (w *writer) carryAs(name string, v gjson.Result) {
	if sent(v) {
		w.set(name, v.Raw)
	}
}
