package openai

import (
	"strings"

	"github.com/tidwall/gjson"
)

// nestedRepr finds a dictionary in a text as Python prints it, which is how gateways in Python pass an error on:
//
//	RateLimitError: Error code: 429 - {'error': {'message': "You've hit a limit", 'code': None}}
func nestedRepr(s string) (doc gjson.Result, ok bool) {
	from, to := strings.Index(s, "{'"), strings.LastIndexByte(s, '}')
	if from < 0 || to < from || from > maxLead || to-from > maxText {
		return doc, false
	}
	json := reprToJSON(s[from : to+1])
	if !validShallow([]byte(json)) {
		return doc, false
	}
	return gjson.Parse(json), true
}

// maxLead is how many bytes of a gateway's own words may stand before a document.
const maxLead = 200

var pythonWords = strings.NewReplacer("None", "null", "True", "true", "False", "false")

// reprToJSON writes the strings of a dictionary in double quotes and its constants as JSON has them. What is no dictionary becomes no
// JSON.
func reprToJSON(s string) string {
	var b strings.Builder
	for s != "" {
		i := strings.IndexAny(s, `'"`)
		if i < 0 {
			i = len(s)
		}
		b.WriteString(pythonWords.Replace(s[:i]))
		if s = s[i:]; s == "" {
			break
		}
		s = writeQuoted(&b, s)
	}
	return b.String()
}

// writeQuoted writes the string that s begins with, and gives what follows it.
func writeQuoted(b *strings.Builder, s string) (rest string) {
	quote := s[0]
	b.WriteByte('"')
	defer b.WriteByte('"')
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == quote:
			return s[i+1:]
		case c == '"':
			b.WriteString(`\"`)
		case c == '\\' && i+1 < len(s) && s[i+1] == '\'':
			b.WriteByte('\'')
			i++
		case c == '\\' && i+1 < len(s):
			b.WriteString(s[i : i+2])
			i++
		default:
			b.WriteByte(c)
		}
	}
	return ""
}
