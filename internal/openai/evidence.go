package openai

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"freefall/fallback"
)

// evidence is what one answer says of itself, gathered once and judged by the tables of rules.go.
type evidence struct {
	dialect *Dialect
	now     time.Time
	header  func(name string) string

	status int          // by which it is judged: the HTTP status, or the error's own code where that was a success
	doc    gjson.Result // the body, if it is JSON
	err    gjson.Result // the error object in it
	html   bool
	opaque bool // a body that is neither empty nor JSON

	own      voice  // what the provider says
	upstream voice  // what it quotes of the host behind it
	param    string // the request field that it names

	meta         gjson.Result // OpenRouter's metadata
	availability gjson.Result // OpenRouter's availability
	limitSource  string       // OpenRouter's metadata.limit_source
	quotaWindow  window       // Google's quotaId
	quotaZero    bool         // Google's quotaValue

	bucket bucketReset // the spent counters in the headers
	hint   hint        // what all of it says about the wait
	proven bool        // the window is a typed one, and the dialect says when it ends
}

// voice is one speaker: typed words and a text. What the upstream behind a provider says of keys, money and limits
// concerns the provider's account there, not ours.
type voice struct {
	codes []string // lower case
	text  string   // one or more sentences, the client's own words hidden
	lower string   // the same, ASCII letters in lower case
}

const (
	maxNesting = 3       // JSON documents within messages
	maxText    = 4 << 10 // bytes of a message that are read
	maxError   = 1 << 20 // bytes of an error object that is read
)

// gather reads a whole answer. header may be nil.
func gather(d *Dialect, status int, header func(string) string, body []byte, now time.Time) *evidence {
	if d == nil {
		d = DialectOf("")
	}
	if header == nil {
		header = func(string) string { return "" }
	}
	v := &evidence{dialect: d, now: now, header: header, status: status}
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))
	if validShallow(body) {
		v.doc = gjson.ParseBytes(body)
		return v
	}
	v.opaque = len(body) > 0
	v.html = v.opaque && (body[0] == '<' || strings.Contains(header("content-type"), "text/html"))
	if inner, ok := nestedDocument(string(body[:min(len(body), maxText)])); ok && !v.html && status/100 != 2 {
		v.doc, v.opaque = inner, false // one event of a stream, or what a gateway wrote around it
	}
	return v
}

// validShallow says whether a document is JSON that is nested no deeper than maxDepth: the check of gjson recurses.
func validShallow(doc []byte) bool {
	depth, inString := 0, false
	for i := 0; i < len(doc); i++ {
		switch c := doc[i]; {
		case inString:
			if c == '\\' {
				i++
			}
			inString = c != '"'
		case c == '"':
			inString = true
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return false
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return gjson.ValidBytes(doc)
}

// findError finds the error object of the answer. One that is too large to be read is an error without words.
func (v *evidence) findError(success bool) (found bool) {
	if v.err, found = errorIn(v.doc, success); len(v.err.Raw) > maxError {
		v.err = gjson.Result{}
	}
	return found
}

// errorIn looks for an error object in the places where providers put one. A success (a 2xx) is no error because of a member
// that only looks like one.
func errorIn(doc gjson.Result, success bool) (e gjson.Result, found bool) {
	if doc.IsArray() {
		doc = doc.Get("0")
	}
	if !doc.IsObject() {
		return e, false
	}
	for _, place := range [...]string{"error", "errors.0", "response.error"} {
		if e := doc.Get(place); saysSomething(e) {
			return e, true
		}
	}
	if e, found = choiceError(doc); found {
		return e, true
	}
	return doc, !success || flatError(doc)
}

// saysSomething says whether a value is more than an empty text, list or object, or one of nothing but nulls.
func saysSomething(e gjson.Result) (says bool) {
	switch {
	case e.Type == gjson.String:
		return strings.TrimSpace(e.Str) != ""
	case e.Type == gjson.JSON:
		e.ForEach(func(_, member gjson.Result) bool {
			says = member.Raw != `""` && member.Type != gjson.Null
			return !says
		})
	}
	return says
}

// choiceError finds the error that broke one of the choices.
func choiceError(doc gjson.Result) (e gjson.Result, found bool) {
	choices := doc.Get("choices")
	if !choices.IsArray() {
		return e, false
	}
	choices.ForEach(func(_, choice gjson.Result) bool {
		if e = choice.Get("error"); saysSomething(e) {
			found = true
		} else if choice.Get("finish_reason").Str == "error" {
			e, found = choice, true
		}
		return !found
	})
	return e, found
}

// flatError says whether a document that came with a success is itself an error object.
func flatError(doc gjson.Result) bool {
	if doc.Get("choices").Exists() || doc.Get("object").Str == "list" {
		return false
	}
	if doc.Get("object").Str == "error" || doc.Get("type").Str == "error" || doc.Get("error").Type == gjson.True {
		return true
	}
	says := doc.Get("message").Type == gjson.String || doc.Get("title").Type == gjson.String || doc.Get("detail").Exists()
	typed := doc.Get("code").Type != gjson.Null || strings.Contains(doc.Get("type").Str, "error") || doc.Get("status").Int() >= 400
	return says && (typed || doc.Get("detail").Exists() && !doc.Get("id").Exists())
}

// listen reads the error object, or else the text that came in its place.
func (v *evidence) listen(body []byte) {
	switch {
	case v.err.IsObject():
		v.hear(v.err, &v.own, 0)
		v.hearOpenRouter(v.err)
		v.readQuota(v.err)
	case v.err.Type == gjson.String:
		v.hearText(v.err.Str, &v.own, 0)
		if v.doc.IsObject() {
			v.hearText(firstString(v.doc, "message", "detail"), &v.own, 0)
		}
	case v.doc.Type == gjson.String:
		v.own.say(v.doc.Str)
	default:
		v.own.say(opaqueText(body, v.html))
	}
	v.own.finish()
	v.upstream.finish()
}

// hear adds what one error object says to a voice. A message that is, or holds, a JSON document is heard instead of quoted.
func (v *evidence) hear(e gjson.Result, w *voice, depth int) {
	for _, place := range [...]string{"error_type", "metadata.error_type", "code", "innererror.code", "type", "status"} {
		w.code(e.Get(place))
	}
	eachObject(e.Get("details"), func(detail gjson.Result) { w.code(detail.Get("reason")) })
	if v.param == "" && w == &v.own {
		v.param = e.Get("param").String()
	}
	for _, place := range [...]string{"message", "msg", "title", "detail"} {
		switch said := e.Get(place); {
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
	if inner, ok := nestedDocument(s); ok && depth < maxNesting && (v.mayQuoteErrors() || len(inner.Raw) == len(strings.TrimSpace(s))) {
		e, found = errorIn(inner, false)
	}
	switch {
	case !found:
		w.say(s)
	case e.IsObject():
		v.hear(e, w, depth+1)
		if w == &v.own {
			v.readQuota(e)
		}
	default:
		w.say(e.String())
	}
}

// mayQuoteErrors says whether JSON in the middle of a message is an error that was passed on. In a complaint about the
// request it may as well be the client's own.
func (v *evidence) mayQuoteErrors() bool { return v.status == 429 || v.status >= 500 }

// nestedDocument finds a JSON document in a text: the whole of it, or what follows a few words of a gateway.
func nestedDocument(s string) (doc gjson.Result, ok bool) {
	from, to := strings.IndexAny(s, "{["), strings.LastIndexAny(s, "}]")
	if from < 0 || to < from || from > 200 || !validShallow([]byte(s[from:to+1])) {
		return doc, false
	}
	return gjson.Parse(s[from : to+1]), true
}

// hearComplaints reads a validator's list: {type, loc, msg} each.
func (v *evidence) hearComplaints(list gjson.Result, w *voice) {
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
	v.meta = e.Get("metadata")
	if v.availability = e.Get("availability"); !v.availability.Exists() {
		v.availability = v.meta.Get("availability")
	}
	v.limitSource = lowerASCII(v.meta.Get("limit_source").String())
	switch raw := v.meta.Get("raw"); {
	case raw.Type == gjson.String:
		v.hearText(raw.Str, &v.upstream, 0)
	case raw.IsObject():
		v.hearText(raw.Raw, &v.upstream, 0)
	}
}

// readQuota reads Google's QuotaFailure: which windows are spent, and whether one of them was never open.
func (v *evidence) readQuota(e gjson.Result) {
	eachObject(e.Get("details"), func(detail gjson.Result) {
		eachObject(detail.Get("violations"), func(q gjson.Result) {
			id := lowerASCII(q.Get("quotaId").String())
			if strings.Contains(id, "perday") {
				v.quotaWindow = max(v.quotaWindow, perDay)
			} else if strings.Contains(id, "perminute") {
				v.quotaWindow = max(v.quotaWindow, perMinute)
			}
			v.quotaZero = v.quotaZero || q.Get("quotaValue").String() == "0"
		})
	})
}

// ownStatus is the status that the error object gives itself, 0 when it gives none.
func (v *evidence) ownStatus() int {
	for _, place := range [...]string{"code", "http_status", "status", "status_code", "statusCode", "raw_status_code"} {
		if n, ok := parseNumber(scalar(v.err.Get(place))); ok && n >= 100 && n <= 599 {
			return int(n)
		}
	}
	for _, code := range v.own.codes {
		if status, ok := statusOf[code]; ok {
			return status
		}
	}
	return 0
}

// fromUpstream says whether the provider speaks of the host behind it.
func (v *evidence) fromUpstream() bool {
	for _, place := range [...]string{"raw", "provider_name", "provider_code"} {
		if v.meta.Get(place).String() != "" {
			return true
		}
	}
	return firstString(v.err, "error_type", "metadata.error_type") == "rate_limit_exceeded" || v.own.has(upstreamWords)
}

func (w *voice) code(r gjson.Result) {
	if s := scalar(r); s != "" && len(s) <= 100 && len(w.codes) < 32 {
		w.codes = append(w.codes, lowerASCII(s))
	}
}

func (w *voice) say(s string) {
	s = s[:min(len(s), maxText-min(len(w.text), maxText))]
	if s = strings.TrimSpace(s); s != "" && !strings.Contains(w.text, s) {
		w.text = joinSentences(w.text, s)
	}
}

// finish hides the client's words and makes the text ready to be searched.
func (w *voice) finish() {
	w.text = hideEchoes(w.text)
	w.lower = lowerASCII(w.text)
}

func (w *voice) has(phrases []string) bool {
	for _, p := range phrases {
		if containsPhrase(w.lower, p) {
			return true
		}
	}
	return false
}

// hasCode says whether one of the typed words is one of these.
func (w *voice) hasCode(codes []string) bool {
	for _, code := range w.codes {
		if slices.Contains(codes, code) {
			return true
		}
	}
	return false
}

func joinSentences(a, b string) string {
	switch {
	case a == "":
		return b
	case b == "":
		return a
	}
	return a + ": " + b
}

func firstString(e gjson.Result, paths ...string) string {
	for _, path := range paths {
		if s := e.Get(path); s.Type == gjson.String && s.Str != "" {
			return s.Str
		}
	}
	return ""
}

// usage fills in what the answer reports of its cost.
func (v *evidence) usage(o *fallback.Outcome) {
	u := v.doc.Get("usage")
	if !u.IsObject() {
		u = v.doc.Get("x_groq.usage")
	}
	o.InputTokens = tokensIn(u, "prompt_tokens", "input_tokens")
	o.OutputTokens = tokensIn(u, "completion_tokens", "output_tokens")
	if cost := u.Get("cost").Float(); cost > 0 {
		o.CostUSD = cost
	}
}

// tokensIn reads a count, which no hostile number may turn into a debt.
func tokensIn(u gjson.Result, names ...string) int {
	for _, name := range names {
		if n := u.Get(name); n.Type == gjson.Number {
			return int(min(max(n.Num, 0), 1<<31-1))
		}
	}
	return 0
}
