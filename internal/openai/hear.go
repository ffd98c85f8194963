package openai

import (
	"strings"

	"github.com/tidwall/gjson"
)

// hear adds what one error object says to a voice. A message that is, or holds, a JSON document is heard instead of quoted.
func (v *evidence) hear(e gjson.Result, w *voice, depth int) {
	for _, place := range [...]string{"error_type", "metadata.error_type", "code", "Code", "innererror.code", "type", "status"} {
		w.code(v.get(e, place))
	}
	eachObject(v.get(e, "details"), func(detail gjson.Result) { w.code(detail.Get("reason")) })
	if v.param == "" && w == &v.own {
		v.param = v.get(e, "param").String()
	}
	for _, place := range [...]string{"message", "msg", "title", "detail", "error", "Message", "Msg", "status_msg", "error_msg", "error_message", "description"} {
		switch said := v.get(e, place); {
		case said.Type == gjson.String:
			v.hearText(said.Str, w, depth)
		case said.IsObject() && depth < maxNesting:
			v.hear(said, w, depth+1)
		case said.IsArray():
			v.hearComplaints(said, w)
		}
	}
}

// hearText adds a text, or the error object that it holds as JSON.
func (v *evidence) hearText(s string, w *voice, depth int) {
	var e gjson.Result
	found := false
	inner, ok := nestedDocument(s)
	if ok = ok && (v.mayQuoteErrors() || len(inner.Raw) == len(strings.TrimSpace(s)) || strings.HasPrefix(s, "Error from provider")); !ok && v.mayQuoteErrors() {
		inner, ok = nestedRepr(s)
	}
	if ok && depth < maxNesting {
		e, found = v.errorIn(inner, false)
		e = v.innermost(e)
	}
	if found && w == &v.own {
		if v.err = e; !e.IsObject() {
			v.err = inner // whose fields stand beside the text
		}
	}
	switch {
	case !found:
		w.say(s)
	case e.IsObject():
		v.hear(e, w, depth+1)
	default:
		v.codesBeside(inner, w)
		w.say(e.String())
		w.say(v.firstString(inner, "message", "detail"))
	}
}

// codesBeside takes the typed words that stand beside an error that is a text.
func (v *evidence) codesBeside(doc gjson.Result, w *voice) {
	for _, place := range [...]string{"error_type", "code", "type"} {
		w.code(v.get(doc, place))
	}
}

// mayQuoteErrors says whether JSON in the middle of a message is an error that was passed on. In a complaint about the
// request it may as well be the client's own.
func (v *evidence) mayQuoteErrors() bool { return v.status == 429 || v.status >= 500 }

// nestedDocument finds a JSON document in a text: the whole of it, or what follows a few words of a gateway.
func nestedDocument(s string) (doc gjson.Result, ok bool) {
	from, to := strings.IndexAny(s, "{["), strings.LastIndexAny(s, "}]")
	if from < 0 || to < from || from > maxLead || !validShallow([]byte(s[from:to+1])) {
		return doc, false
	}
	return gjson.Parse(s[from : to+1]), true
}

// hearComplaints reads a validator's list: a text, or {type, loc, msg} each.
func (v *evidence) hearComplaints(list gjson.Result, w *voice) {
	if first := list.Get("0"); first.Type == gjson.String {
		w.say(first.Str)
	}
	eachObject(list, func(c gjson.Result) {
		w.code(c.Get("type"))
		w.say(c.Get("msg").String())
		if v.param == "" {
			v.param = location(c.Get("loc"))
		}
	})
}

// eachObject visits the objects of a list, the first few of them.
func eachObject(list gjson.Result, visit func(gjson.Result)) {
	if !list.IsArray() {
		return
	}
	n := 0
	list.ForEach(func(_, e gjson.Result) bool {
		if e.IsObject() {
			visit(e)
		}
		n++
		return n < 16
	})
}

// location writes ["body","messages",0,"content"] as messages[0].content.
func location(loc gjson.Result) string {
	var b strings.Builder
	if !loc.IsArray() {
		return ""
	}
	loc.ForEach(func(_, part gjson.Result) bool {
		switch {
		case part.Type == gjson.Number:
			b.WriteString("[" + part.Raw + "]")
		case part.Str == "body" && b.Len() == 0:
		default:
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(part.Str)
		}
		return b.Len() < 200
	})
	return b.String()
}

// hearOpenRouter reads what only OpenRouter says: its typed reasons, and what it quotes of the host behind it.
func (v *evidence) hearOpenRouter(e gjson.Result) {
	v.meta = v.get(e, "metadata")
	if v.availability = v.get(e, "availability"); !v.availability.Exists() {
		v.availability = v.get(v.meta, "availability")
	}
	v.limitSource = lowerASCII(v.get(v.meta, "limit_source").String())
	switch raw := v.get(v.meta, "raw"); {
	case raw.Type == gjson.String:
		v.hearText(raw.Str, &v.upstream, 0)
	case raw.IsObject():
		v.hearText(raw.Raw, &v.upstream, 0)
	}
}
