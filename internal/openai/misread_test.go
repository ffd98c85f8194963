package openai

import "testing"

// What is near to what one provider says of money, of a region, of a full window.
func TestNearMisses(t *testing.T) {
	const other = `{"object":"list","data":[{"index":0,"embedding":[0.1]}],`
	for _, tt := range []struct {
		status     int
		body, want string
	}{
		{429, msg("Rate limit reached on your current plan: 3 requests per minute"), "rate_limited key-minute next key+model backoff -"},
		{429, msg("You have reached the daily limit on your current plan"), "rate_limited key-day next key+model utc_midnight -"},
		{403, msg("Rate limit reached on your current plan: 3 requests per minute"), "rate_limited key-minute next key+model backoff -"},
		{400, msg("This model is not available in your region"), "unsupported_feature model next model config_change -"},
		{400, msg("Model is not available in your country"), "unsupported_feature model next model config_change -"},
		{400, msg("top_k must be at least 1, got -1"), "invalid_request request once none none -"},
		{200, other + `"errors":{"2":"shortened"}}`, "ok none pass none none -"},
		{200, other + `"ErrorMsg":{"Code":0,"Msg":""}}`, "ok none pass none none -"},
	} {
		if got := brief(Classify(nil, tt.status, nil, []byte(tt.body), noon)); got != tt.want {
			t.Errorf("%d %s\n\tgot  %s\n\twant %s", tt.status, tt.body, got, tt.want)
		}
	}
}
