package openai

import (
	"strings"

	"github.com/tidwall/gjson"
)

// errorIn looks for an error object in the places where providers put one. A success (a 2xx) is no error because of a member
// that only looks like one.
func errorIn(doc gjson.Result, success bool) (e gjson.Result, found bool) {
	if doc = unlisted(doc); !doc.IsObject() {
		return e, false
	}
	for _, place := range [...]string{"error", "errors.0", "response.error", "x_groq.error"} {
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
