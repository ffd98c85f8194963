package openai

import (
	"bytes"
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
	names  pairs        // of the body, for the names in it
	noted  bool         // names holds them; without it any name may be there
	html   bool
	edge   bool // it is not the provider that speaks, but what stands before it
	opaque bool // a body that is neither empty nor JSON

	own      voice  // what the provider says
	upstream voice  // what it quotes of the host behind it
	param    string // the request field that it names

	meta         gjson.Result       // OpenRouter's metadata
	availability gjson.Result       // OpenRouter's availability
	limitSource  string             // OpenRouter's metadata.limit_source
	quotaWindow  window             // Google's quotaId
	quotaZero    bool               // Google's quotaValue
	quotas       []fallback.Reading // what both say

	bucket bucketReset // the spent counters in the headers
	hint   hint        // what all of it says about the wait
	proven bool        // the window is a typed one, and the dialect says when it ends
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
	v := &evidence{dialect: d, now: theirTime(header, now), header: header, status: status}
	body = bytes.TrimSpace(unmarked(body))
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

// get is what stands at a path of a document in the answer. Most that is asked for is nowhere in the body.
func (v *evidence) get(doc gjson.Result, path string) gjson.Result {
	if v.noted {
		if name, _, _ := strings.Cut(path, "."); !v.names.may(name) {
			return gjson.Result{}
		}
	}
	return doc.Get(path)
}

// note makes the table of the names that the body may hold, unless some may be written in escapes. Good answers do without.
func (v *evidence) note() {
	if v.noted = !strings.Contains(v.doc.Raw, `\u`); v.noted {
		v.names.add(v.doc.Raw)
	}
}

// firstString is the first text that stands at one of the paths.
func (v *evidence) firstString(e gjson.Result, paths ...string) string {
	for _, path := range paths {
		if s := v.get(e, path); s.Type == gjson.String && s.Str != "" {
			return s.Str
		}
	}
	return ""
}

// findError finds the error object of the answer. One that is too large to be read is an error without words.
func (v *evidence) findError(success bool) (found bool) {
	e, found := v.errorIn(v.doc, success)
	if len(e.Raw) > maxError {
		e = gjson.Result{}
	}
	if found {
		v.doc, v.err = unlisted(v.doc), v.innermost(e)
	}
	return found
}

// innermost takes off what gateways put around an error: lists, and objects that hold one and say nothing themselves.
func (v *evidence) innermost(e gjson.Result) gjson.Result {
	for range maxNesting {
		if e = unlisted(e); !e.IsObject() || v.firstString(e, "message", "msg", "title") != "" {
			return e
		}
		inner := e
		for _, place := range [...]string{"error", "errors", "detail", "message"} {
			if in := unlisted(v.get(e, place)); in.IsObject() && (place != "detail" || !in.Get("loc").Exists()) {
				inner = in
				break
			}
		}
		if inner.Index == e.Index && len(inner.Raw) == len(e.Raw) {
			return e
		}
		e = inner
	}
	return e
}

// unlisted is the first of a list, or what is none.
func unlisted(doc gjson.Result) gjson.Result {
	for range maxNesting {
		if !doc.IsArray() {
			break
		}
		doc = doc.Get("0")
	}
	return doc
}

// listen reads the error object, or else the text that came in its place.
func (v *evidence) listen(body []byte) {
	v.note()
	switch {
	case v.err.IsObject():
		whole := v.err
		v.hear(whole, &v.own, 0)
		v.readTyped(whole)
		v.readTyped(v.err) // which is now the document within the message, if there is one
	case v.err.Type == gjson.String:
		v.hearText(v.err.Str, &v.own, 0)
		if v.doc.IsObject() {
			v.codesBeside(v.doc, &v.own)
			v.hearText(v.firstString(v.doc, "message", "detail"), &v.own, 0)
		}
	case v.doc.Type == gjson.String:
		v.own.say(v.doc.Str)
	default:
		v.own.say(opaqueText(body, v.html))
	}
	v.hearForeign()
	v.edge = v.html || v.get(v.doc, "cloudflare_error").Type == gjson.True || v.err.IsObject() && v.get(v.err, "cloudflare_error").Type == gjson.True
	v.own.finish()
	v.upstream.finish()
}

// readTyped reads the fields that one provider alone has.
func (v *evidence) readTyped(e gjson.Result) {
	if !v.meta.Exists() && !v.availability.Exists() {
		v.hearOpenRouter(e)
	}
	v.readQuota(e)
}

// ownStatus is the status that the error object gives itself, 0 when it gives none.
func (v *evidence) ownStatus() int {
	codes := v.own.codes
	if v.err.IsObject() {
		for _, place := range [...]string{"http_status", "http_code", "status_code", "statusCode", "raw_status_code"} {
			codes = append(codes, scalar(v.get(v.err, place)))
		}
	}
	for _, code := range codes {
		if n, ok := parseNumber(code); ok && n >= 100 && n <= 599 {
			return int(n)
		}
	}
	for _, code := range v.own.codes {
		if status, ok := statusOf[code]; ok {
			return status
		}
		if family, _, _ := strings.Cut(code, "."); statusOf[family] != 0 {
			return statusOf[family]
		}
	}
	return 0
}

// fromUpstream says whether the provider speaks of the host behind it.
func (v *evidence) fromUpstream() bool {
	for _, place := range [...]string{"raw", "provider_name", "provider_code"} {
		if v.get(v.meta, place).String() != "" {
			return true
		}
	}
	if v.own.hasCode([]string{"*usagelimiterror"}) {
		return false // OpenCode's own, though its text names a provider
	}
	typed := v.get(v.meta, "error_type").Str == "rate_limit_exceeded" || v.err.IsObject() && v.get(v.err, "error_type").Str == "rate_limit_exceeded"
	return typed || v.own.has(upstreamWords)
}
