package openai

import (
	"fmt"
	"strings"
	"testing"

	"freefall/fallback"
)

// What the recorded refusals say of windows; those that are not named say nothing.
var samplesSay = map[string]string{
	"or-429-free-day":              "account requests/24h - of 50 reset 12h",
	"or-429-free-day-limit-source": "account requests/24h - of 1000 reset 2h30m0s",
	"or-429-free-minute":           "account requests/1m0s - of 20 reset 50s",
	"groq-429-tpm":                 "pair tokens/1m0s - of 12000 reset 12s",
	"groq-429-tpd":                 "pair tokens/24h - of 100000 reset 9m39s",
	"groq-413-tpm":                 "pair tokens/1m0s - of 12000",
	"google-429-per-day":           "pair requests/24h - of 20 reset 20h",
	"google-429-per-minute":        "pair requests/1m0s - of 5 reset 34s",
	"github-429-day":               "pair requests/24h - of 50 reset 1h33m51s",
	"together-429-credit-limit":    "pair requests/1m0s - of 60",
	"cohere-429-trial-minute":      "account requests/1m0s - of 20",
	"openai-429-tpm-ms":            "pair tokens/1m0s - of 30000 reset 644ms",
	"openai-429-too-large":         "pair tokens/1m0s - of 30000",
}

// What their heads say, which is told apart.
var headsSay = map[string]string{
	"groq-429-tpm":     "pair requests/24h 998 of 1000 reset 2m52.8s; pair tokens/1m0s 7563 of 12000 reset 22.185s",
	"groq-429-tpd":     "pair tokens/1m0s 11800 of - reset 1s",
	"cerebras-429-rpm": "pair requests/24h 14102 of 14400; pair tokens/1m0s 41000 of 60000",
}

func TestLearnedFromSamples(t *testing.T) {
	said := 0
	for _, s := range readSamples(t) {
		now := s.now()
		o, learned := ClassifyAll(s.dialect(), s.Status, s.header, []byte(s.Body), now)
		if got := told(learned); got != samplesSay[s.ID] {
			t.Errorf("%s says\n     %s\nwant %s", s.ID, got, samplesSay[s.ID])
		}
		if got := told(Readings(s.dialect(), s.Status, s.header, now)); got != headsSay[s.ID] {
			t.Errorf("the head of %s says\n     %s\nwant %s", s.ID, got, headsSay[s.ID])
		}
		if o != s.classify() {
			t.Errorf("%s: two verdicts", s.ID)
		}
		if len(learned) > 0 {
			said++
		}
	}
	if said != len(samplesSay) {
		t.Errorf("%d samples say something, want %d", said, len(samplesSay))
	}
}

func TestLearned(t *testing.T) {
	google := func(quotas ...string) string {
		return `[{"error":{"code":429,"message":"quota","details":[{"violations":[` + strings.Join(quotas, ",") + `]},{"retryDelay":"36s"}]}}]`
	}
	quota := func(id, value string) string { return fmt.Sprintf(`{"quotaId":%q,"quotaValue":%s}`, id, value) }
	counters := func(message, rest string) string {
		return fmt.Sprintf(`{"error":{"message":%q,"code":429,"metadata":{"headers":{"X-RateLimit-Limit":"20","X-RateLimit-Remaining":"0","X-RateLimit-Reset":"1795348830000"}%s}}}`, message, rest)
	}
	const limits = "x-ratelimit-limit: 20\nx-ratelimit-remaining: 0\nx-ratelimit-reset: 30"
	for _, tt := range []struct {
		name, dialect string
		status        int
		headers, body string
		want          string
	}{
		// Counters, by the window that the words name.
		{"openrouter's own", "openrouter", 429, "", counters("Rate limit exceeded: free-models-per-min.", ""), "account requests/1m0s - of 20 reset 30s"},
		{"openrouter's typed source", "openrouter", 429, "", counters("Rate limit exceeded", `,"limit_source":"openrouter_free_tier_daily"`), "account requests/24h - of 20 reset 30s"},
		{"openrouter by model", "openrouter", 429, "", counters("Rate limit exceeded: limit_rpd/acme/m-5/0f3c", ""), "pair requests/24h - of 20 reset 30s"},
		{"openrouter without words", "openrouter", 429, "", counters("Rate limit exceeded", ""), ""},
		{"openrouter's host", "openrouter", 429, "", counters("Provider returned error: 5 requests per minute limit", `,"provider_name":"Chutes"`), ""},
		{"openrouter in another spelling", "openrouter", 429, "", strings.ReplaceAll(counters("free-models-per-min", ""), "X-RateLimit", "x-ratelimit"), ""},
		{"a day's counter that is over", "openrouter", 429, "", strings.Replace(counters("Rate limit exceeded: free-models-per-day.", ""), "1795348830000", "1795348790000", 1), "account requests/24h - of 20 reset 12h"},
		{"headers by words", "openai", 429, limits, msg("Requests per minute exceeded"), "pair requests/1m0s - of 20 reset 30s"},
		{"headers by type", "openai", 429, limits + "\nx-ratelimit-type: UserByModelByMinute", msg("slow"), "pair requests/1m0s - of 20 reset 30s"},
		{"headers of an unknown window", "openai", 429, limits, msg("slow"), ""},
		{"headers of a window without end", "openai", 429, limits, msg("Requests per month exceeded"), ""},

		// Google's quotas.
		{"google, both windows", "google", 429, "", google(quota("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", `"5"`), quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier", `20`)),
			"pair requests/1m0s - of 5 reset 36s; pair requests/24h - of 20 reset 20h"},
		{"google, input tokens", "google", 429, "", google(quota("GenerateContentInputTokensPerModelPerMinute-FreeTier", `"250000"`)), "pair tokens/1m0s - of 250000 reset 36s"},
		{"google, output tokens", "google", 429, "", google(quota("GenerateContentOutputTokensPerModelPerMinute", `"8000"`)), ""},
		{"google, never free", "google", 429, "", google(quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier", `"0"`)), ""},
		{"google, bad values", "google", 429, "", google(quota("RequestsPerDay", `"-5"`), quota("RequestsPerDay", `1e99`), quota("RequestsPerDay", `{"a":5}`), quota("PerDay", `"5"`), quota("Requests", `"5"`)), ""},
		{"google, in words alone", "google", 429, "", msg("* Quota exceeded for metric: generate_content_free_tier_requests, limit: 20, model: gemini-2.5-flash"), ""},

		// Words.
		{"a named window", "groq", 429, "", msg("on tokens per minute (TPM): Limit 9000, Used 8500, Requested 700. Please try again in 1.33s"), "pair tokens/1m0s - of 9000 reset 1.33s"},
		{"a named window, overdrawn", "groq", 429, "", msg("on requests per day (RPD): Limit 1000, Used 1003, Requested 1. Please try again in 2m"), "pair requests/24h - of 1000 reset 2m0s"},
		{"too large for a window", "groq", 413, "", msg("Request too large on tokens per minute (TPM): Limit 9000, Requested 16008"), "pair tokens/1m0s - of 9000"},
		{"too large for a window, with 429", "openai", 429, "", msg("Request too large on tokens per min (TPM): Limit: 9,000, Requested: 16,008"), "pair tokens/1m0s - of 9000"},
		{"too large for the window of a key", "mistral", 413, "", msg("Request too large on tokens per minute (TPM): Limit 9000, Requested 16008"), "account tokens/1m0s - of 9000"},
		{"by an abbreviation", "openai", 429, "", msg("TPM limit is 6000, RPM limit: 30"), "pair tokens/1m0s - of 6000; pair requests/1m0s - of 30"},
		{"by openrouter's word", "openrouter", 429, "", msg("Rate limit exceeded: limit_rpm 20"), "pair requests/1m0s - of 20"},
		{"so many a minute", "openai", 429, "", msg("Rate limit exceeded: 20 requests per minute"), "pair requests/1m0s - of 20"},
		{"so many a day", "openai", 429, "", msg("You have reached your limit of 50 requests per day."), "pair requests/24h - of 50"},
		{"so many a day, with a hint that is not believed", "openai", 429, "retry-after: 36", msg("limit of 50 requests per day"), "pair requests/24h - of 50"},
		{"so many a day, rolling", "groq", 429, "retry-after: 36", msg("limit of 50 requests per day"), "pair requests/24h - of 50 reset 36s"},
		{"so many, and then the word", "openai", 429, "", msg("You exceeded the 20 requests/minute limit"), "pair requests/1m0s - of 20"},
		{"at most", "openai", 429, "", msg("At most 3 requests every 10 seconds"), "pair requests/10s - of 3"},
		{"thousands", "openai", 429, "", msg("This would exceed your organization's rate limit of 50,000 input tokens per minute"), "pair tokens/1m0s - of 50000"},
		{"per 60s", "openai", 429, "", msg("Rate limit of 10 per 60s exceeded"), "pair requests/1m0s - of 10"},
		{"max", "openai", 429, "", msg("Max 100 requests / hour"), "pair requests/1h - of 100"},
		{"as a string", "openai", 429, "", `{"error":"limited to 5 calls a minute"}`, "pair requests/1m0s - of 5"},
		{"as text", "openai", 429, "", "Rate limit: 5 requests per second", "pair requests/1s - of 5"},
		{"said twice", "openai", 429, "", msg("Limit 5 requests per minute. The limit is 5 requests per minute"), "pair requests/1m0s - of 5"},
		{"a document in a message", "openai", 429, "", `{"error":{"message":"{\"error\":{\"message\":\"limit of 5 requests per minute\",\"code\":429}}"}}`, "pair requests/1m0s - of 5"},

		// Not clearly a limit.
		{"what was sent", "openai", 429, "", msg("You made 25 requests per minute, slow down"), ""},
		{"what was sent, against the limit", "openai", 429, "", msg("Limit exceeded: 25/20 requests per minute"), ""},
		{"two that contradict", "openai", 429, "", msg("limit of 5 requests per minute; limit of 6 requests per minute"), ""},
		{"an offer", "openai", 429, "", msg("Rate limit exceeded. Upgrade for a limit of 100 requests per minute"), ""},
		{"a month", "cohere", 429, "", msg("limited to 1000 API calls / month"), ""},
		{"neurons", "cloudflare", 429, "", msg("limit of 10,000 neurons per day"), ""},
		{"answers alone", "openai", 429, "", msg("limit of 8000 output tokens per minute"), ""},
		{"no window", "openai", 429, "", msg("limit of 50 requests"), ""},
		{"no whole number", "openai", 429, "", msg("limit of 0.5 requests per second"), ""},
		{"commas elsewhere", "openai", 429, "", msg("limit of 5,0 requests per second, limit of 5000,000 tokens per day"), ""},
		{"none at all", "openai", 429, "", msg("limit of 0 requests per day"), ""},
		{"more than there is", "openai", 429, "", msg("limit of 99999999999999999999 requests per day"), ""},
		{"ages", "openai", 429, "", msg("limit of 5 requests per 99999999 days"), ""},
		{"far from its window", "openai", 429, "", msg("tokens per minute are few and far between in these our days and so the limit 900 is"), ""},
		{"the size of a context", "openai", 400, "", msg("This model's maximum context length is 8192 tokens. However, you requested 9000 tokens"), ""},
		{"quoted of the client", "openai", 429, "", msg(`no: "limit of 5 requests per minute"`), ""},
		{"an outage", "openai", 500, "", msg("limit of 5 requests per minute"), ""},
		{"a wrong key", "openai", 401, "", msg("limit of 5 requests per minute"), ""},
		{"overload", "openai", 429, "", msg("overloaded; limit of 5 requests per minute"), ""},
		{"a page", "openai", 429, "content-type: text/html", "<html><title>limit of 5 requests per minute</title></html>", ""},
		{"an answer", "openai", 200, "", `{"choices":[{"message":{"content":"limit of 5 requests per minute"}}]}`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o, learned := ClassifyAll(DialectOf(tt.dialect), tt.status, head(tt.headers), []byte(tt.body), noon)
			if got := told(learned); got != tt.want {
				t.Errorf("got  %s\nwant %s\n%s", got, tt.want, brief(o))
			}
		})
	}
}

// The two ways in which midnight of the dialect's day is told.
func TestLearnedDays(t *testing.T) {
	for _, tt := range []struct{ dialect, want string }{
		{"openrouter", "pair requests/24h - of 50 reset 12h"}, {"google", "pair requests/24h - of 50 reset 20h"}, {"openai", "pair requests/24h - of 50"},
	} {
		_, learned := ClassifyAll(DialectOf(tt.dialect), 429, nil, []byte(msg("limit of 50 requests per day")), noon)
		if got := told(learned); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.dialect, got, tt.want)
		}
	}
}

func TestKeyReadings(t *testing.T) {
	daily := func(s string) string { return `{"data":{"label":"x","free_model_daily_requests":` + s + `}}` }
	for _, tt := range []struct{ body, want string }{
		{daily(`{"limit":50,"used":8,"remaining":42}`), "account requests/24h 42 of 50 reset 12h"},
		{daily(`{"limit":1000,"used":1000,"remaining":0}`), "account requests/24h 0 of 1000 reset 12h"},
		{daily(`{"limit":50,"used":52,"remaining":-2}`), "account requests/24h 0 of 50 reset 12h"},
		{daily(`{"limit":50,"used":8}`), "account requests/24h 42 of 50 reset 12h"},
		{daily(`{"limit":50,"remaining":42,"used":null}`), "account requests/24h 42 of 50 reset 12h"},
		{daily(`{"limit":50,"used":40,"remaining":42}`), "account requests/24h 10 of 50 reset 12h"}, // the careful one of two
		{daily(`{"limit":50,"used":0,"remaining":7}`), "account requests/24h 7 of 50 reset 12h"},
		{daily(`{"limit":50}`), ""},
		{daily(`{"limit":0,"used":0,"remaining":0}`), ""},
		{daily(`{"limit":-50,"used":8,"remaining":42}`), ""},
		{daily(`{"limit":"50","used":8,"remaining":42}`), ""},
		{daily(`{"limit":50.5,"used":8,"remaining":42}`), ""},
		{daily(`{"limit":1e300,"used":8,"remaining":42}`), ""},
		{daily(`{"limit":50,"remaining":51}`), ""},
		{daily(`[50,8,42]`), ""},
		{daily(`null`), ""},
		{daily(`{"limit":50,"used":8,"remaining":42`), ""},
		{`{"data":[]}`, ""}, {`[]`, ""}, {`null`, ""}, {``, ""}, {`<html>`, ""}, {`{"error":{"code":401}}`, ""},
		{strings.Repeat("[", maxKey), ""},
		{daily(`{"limit":50,"used":8,"remaining":42}`) + strings.Repeat(" ", maxKey), ""},
	} {
		if got := told(KeyReadings([]byte(tt.body), noon)); got != tt.want {
			t.Errorf("%.100s:\ngot  %s\nwant %s", tt.body, got, tt.want)
		}
	}
}

func FuzzKeyReadings(f *testing.F) {
	f.Add([]byte(`{"data":{"free_model_daily_requests":{"limit":50,"used":8,"remaining":42}}}`))
	f.Fuzz(func(t *testing.T, body []byte) { sane(t, KeyReadings(body, noon)) })
}

func FuzzLimitsIn(f *testing.F) {
	for _, s := range []string{
		"rate limit reached on tokens per minute (tpm): limit 9,000, used 8500, requested 700", "limit_rpm 20 limit_rpd: 5",
		"limit of 10 per 60s, at most 3 requests every 10 seconds, 5 api calls / hour allowed", "max 1.5 1,0 requests each day quota",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, r := range limitsIn(lowerASCII(text)) {
			r.Target = fallback.TargetPair
			sane(t, []fallback.Reading{r})
		}
	})
}
