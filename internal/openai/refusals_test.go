package openai

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// readRefusals reads testdata/refusals.json: refusals of more providers than errors.json knows, from public reports and documents,
// labelled before anything had judged them.
func readRefusals(t testing.TB) []sample { return samplesIn(t, "testdata/refusals.json") }

func TestRefusals(t *testing.T) {
	samples := readRefusals(t)
	if len(samples) < 840 {
		t.Fatalf("only %d samples", len(samples))
	}
	right := 0
	for _, s := range samples {
		o, learned := ClassifyAll(s.dialect(), s.Status, s.header, []byte(s.Body), s.now())
		diffs := s.wrong(o)
		if got := o.Feature.String(); got != s.Feature && s.Feature != "" {
			diffs = append(diffs, "feature "+got+", want "+s.Feature)
		}
		var limits []string
		for _, r := range learned {
			limits = append(limits, fmt.Sprintf("%s per %s = %d", r.Unit, r.Per, r.Limit))
		}
		if s.Limits != nil && !slices.Equal(limits, s.Limits) {
			diffs = append(diffs, "limits "+strings.Join(limits, ", ")+", want "+strings.Join(s.Limits, ", "))
		}
		if len(diffs) > 0 {
			t.Errorf("%s: %s\n\tmessage %q", s.ID, strings.Join(diffs, "; "), o.Message)
			continue
		}
		right++
	}
	t.Logf("refusals: %d of %d", right, len(samples))
}

// Where a wrong reading costs most: whose key, whose money, whose fault it is.
func TestDangerousDirections(t *testing.T) {
	raw := func(code int, raw string) string {
		return asJSON(map[string]any{"error": map[string]any{"message": "Provider returned error", "code": code, "metadata": map[string]any{"raw": raw, "provider_name": "Acme"}}})
	}
	for _, tt := range []struct {
		dialect string
		status  int
		body    string
		want    string
	}{
		// A host behind the provider has lost its own key, its money or its temper.
		{"openrouter", 401, raw(401, `{"error":{"message":"Invalid API key"}}`), "upstream_fault model next model backoff -"},
		{"openrouter", 402, raw(402, `{"error":{"message":"Insufficient Balance"}}`), "upstream_fault model next model backoff -"},
		{"openrouter", 403, raw(403, `{"error":{"message":"Forbidden"}}`), "upstream_fault model next model backoff -"},
		{"openrouter", 403, raw(403, "<html>403</html>"), "upstream_fault model next model backoff -"},
		// A limit under another status.
		{"openai", 403, msg("You have exceeded a secondary rate limit. Please wait a few minutes."), "rate_limited key-minute next key+model backoff -"},
		{"google", 403, msg("Quota exceeded for quota metric 'Requests per day' of this project"), "rate_limited key-day next key+model pacific_midnight -"},
		{"openai", 403, msg("You've reached your 5-hour usage limit."), "quota_exhausted key next key 1h -"},
		{"openai", 403, msg("You've reached your weekly usage limit."), "quota_exhausted key next key 24h -"},
		{"openai", 500, `{"error":{"type":"rate_limit_error","message":"slow down"}}`, "rate_limited key-minute next key+model backoff -"},
		{"google", 400, `{"error":{"status":"RESOURCE_EXHAUSTED","message":"quota"}}`, "rate_limited model-upstream next key+model backoff -"},
		{"openai", 200, `{"error":{"type":"FreeUsageLimitError","message":"Rate limit exceeded"}}`, "rate_limited key-minute next key+model backoff -"},
		{"openai", 200, `{"error":{"type":"NotFoundError","message":"gone"}}`, "model_gone model next model 24h -"},
		// The day's share is spent, not the money.
		{"openai", 429, msg("今日额度不足"), "rate_limited key-day next key+model utc_midnight -"},
		{"openai", 429, msg("24小时内请求次数已达上限"), "rate_limited key-day next key+model utc_midnight -"},
		{"openai", 429, msg("请求过于频繁，请2小时后再试"), "rate_limited key-day next key+model retry_after 7200"},
		// Invitations to pay are no lack of money.
		{"openai", 429, msg("Rate limit reached. Add a payment method and purchase more credits to raise it: see billing."), "rate_limited key-minute next key+model backoff -"},
		// What the client can mend stays its own.
		{"openai", 400, `{"error":{"message":"Invalid value: roles must alternate","param":"messages[2].role","code":"invalid_value"}}`, "invalid_request request return none none -"},
		{"openai", 400, `{"error":{"message":"Invalid type for 'tools[0]': expected an object","param":"tools[0]","code":"invalid_type"}}`, "invalid_request request return none none -"},
		// One model is closed, the key is good.
		{"openai", 403, msg("Access to model acme/m is forbidden for this key."), "payment_required key next key+model config_change -"},
		{"openai", 403, msg("Forbidden"), "auth key next key config_change -"},
	} {
		o := Classify(DialectOf(tt.dialect), tt.status, nil, []byte(tt.body), noon)
		if got := brief(o); got != tt.want {
			t.Errorf("%s %d %s\n\tgot  %s\n\twant %s", tt.dialect, tt.status, tt.body, got, tt.want)
		}
	}
}
