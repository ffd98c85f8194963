package openai

import (
	"time"

	"github.com/tidwall/gjson"
)

const maxClientMessage = 500 // runes of the upstream's words that the client gets

// ClientError takes the upstream's own words for the client whose fault an error is: message, type, param and code, cleaned;
// nothing else of the answer. The status is kept, or where the error came with a success it is the error's own.
func ClientError(status int, body []byte) *Error {
	v := gather(nil, status, nil, body, time.Time{})
	e := &Error{Status: status, Type: "invalid_request_error", Message: "the provider refused the request without saying why"}
	if v.findError(status/100 == 2) {
		v.quote(e)
	}
	if status/100 == 2 {
		e.Status = v.ownStatus()
	}
	if e.Status < 400 || e.Status > 599 {
		e.Status = 400
	}
	return e
}

// quote copies what the error object says of the request.
func (v *evidence) quote(e *Error) {
	if v.err.Type == gjson.String {
		v.own.say(v.err.Str)
	} else {
		v.hear(v.err, &v.own, 0)
		e.Param = Clean(v.param, 200)
		e.Code = Clean(scalar(v.err.Get("code")), 100)
	}
	if t := v.firstString(v.err, "type"); t != "" && v.err.IsObject() {
		e.Type = Clean(t, 100)
	}
	if m := Clean(v.own.text, maxClientMessage); m != "" {
		e.Message = m
	}
}
