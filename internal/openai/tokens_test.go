package openai

import (
	"strings"
	"testing"
)

func TestEstimateIsLowButNotBlind(t *testing.T) {
	tests := []struct {
		name, content string
		tokens        int // by o200k_base
	}{
		{"English", strings.Repeat("The quick brown fox jumps over the lazy dog, and nobody in the village ever asked it why it did so. ", 10), 231},
		{"Korean", strings.Repeat("안녕하세요. 이 문서는 무료 언어 모델을 하나의 안정적인 서비스로 묶는 방법을 설명합니다. 사용자는 기존 소프트웨어 개발 도구를 "+
			"그대로 사용할 수 있으며, 프록시는 요청마다 적절한 모델을 선택하고 한도에 도달하기 전에 다음 모델로 넘어갑니다. "+
			"모든 모델이 쉬고 있을 때에는 언제 다시 사용할 수 있는지를 정확하게 알려 줍니다. ", 10), 871},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := ParseChat([]byte(`{"messages":[{"role":"user","content":"` + tt.content + `"}]}`))
			if err != nil {
				t.Fatal(err)
			}
			if got := r.Need.Tokens; got > tt.tokens || got < tt.tokens/2 {
				t.Errorf("%d tokens estimated of %d", got, tt.tokens)
			}
		})
	}
}

// Clients that escape what is not ASCII send the same text, so it counts the same.
func TestEstimateIgnoresTheSpelling(t *testing.T) {
	tests := []struct{ name, plain, escaped string }{
		{"Korean", "한국어 문장", `\ud55c\uad6d\uc5b4 \ubb38\uc7a5`},
		{"accents", "éàü", `\u00e9\u00e0\u00fc`},
		{"beyond the plane", "😀😀", `\ud83d\ude00\ud83d\ude00`},
		{"ASCII", `a/b"c`, `\u0061\/b\"c`},
		{"whole run", strings.Repeat("한", 50), strings.Repeat(`\ud55c`, 50)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := scanner{body: []byte(`{"a":"` + tt.escaped + `"}`)}
			if !s.next() {
				t.Fatal(s.err)
			}
			if s.str.String() != tt.plain {
				t.Fatalf("reads as %q", s.str.String())
			}
			ascii := strings.IndexFunc(tt.plain, func(r rune) bool { return r >= 0x80 }) < 0
			if got := s.size.ascii + s.size.wide; got != len(tt.plain) || ascii != (s.size.wide == 0) {
				t.Errorf("size %+v of %d bytes", s.size, len(tt.plain))
			}
		})
	}
}

func TestEstimateSkipsFiles(t *testing.T) {
	blob := strings.Repeat("QUJD", 10_000)
	for _, part := range []string{
		`{"type":"image_url","image_url":{"url":"data:image/png;base64,` + blob + `"}}`,
		`{"type":"input_audio","input_audio":{"data":"` + blob + `","format":"wav"}}`,
		`{"type":"file","file":{"file_data":"` + blob + `"}}`,
	} {
		r, err := ParseChat([]byte(`{"messages":[{"role":"user","content":[` + part + `]}]}`))
		if err != nil {
			t.Fatal(err)
		}
		if r.Need.Tokens > 10 {
			t.Errorf("%.40s: %d tokens", part, r.Need.Tokens)
		}
	}
}

func TestEstimateCountsTools(t *testing.T) {
	text := strings.Repeat("word ", 1000)
	for _, tools := range []string{
		`"tools":[{"type":"function","function":{"description":"` + text + `"}}]`,
		`"functions":[{"description":"` + text + `"}]`,
	} {
		r, err := ParseChat([]byte(`{"messages":[],` + tools + `}`))
		if err != nil {
			t.Fatal(err)
		}
		if r.Need.Tokens < 1000 {
			t.Errorf("%.20s: %d tokens", tools, r.Need.Tokens)
		}
	}
}
