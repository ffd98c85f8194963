package openai

import (
	"encoding/json"
	"testing"
)

func TestErrorAppend(t *testing.T) {
	tests := []struct {
		err  Error
		want string
	}{
		{Error{Message: "no", Type: "invalid_request_error"}, `{"error":{"message":"no","type":"invalid_request_error","param":null,"code":null}}`},
		{Error{Message: "no", Type: "x", Param: "model", Code: "c"}, `{"error":{"message":"no","type":"x","param":"model","code":"c"}}`},
		{Error{Message: "a\"\\\n\x00\x7f한"}, `{"error":{"message":"a\"\\\n\u0000` + "\x7f" + `한","type":"","param":null,"code":null}}`},
		{Error{Message: "\xff<b>"}, `{"error":{"message":"` + "\uFFFD" + `\u003cb\u003e","type":"","param":null,"code":null}}`},
	}
	for _, tt := range tests {
		got := tt.err.Append([]byte("x"))
		if string(got) != "x"+tt.want {
			t.Errorf("got  %s\nwant x%s", got, tt.want)
		}
		if !json.Valid(got[1:]) {
			t.Errorf("not JSON: %s", got[1:])
		}
	}
}
