package openai

import "testing"

// Errors of other APIs in other numbers, wrappings and statuses than the samples have, and what only looks like one.
func TestForeignErrors(t *testing.T) {
	for _, tt := range []struct {
		status int
		body   string
		want   string
	}{
		{200, `{"base_resp":{"status_code":1002}}`, "rate_limited key-minute next key+model backoff -"},
		{200, `{"base_resp":{"status_msg":"slow down","status_code":2045},"choices":null}`, "rate_limited key-minute next key+model backoff -"},
		{200, `{"base_resp":{"status_code":2064,"status_msg":"busy"}}`, "overloaded model-upstream next model backoff -"},
		{200, `{"base_resp":{"status_code":2061,"status_msg":"no"}}`, "payment_required key next key+model config_change -"},
		{200, `{"base_resp":{"status_code":2013,"status_msg":"invalid params, invalid function arguments json string"}}`, "invalid_request request once none none -"},
		{200, `{"base_resp":{"status_code":9999,"status_msg":"rate limit, insufficient balance, invalid api key"}}`, "upstream_fault model next model backoff -"},
		{429, `{"base_resp":{"status_code":1008,"status_msg":"voice clone quota exhausted"}}`, "payment_required account next key config_change -"},
		{200, `{"error_code":6,"error_msg":"No permission to access data"}`, "auth key next key config_change -"},
		{200, `{"error_code":336100,"error_msg":"try again"}`, "overloaded model-upstream next model backoff -"},
		{200, `{"Response":{"Error":{"Code":"AuthFailure.SignatureExpire","Message":"too old"}}}`, "auth key next key config_change -"},
		{200, `{"Response":{"Error":{"Code":"LimitExceeded","Message":"slow"}}}`, "rate_limited key-minute next key+model backoff -"},
		{200, `{"code":"Throttling.Whatever","message":"slow"}`, "rate_limited key-minute next key+model backoff -"},
		{403, `{"errors":{"message":"You have no credits left"}}`, "payment_required account next account config_change -"},
		{200, `{"choices":[{"message":{"content":"hi"}}],"base_resp":{"status_code":0,"status_msg":""}}`, "ok none pass none none -"},
		{200, `{"choices":[{"message":{"content":"hi"}}],"base_resp":{"status_code":1002},"error_code":18,"error_msg":"x","errors":{"message":"x"}}`, "ok none pass none none -"},
		{200, `{"data":[{"embedding":[1]}],"object":"list","base_resp":{"status_code":0},"errors":{}}`, "ok none pass none none -"},
	} {
		if got := brief(Classify(nil, tt.status, nil, []byte(tt.body), noon)); got != tt.want {
			t.Errorf("%d %s\n\tgot  %s\n\twant %s", tt.status, tt.body, got, tt.want)
		}
	}
}

// A moment is read in the zone that stands behind it, and not at all where that is one of several or unknown.
func TestMomentsAndZones(t *testing.T) {
	for _, tt := range []struct{ moment, want string }{
		{"2026-11-22 23:05:01 +0800 CST", "reset_at 11101"},
		{"2026-11-22 23:05:01 +0800", "reset_at 11101"},
		{"2026-11-22 16:00:00+01:00", "reset_at 10800"},
		{"2026-11-22 12:30:00.5 +0000 UTC", "reset_at 1800.5"},
		{"2026-11-22T15:00:00Z", "reset_at 10800"},
		{"2026-11-22t15:00:00z", "reset_at 10800"},
		{"2026-11-22 at 15:00 utc", "reset_at 10800"},
		{"2026-11-22 15:00:00", "reset_at 10800"},
		{"2026-11-22 15:00:00 (request 5)", "reset_at 10800"},
		{"2026-11-22 15:00:00 PST", "backoff -"},
		{"2026-11-22 15:00:00 CST", "backoff -"},
		{"2026-11-22 03:04 PM", "backoff -"},
		{"2026-11-22 15:00:00 +08", "backoff -"},
	} {
		want := "rate_limited key-minute next key+model " + tt.want
		o := Classify(nil, 429, nil, []byte(msg("Slow down. It will reset at "+tt.moment+".")), noon)
		if o.RetryAfter.Hours() > 1 {
			want = "rate_limited key-day next key+model " + tt.want
		}
		if got := brief(o); got != want {
			t.Errorf("%s\n\tgot  %s\n\twant %s", tt.moment, got, want)
		}
	}
}
