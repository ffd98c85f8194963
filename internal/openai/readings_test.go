package openai

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"freefall/fallback"
)

// told writes readings as text: "pair requests/24h 998 of 1000 reset 2m52.8s"; what is not said is "-".
func told(readings []fallback.Reading) string {
	var out []string
	for _, r := range readings {
		amount := func(n int64) string {
			if n < 0 {
				return "-"
			}
			return fmt.Sprint(n)
		}
		target := map[fallback.Target]string{fallback.TargetPair: "pair", fallback.TargetAccount: "account"}[r.Target]
		s := fmt.Sprintf("%s %s/%s %s of %s", target, r.Unit, short(r.Per), amount(r.Remaining), amount(r.Limit))
		if r.Reset != 0 {
			s += " reset " + short(r.Reset)
		}
		out = append(out, s)
	}
	return strings.Join(out, "; ")
}

func short(d time.Duration) string {
	s := d.String()
	s, _ = strings.CutSuffix(s, "h0m0s")
	if len(s) < len(d.String()) {
		return s + "h"
	}
	return s
}

// head makes a header function of lines "name: value". A name that stands twice is not said.
func head(lines string) func(string) string {
	fields := map[string]string{}
	for line := range strings.SplitSeq(lines, "\n") {
		name, value, _ := strings.Cut(line, ": ")
		fields[name] = value
	}
	return func(name string) string { return fields[name] }
}

func TestReadings(t *testing.T) {
	const groq = "x-ratelimit-limit-requests: 1000\nx-ratelimit-remaining-requests: 998\nx-ratelimit-reset-requests: 2m52.8s\n" +
		"x-ratelimit-limit-tokens: 12000\nx-ratelimit-remaining-tokens: 7563\nx-ratelimit-reset-tokens: 22.185s"
	const unnamed = "x-ratelimit-limit: 20\nx-ratelimit-remaining: 19\nx-ratelimit-reset: "
	const draft = "ratelimit-limit: 100\nratelimit-remaining: 50\nratelimit-reset: 30"
	for _, tt := range []struct {
		name, dialect string
		status        int
		headers, want string
	}{
		{"none", "groq", 200, "content-type: text/event-stream", ""},
		{"groq", "groq", 200, groq, "pair requests/24h 998 of 1000 reset 2m52.8s; pair tokens/1m0s 7563 of 12000 reset 22.185s"},
		{"groq refuses", "groq", 429, groq, "pair requests/24h 998 of 1000 reset 2m52.8s; pair tokens/1m0s 7563 of 12000 reset 22.185s"},
		{"openai", "openai", 200, strings.Replace(groq, "2m52.8s", "120ms", 1), "pair requests/1m0s 998 of 1000 reset 120ms; pair tokens/1m0s 7563 of 12000 reset 22.185s"},
		{"six minutes are no minute", "openai", 200, strings.Replace(groq, "2m52.8s", "6m0s", 1), "pair requests/0s 998 of 1000 reset 6m0s; pair tokens/1m0s 7563 of 12000 reset 22.185s"},
		{"unknown host", "nobody", 200, strings.Replace(groq, "2m52.8s", "12ms", 1), "pair requests/1m0s 998 of 1000 reset 12ms; pair tokens/1m0s 7563 of 12000 reset 22.185s"},
		{"cerebras", "cerebras", 200, "x-ratelimit-limit-requests-day: 14400\nx-ratelimit-remaining-requests-day: 14102\nx-ratelimit-reset-requests-day: 33011.382867\n" +
			"x-ratelimit-limit-tokens-minute: 60000\nx-ratelimit-remaining-tokens-minute: 41000\nx-ratelimit-reset-tokens-minute: 11.38",
			"pair requests/24h 14102 of 14400 reset 9h10m11.382867s; pair tokens/1m0s 41000 of 60000 reset 11.38s"},
		{"sambanova", "openai", 200, "x-ratelimit-limit-requests: 20\nx-ratelimit-remaining-requests: 19\nx-ratelimit-reset-requests: 1795348830\n" +
			"x-ratelimit-limit-requests-day: 400\nx-ratelimit-remaining-requests-day: 399\nx-ratelimit-reset-requests-day: 1795392000",
			"pair requests/24h 399 of 400 reset 12h; pair requests/1m0s 19 of 20 reset 30s"},
		{"by the hour", "openai", 200, "x-ratelimit-limit-requests-hour: 900\nx-ratelimit-remaining-requests-hour: 10\nx-ratelimit-reset-requests-hour: 25m",
			"pair requests/1h 10 of 900 reset 25m0s"},
		{"nous", "openai", 200, "x-ratelimit-limit-requests: 200\nx-ratelimit-remaining-requests: 198\nx-ratelimit-reset-requests: 40\nx-ratelimit-limit-requests-1h: 800\n" +
			"x-ratelimit-remaining-requests-1h: 797\nx-ratelimit-reset-requests-1h: 2211\nx-ratelimit-limit-tokens-1h: 336000000\nx-ratelimit-remaining-tokens-1h: 335000000\nx-ratelimit-reset-tokens-1h: 2211",
			"pair requests/1h 797 of 800 reset 36m51s; pair tokens/1h 335000000 of 336000000 reset 36m51s; pair requests/1m0s 198 of 200 reset 40s"},
		{"digitalocean", "openai", 200, "x-ratelimit-limit-tokens-per-minute: 100000\nx-ratelimit-remaining-tokens-per-minute: 99000\nx-ratelimit-reset-tokens-per-minute: 1795348801\n" +
			"x-ratelimit-limit-tokens-per-day: 2000000\nx-ratelimit-remaining-tokens-per-day: 5000\nx-ratelimit-reset-tokens-per-day: 1795352400",
			"pair tokens/24h 5000 of 2000000 reset 1h; pair tokens/1m0s 99000 of 100000 reset 1s"},
		{"openai, of a project", "openai", 200, "x-ratelimit-limit-tokens: 150000\nx-ratelimit-remaining-tokens: 149984\nx-ratelimit-reset-tokens: 6ms\n" +
			"x-ratelimit-limit-project-tokens: 60000\nx-ratelimit-remaining-project-tokens: 57000\nx-ratelimit-reset-project-tokens: 3s",
			"pair tokens/1m0s 57000 of 60000 reset 3s"},
		{"below nothing", "openai", 200, "x-ratelimit-limit-tokens: -1\nx-ratelimit-remaining-tokens: -1\nx-ratelimit-reset-tokens: 0", ""},
		{"anthropic", "openai", 200, "anthropic-ratelimit-requests-limit: 50\nanthropic-ratelimit-requests-remaining: 49\nanthropic-ratelimit-requests-reset: 2026-11-22T12:00:01Z\n" +
			"anthropic-ratelimit-input-tokens-limit: 40000\nanthropic-ratelimit-input-tokens-remaining: 39000\nanthropic-ratelimit-input-tokens-reset: 2026-11-22T12:00:02Z\n" +
			"anthropic-ratelimit-output-tokens-limit: 8000\nanthropic-ratelimit-output-tokens-remaining: 7000\nanthropic-ratelimit-output-tokens-reset: 2026-11-22T12:00:08Z",
			"pair requests/1m0s 49 of 50 reset 1s; pair tokens/1m0s 39000 of 40000 reset 2s"},
		{"anthropic, all tokens", "openai", 200, "anthropic-ratelimit-tokens-limit: 48000\nanthropic-ratelimit-tokens-remaining: 47000\nanthropic-ratelimit-tokens-reset: 2026-11-22T12:00:03Z\n" +
			"anthropic-ratelimit-input-tokens-limit: 40000\nanthropic-ratelimit-input-tokens-remaining: 39000\nanthropic-ratelimit-input-tokens-reset: 2026-11-22T12:00:02Z",
			"pair tokens/1m0s 47000 of 48000 reset 3s"},
		{"by type", "openai", 200, "x-ratelimit-type: UserByModelByDay\n" + unnamed + "5631", "pair requests/24h 19 of 20 reset 1h33m51s"},
		{"a window that is not named", "openai", 200, unnamed + "30", "pair requests/0s 19 of 20 reset 30s"},
		{"a window that is not named, in milliseconds", "openai", 200, unnamed + "1795348830000", "pair requests/0s 19 of 20 reset 30s"},
		{"a window that is not named and has no reset", "openai", 200, unnamed + "-", ""},
		{"a refusal's words name the window", "openai", 429, unnamed + "30", ""},
		{"openrouter counts by account", "openrouter", 200, unnamed + "30", "account requests/0s 19 of 20 reset 30s"},
		{"mistral counts by key", "mistral", 200, "x-ratelimit-limit-tokens-minute: 500000\nx-ratelimit-remaining-tokens-minute: 499000", "account tokens/1m0s 499000 of 500000"},

		{"draft", "openai", 200, draft, "pair requests/0s 50 of 100 reset 30s"},
		{"draft, refused", "openai", 429, draft, ""},
		{"draft with a policy", "openai", 429, draft + "\nratelimit-policy: 10;w=1, 100;w=60", "pair requests/1m0s 50 of 100 reset 30s"},
		{"draft with the policy beside", "openai", 200, "ratelimit-limit: 100, 100;w=3600\nratelimit-remaining: 50\nratelimit-reset: 30", "pair requests/1h 50 of 100 reset 30s"},
		{"draft as a dictionary", "openai", 200, "ratelimit: limit=100, remaining=50, reset=30\nratelimit-policy: 100;w=60", "pair requests/1m0s 50 of 100 reset 30s"},
		{"draft as a list", "openai", 200, "ratelimit: \"default\";r=50;t=30\nratelimit-policy: \"default\";q=100;w=60", "pair requests/1m0s 50 of 100 reset 30s"},
		{"draft as a list of two", "openai", 200, "ratelimit: \"a;b,c\";r=5;t=1, \"day\"; r=900; pk=:Zm9v:; t=3600\nratelimit-policy: \"day\";q=1000;w=86400, \"a;b,c\";w=1;q=10",
			"pair requests/1s 5 of 10 reset 1s; pair requests/24h 900 of 1000 reset 1h"},
		{"draft in tokens", "openai", 200, "ratelimit: \"t\";r=50;t=30\nratelimit-policy: \"t\";q=100;w=60;qu=\"tokens\"", "pair tokens/1m0s 50 of 100 reset 30s"},
		{"draft in bytes", "openai", 200, "ratelimit: \"t\";r=50;t=30\nratelimit-policy: \"t\";q=100;w=60;qu=\"content-bytes\"", ""},
		{"draft without a policy", "openai", 200, "ratelimit: \"t\";r=50;t=30", ""},
		{"draft with another's policy", "openai", 200, "ratelimit: \"t\";r=50;t=30\nratelimit-policy: \"u\";q=100;w=60", ""},
		{"draft, endless", "openai", 200, "ratelimit: \"t\";r=50;t=30" + strings.Repeat(" ", 1024) + "\nratelimit-policy: \"t\";q=100;w=60", ""},
		{"draft, endless policy", "openai", 200, draft + "\nratelimit-policy: 100;w=60" + strings.Repeat(" ", 1024), "pair requests/0s 50 of 100 reset 30s"},
		{"draft, window of ages", "openai", 200, draft + "\nratelimit-policy: 100;w=999999999999", "pair requests/768h 50 of 100 reset 30s"},
		{"draft, ninth item", "openai", 200, "ratelimit: " + strings.Repeat(`"x";r=1;t=1,`, 8) + "\"t\";r=50;t=30\nratelimit-policy: \"t\";q=100;w=60", ""},
		{"draft, open quote", "openai", 200, "ratelimit: \"t;r=50;t=30\nratelimit-policy: \"t;q=100;w=60", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := told(Readings(DialectOf(tt.dialect), tt.status, head(tt.headers), noon)); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// One bad value leaves the others alone, unless they say nothing without it.
func TestReadingsOfBadValues(t *testing.T) {
	for _, tt := range []struct{ limit, remaining, reset, want string }{
		{"20", "19", "30", "pair requests/1m0s 19 of 20 reset 30s"},
		{" 20 ", " 19 ", " 30 ", "pair requests/1m0s 19 of 20 reset 30s"},
		{"20.0", "19.0", "30.5", "pair requests/1m0s 19 of 20 reset 30.5s"},
		{"20", "0", "30", "pair requests/1m0s 0 of 20 reset 30s"},
		{"20", "20", "30", "pair requests/1m0s 20 of 20 reset 30s"},
		{"20", "21", "30", ""}, // they contradict each other
		{"20", "", "30", ""},
		{"20", "x", "30", "pair requests/1m0s - of 20 reset 30s"},
		{"20", "-1", "30", "pair requests/1m0s - of 20 reset 30s"},
		{"20", "19.5", "30", "pair requests/1m0s - of 20 reset 30s"},
		{"20", "NaN", "30", "pair requests/1m0s - of 20 reset 30s"},
		{"20", "1e1", "30", "pair requests/1m0s - of 20 reset 30s"},
		{"20", "0x1", "30", "pair requests/1m0s - of 20 reset 30s"},
		{"20", "19, 19", "30", "pair requests/1m0s - of 20 reset 30s"},
		{"", "19", "30", "pair requests/1m0s 19 of - reset 30s"},
		{"0", "19", "30", "pair requests/1m0s 19 of - reset 30s"},
		{"-20", "19", "30", "pair requests/1m0s 19 of - reset 30s"},
		{"Inf", "19", "30", "pair requests/1m0s 19 of - reset 30s"},
		{"20, 20", "19", "30", "pair requests/1m0s 19 of - reset 30s"},
		{"1000000000000", "19", "30", "pair requests/1m0s 19 of 1000000000000 reset 30s"},
		{"1000000000001", "19", "30", "pair requests/1m0s 19 of - reset 30s"},
		{strings.Repeat("9", 400), "19", "30", "pair requests/1m0s 19 of - reset 30s"},
		{"x", "x", "30", ""},
		{"20", "19", "", "pair requests/1m0s 19 of 20"},
		{"20", "19", "soon", "pair requests/1m0s 19 of 20"},
		{"20", "19", "NaN", "pair requests/1m0s 19 of 20"},
		{"20", "19", "-30", "pair requests/1m0s 19 of 20"},
		{"20", "19", "62", "pair requests/1m0s 19 of 20 reset 1m0s"}, // clocks differ
		{"20", "19", "3600", "pair requests/1m0s 19 of 20"},
		{"20", "19", "99999999999999999999", "pair requests/1m0s 19 of 20"},
		{"20", "19", "1795348810", "pair requests/1m0s 19 of 20 reset 10s"},
		{"20", "0", "1795348790", "pair requests/1m0s - of 20"}, // of a turn that is over
		{"20", "0", "0s", "pair requests/1m0s - of 20"},
		{"20", "0", "2026-11-22T11:59:59Z", "pair requests/1m0s - of 20"},
		{"", "0", "0", ""},
	} {
		fields := map[string]string{"x-ratelimit-limit-requests-minute": tt.limit, "x-ratelimit-remaining-requests-minute": tt.remaining, "x-ratelimit-reset-requests-minute": tt.reset}
		got := told(Readings(nil, 200, func(name string) string { return fields[name] }, noon))
		if got != tt.want {
			t.Errorf("%.30s, %s, %s:\ngot  %s\nwant %s", tt.limit, tt.remaining, tt.reset, got, tt.want)
		}
	}
}

func TestReadingsCostNothing(t *testing.T) {
	header := head("content-type: text/event-stream\nretry-after: 3\ndate: Sun, 22 Nov 2026 18:01:30 GMT")
	if allocs := testing.AllocsPerRun(100, func() {
		if Readings(DialectOf("groq"), 200, header, noon) != nil {
			t.Error("there is nothing to read")
		}
	}); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

// sane holds for every reading, whatever was answered.
func sane(t *testing.T, readings []fallback.Reading) {
	t.Helper()
	if len(readings) > len(buckets)+3*maxItems {
		t.Errorf("%d readings", len(readings))
	}
	for i, r := range readings {
		switch {
		case r.Target != fallback.TargetPair && r.Target != fallback.TargetAccount,
			r.Unit != fallback.Requests && r.Unit != fallback.Tokens,
			r.Limit == 0 || r.Limit < -1 || r.Limit > maxAmount,
			r.Remaining < -1 || r.Limit > 0 && r.Remaining > r.Limit,
			r.Limit < 0 && r.Remaining < 0,
			r.Per < 0 || r.Per > maxWait,
			r.Reset < 0 || r.Per > 0 && r.Reset > r.Per+2*time.Hour, // a day may have 25 hours
			r.Per == 0 && r.Reset == 0:
			t.Errorf("%+v", r)
		}
		if slices.ContainsFunc(readings[:i], func(s fallback.Reading) bool { return s.Unit == r.Unit && s.Per == r.Per }) {
			t.Errorf("twice: %s", told(readings))
		}
	}
}

func FuzzReadings(f *testing.F) {
	f.Add("groq", 200, "1000", "998", "2m52.8s", "")
	f.Add("openrouter", 429, "50", "0", "1795392000000", `"default";q=100;w=60`)
	f.Add("openai", 200, "", `"default";r=50;t=30, "b";r=1;t=2026-11-22T12:00:01Z`, "-1", `"default";q=100;w=60;qu="tokens"`)
	f.Add("openai", 200, "100, 100;w=60", "limit=100, remaining=50, reset=30", "NaN", "100;w=60")
	f.Fuzz(func(t *testing.T, dialect string, status int, limit, remaining, reset, policy string) {
		for _, family := range []string{"x-ratelimit", "anthropic", "ratelimit"} {
			sane(t, Readings(DialectOf(dialect), status, func(name string) string {
				switch {
				case !strings.HasPrefix(name, family):
					return ""
				case name == "ratelimit-policy", name == "x-ratelimit-type":
					return policy
				case name == "ratelimit", strings.Contains(name, "remaining"):
					return remaining
				case strings.Contains(name, "limit-") && strings.Contains(name, "reset"):
					return reset
				}
				return limit
			}, noon))
		}
	})
}

func BenchmarkReadings(b *testing.B) {
	for name, fields := range map[string]string{
		"none": "content-type: text/event-stream\ndate: x",
		"groq": "x-ratelimit-limit-requests: 1000\nx-ratelimit-remaining-requests: 998\nx-ratelimit-reset-requests: 2m52.8s\n" +
			"x-ratelimit-limit-tokens: 12000\nx-ratelimit-remaining-tokens: 7563\nx-ratelimit-reset-tokens: 22.185s",
	} {
		b.Run(name, func(b *testing.B) {
			d, header := DialectOf("groq"), head(fields)
			b.ReportAllocs()
			for b.Loop() {
				Readings(d, 200, header, noon)
			}
		})
	}
}
