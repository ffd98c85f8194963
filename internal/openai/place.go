package openai

import (
	"strings"

	"github.com/tidwall/gjson"
)

// errorIn looks for an error object in the places where providers put one. A success (a 2xx) is no error because of a member
// that only looks like one.
func (v *evidence) errorIn(doc gjson.Result, success bool) (e gjson.Result, found bool) {
	if doc = unlisted(doc); !doc.IsObject() {
		return e, false
	}
	for _, place := range [...]string{"error", "errors.0", "response.error", "x_groq.error"} {
		if e := v.get(doc, place); saysSomething(e) {
			return e, true
		}
	}
	if e, found = v.choiceError(doc); found {
		return e, true
	}
	if isText(v.get(doc, "error_message")) { // beside what may be choices
		return doc, true
	}
	if success && v.get(doc, "choices").IsArray() {
		return doc, false
	}
	if success && (v.get(doc, "data.0").IsObject() || v.get(doc, "output.0").IsObject() || v.get(doc, "content.0").IsObject()) {
		return doc, v.flatError(doc)
	}
	if e, found = v.foreignError(doc); found {
		return e, true
	}
	return doc, !success || v.flatError(doc)
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
func (v *evidence) choiceError(doc gjson.Result) (e gjson.Result, found bool) {
	choices := v.get(doc, "choices")
	if !choices.IsArray() {
		return e, false
	}
	choices.ForEach(func(_, choice gjson.Result) bool {
		if e = v.get(choice, "error"); saysSomething(e) {
			found = true
		} else if choice.Get("finish_reason").Str == "error" {
			e, found = choice, true
		}
		return !found
	})
	return e, found
}

// flatError says whether a document that came with a success is itself an error object.
func (v *evidence) flatError(doc gjson.Result) bool {
	if v.get(doc, "choices").Exists() || v.get(doc, "object").Str == "list" {
		return false
	}
	if v.get(doc, "object").Str == "error" || v.get(doc, "type").Str == "error" || v.get(doc, "error").Type == gjson.True {
		return true
	}
	says := v.get(doc, "message").Type == gjson.String || v.get(doc, "title").Type == gjson.String || v.get(doc, "detail").Exists()
	if n := v.get(doc, "code").Int(); n >= 400 && n <= 599 && v.get(doc, "msg").Type == gjson.String {
		return true
	}
	typed := v.get(doc, "code").Type != gjson.Null || strings.Contains(v.get(doc, "type").Str, "error") || v.get(doc, "status").Int() >= 400 || v.get(doc, "statusCode").Int() >= 400
	return says && (typed || v.get(doc, "detail").Exists() && !v.get(doc, "id").Exists())
}
