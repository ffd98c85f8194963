package openai

import "testing"

// What a 429 says of its limit, in heads and words that gateways of all kinds use.
func TestLimitsOfGateways(t *testing.T) {
	const pair = "rate_limited key-minute next key+model "
	for _, tt := range []struct{ name, dialect, headers, body, want, learned string }{
		{"a rate without a noun", "openai", "", `{"error":"Rate limit exceeded: 10 per 1 minute"}`, pair + "backoff -", "pair requests/1m0s - of 10"},
		{"of tokens", "openai", "", `{"error":"Token rate limit reached: 90000 per minute"}`, pair + "backoff -", "pair tokens/1m0s - of 90000"},
		{"of a day", "openai", "", `{"error":"Rate limit exceeded: 200 per 1 day"}`, "rate_limited key-day next key+model utc_midnight -", "pair requests/24h - of 200"},
		{"of two", "openai", "", `{"error":"Rate limit exceeded: 200 per 2 minutes"}`, pair + "backoff -", "pair requests/2m0s - of 200"},
		{"of a class of requests", "openai", "", msg("Chat rate limit exceeded: 7 per minute"), pair + "backoff -", "pair requests/1m0s - of 7"},
		{"req/min", "openai", "", msg("rate limit exceeded: 60 req/min"), pair + "backoff -", "pair requests/1m0s - of 60"},
		{"nothing of a limit", "openai", "", msg("Rate limit exceeded. We serve 10 per 1 minute on average."), pair + "backoff -", ""},

		{"used of a limit", "openai", "", msg("Minute limit: 0 / 1600000 tokens. Day limit: 2105 / 10 tokens."), pair + "backoff -", ""},
		{"left of a limit", "openai", "", msg("Requests limit: 0 of 20 left"), pair + "backoff -", ""},
		{"none at all", "openai", "", msg("Limit: 0/1min. Current: 1/1min."), "quota_exhausted model next key+model config_change -", ""},
		{"none a day", "openai", "", msg("limit: 0 / day"), "quota_exhausted model next key+model config_change -", ""},
		{"none, in a list", "openai", "", msg("limit: 0, model: foo"), "quota_exhausted model next key+model config_change -", ""},

		{"its own limit under demand", "openrouter", "", msg("limit_rpm/foo/1. High demand for foo - limited to 3 requests per minute."), pair + "backoff -", "pair requests/1m0s - of 3"},
		{"demand alone", "openrouter", "", msg("High demand for foo"), "overloaded model-upstream next model backoff -", ""},

		{"Kong's day", "openai", "x-ratelimit-limit-day: 1000\nx-ratelimit-remaining-day: 0\nx-ratelimit-remaining-minute: 4", msg("API rate limit exceeded"), "rate_limited key-day next key+model utc_midnight -", ""},
		{"Kong's hour", "openai", "x-ratelimit-limit-hour: 90\nx-ratelimit-remaining-hour: 0\nretry-after: 600", msg("API rate limit exceeded"), pair + "retry_after 600", ""},
		{"Kong's minute", "openai", "x-ratelimit-limit-minute: 5\nx-ratelimit-remaining-minute: 0\nx-ratelimit-reset-minute: 17", msg("API rate limit exceeded"), pair + "reset_at 17", ""},
		{"a month of tokens", "mistral", "x-ratelimit-remaining-tokens-month: 0", msg("Requests rate limit exceeded"), "quota_exhausted key-month next key month_end -", ""},
		{"a month that is not over", "mistral", "x-ratelimit-remaining-tokens-month: 7", msg("Requests rate limit exceeded"), "rate_limited key-minute next key backoff -", ""},
		{"SambaNova's minute beside its day", "openai", "x-ratelimit-remaining-requests-minute: 0\nx-ratelimit-reset-requests-minute: 30\nx-ratelimit-remaining-requests-day: 4900\nx-ratelimit-reset-requests-day: 43200", msg("Rate limit exceeded"), pair + "reset_at 30", ""},
		{"SambaNova's day beside its minute", "openai", "x-ratelimit-remaining-requests-minute: 0\nx-ratelimit-reset-requests-minute: 30\nx-ratelimit-remaining-requests-day: 0\nx-ratelimit-reset-requests-day: 43200", msg("Rate limit exceeded"), "rate_limited key-day next key+model reset_at 43200", ""},
		{"the draft's fields", "openai", "ratelimit-limit: 100\nratelimit-remaining: 0\nratelimit-reset: 52\nratelimit-policy: 100;w=60", "Too many requests, please try again later.", pair + "reset_at 52", ""},
		{"Cloudflare's day by another number", "cloudflare", "", `{"errors":[{"code":3036,"message":"no"}]}`, "rate_limited key-day next account utc_midnight -", ""},
		{"today, before a word of ASCII", "openai", "", msg("您的AppId今日Token使用量已达到上限"), "rate_limited key-day next key+model utc_midnight -", ""},
	} {
		o, learned := ClassifyAll(DialectOf(tt.dialect), 429, head(tt.headers), []byte(tt.body), noon)
		if got := brief(o); got != tt.want {
			t.Errorf("%s\n\tgot  %s\n\twant %s", tt.name, got, tt.want)
		}
		if got := told(learned); got != tt.learned {
			t.Errorf("%s: learned %q, want %q", tt.name, got, tt.learned)
		}
	}
}

// A gateway of that kind tells its windows with every answer. That of a refusal says in one field when there is room again.
func TestReadingsOfKong(t *testing.T) {
	refused := told(Readings(nil, 429, head("x-ratelimit-limit-minute: 5\nx-ratelimit-remaining-minute: 0\nx-ratelimit-limit-day: 1000\nx-ratelimit-remaining-day: 991\nretry-after: 37"), noon))
	if want := "pair requests/24h 991 of 1000; pair requests/1m0s 0 of 5 reset 37s"; refused != want {
		t.Errorf("got  %s\nwant %s", refused, want)
	}
	both := told(Readings(nil, 429, head("x-ratelimit-limit-minute: 5\nx-ratelimit-remaining-minute: 0\nx-ratelimit-limit-day: 1000\nx-ratelimit-remaining-day: 0\nretry-after: 37"), noon))
	if want := "pair requests/24h 0 of 1000; pair requests/1m0s 0 of 5 reset 37s"; both != want {
		t.Errorf("got  %s\nwant %s", both, want)
	}
	got := told(Readings(nil, 200, head("x-ratelimit-limit-minute: 10\nx-ratelimit-remaining-minute: 9\nx-ratelimit-limit-day: 1000\nx-ratelimit-remaining-day: 991"), noon))
	if want := "pair requests/24h 991 of 1000; pair requests/1m0s 9 of 10"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
