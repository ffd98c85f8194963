package openai

import (
	"net/http"

	"github.com/tidwall/gjson"
)

// Error is OpenAI's error object with its HTTP status. An empty Param or Code is written as null.
type Error struct {
	Status                     int
	Message, Type, Param, Code string
}

func (e *Error) Error() string { return e.Message }

// Append writes the error as the JSON body of an answer. It is valid JSON whatever the strings hold.
func (e *Error) Append(dst []byte) []byte {
	dst = append(dst, `{"error":{"message":`...)
	dst = gjson.AppendJSONString(dst, e.Message)
	dst = append(dst, `,"type":`...)
	dst = gjson.AppendJSONString(dst, e.Type)
	dst = append(dst, `,"param":`...)
	dst = appendNullable(dst, e.Param)
	dst = append(dst, `,"code":`...)
	dst = appendNullable(dst, e.Code)
	return append(dst, '}', '}')
}

func appendNullable(dst []byte, s string) []byte {
	if s == "" {
		return append(dst, "null"...)
	}
	return gjson.AppendJSONString(dst, s)
}

// refuse makes the answer to a request that no model could cure.
func refuse(code, param, message string) *Error {
	return &Error{Status: http.StatusBadRequest, Type: "invalid_request_error", Code: code, Param: param, Message: message}
}
