package openai

import "github.com/tidwall/gjson"

// Providers whose own API is another one tell of errors in their own way, mostly under a success, and also where they were asked for
// OpenAI's. Their numbers are their own, and are read as the typed words that mean the same.

// foreignError finds such an error in a document without choices.
func (v *evidence) foreignError(doc gjson.Result) (e gjson.Result, found bool) {
	for _, place := range [...]string{"Response.Error", "ErrorMsg", "errors"} { // Tencent's two, ModelScope's
		if e = v.get(doc, place); e.IsObject() && saysSomething(e) {
			return e, true
		}
	}
	if e = v.get(doc, "base_resp"); e.Get("status_code").Int() != 0 {
		return e, true
	}
	return doc, v.get(doc, "error_code").Int() != 0 && v.get(doc, "error_msg").Exists()
}

// hearForeign adds the word for the number of such an error.
func (v *evidence) hearForeign() {
	if !v.doc.IsObject() {
		return
	}
	word := minimaxWords[v.get(v.doc, "base_resp.status_code").Int()]
	if v.get(v.doc, "error_msg").Exists() {
		word = baiduWords[v.get(v.doc, "error_code").Int()]
	}
	if word != "" {
		v.own.codes = append(v.own.codes, word)
	}
}

// minimaxWords are for the status_code of a base_resp (platform.minimax.io/docs, error codes).
var minimaxWords = map[int64]string{
	1000: "server_error", 1001: "timeout", 1002: "rate_limit_exceeded", 1004: "authentication_error", 1008: "insufficient_balance",
	1013: "server_error", 1024: "server_error", 1026: "content_filter", 1027: "content_filter", 1033: "server_error",
	1039: "rate_limit_exceeded", 1041: "rate_limit_exceeded", 1042: "invalid_request_error", 2013: "invalid_request_error",
	2045: "rate_limit_exceeded", 2049: "invalid_api_key", 2056: "rate_limit_exceeded", 2061: "no_access", 2064: "overloaded_error",
}

// baiduWords are for an error_code (cloud.baidu.com/doc/WENXINWORKSHOP, error codes).
var baiduWords = map[int64]string{
	1: "server_error", 2: "service_unavailable", 4: "rate_limit_exceeded", 6: "permission_denied", 13: "authentication_error",
	14: "authentication_error", 15: "authentication_error", 17: "rate_limit_exceeded", 18: "rate_limit_exceeded",
	19: "rate_limit_exceeded", 100: "authentication_error", 110: "authentication_error", 111: "authentication_error",
	336000: "server_error", 336001: "invalid_request_error", 336002: "invalid_request_error", 336003: "invalid_request_error",
	336100: "overloaded_error", 336501: "rate_limit_exceeded", 336502: "rate_limit_exceeded",
}
