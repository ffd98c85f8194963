package openai

import (
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"two\r\nlines\tand \x00\x1b[31mred", "two lines and [31mred"},
		{"  blanks \u2028 \u00a0 everywhere ", "blanks everywhere"},
		{"bidi \u202eevil\u202c \u200fmark\ufeff", "bidi evil mark"},
		{"bad \xff\xc3\x28 bytes", "bad ( bytes"},
		{"한국어 🙂 stays", "한국어 🙂 stays"},
		{"Incorrect API key provided: sk-abc...xyz. See", "Incorrect API key provided: *** See"},
		{"key sk-or-v1-0123456789abcdef0123456789abcdef", "key ***"},
		{"s\x00k-or-v1-abc", "***"},
		{"gsk_abcDEF, AIzaSyD-abc_DEF; hf_AbCdEf nvapi-xyz", "***, ***; *** ***"},
		{"Authorization: Bearer abc/def+ghi= end", "Authorization: Bearer *** end"},
		{`{"Authorization":"bearer abc"}`, `{"Authorization":"bearer ***`},
		{"GET /v1?key=abc&api_key=def&x=1", "GET /v1?key=***&api_key=***&x=1"},
		{"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc", "***"},
		{"org 0123456789abcdefABCDEF in request", "org *** in request"},
		{"function 123e4567-e89b-12d3-a456-426614174000 failed", "function *** failed"},
		{"nvidia/nemotron-3-ultra-550b-a55b:free and meta-llama/llama-3.2-3b-instruct", "nvidia/nemotron-3-ultra-550b-a55b:free and meta-llama/llama-3.2-3b-instruct"},
		{"GenerateRequestsPerDayPerProjectPerModel-FreeTier", "GenerateRequestsPerDayPerProjectPerModel-FreeTier"},
		{"a task-based disk-1 risk_1", "a task-based disk-1 risk_1"},
		{"", ""},
	} {
		if got := Clean(tt.in, 300); got != tt.want {
			t.Errorf("Clean(%q)\ngot  %q\nwant %q", tt.in, got, tt.want)
		}
	}
}

func TestCleanIsBounded(t *testing.T) {
	for _, tt := range []struct {
		in, want string
		max      int
	}{
		{"abcdef", "abc…", 4},
		{"abcd", "abcd", 4},
		{"한국어한국어", "한국…", 3},
		{"abc", "", 0},
		{strings.Repeat("gsk_abc ", 1000), "*** **…", 7},
		{"a " + strings.Repeat("z", 30) + " sk-secret", "a zz…", 5},
	} {
		if got := Clean(tt.in, tt.max); got != tt.want {
			t.Errorf("Clean(%.20q, %d) = %q, want %q", tt.in, tt.max, got, tt.want)
		}
	}
	// A key that the bound cuts in two is not left as half a key.
	in := strings.Repeat("gsk_0123456789abcdef ", 17) + "0123456789abcdef0123456789abcdef"
	if got := Clean(in, 30); strings.Contains(got, "0123") {
		t.Errorf("half a key: %q", got)
	}
}

var secrets = regexp.MustCompile(`(?i)gsk_|aiza|\bsk-\w|\bbearer +[^*\s]`)

// checkClean holds for every text that Clean gives.
func checkClean(t *testing.T, s string, max int) {
	t.Helper()
	if n := utf8.RuneCountInString(s); n > max || !utf8.ValidString(s) {
		t.Errorf("%d runes, valid %v: %q", n, utf8.ValidString(s), s)
	}
	for _, r := range s {
		if !unicode.IsPrint(r) {
			t.Errorf("%U in %q", r, s)
		}
	}
	if found := secrets.FindString(s); found != "" {
		t.Errorf("%q in %q", found, s)
	}
}

func FuzzClean(f *testing.F) {
	f.Add("Bearer Bearer gsk_ x.sk-abc AIza \u202e", 20)
	f.Add("BeArer 0", 8)
	f.Fuzz(func(t *testing.T, s string, max int) {
		max &= 0x3ff
		once := Clean(s, max)
		checkClean(t, once, max)
	})
}
