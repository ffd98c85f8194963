package config

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

func TestSecretPrintsAsStars(t *testing.T) {
	const value = "sk-or-v1-0123456789abcdef"
	s := NewSecret(value)
	type holder struct {
		Key    Secret
		hidden Secret
		Keys   []Secret
		Table  map[string]Secret
	}
	h := holder{s, s, []Secret{s}, map[string]Secret{"X-Key": s}}
	var shown []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%p", "%10.3s", "%w"} {
		shown = append(shown, fmt.Sprintf(verb, s), fmt.Sprintf(verb, &s), fmt.Sprintf(verb, h), fmt.Sprintf(verb, &h))
	}
	for _, encode := range []func(any) ([]byte, error){json.Marshal, marshalYAML, func(any) ([]byte, error) { return xml.Marshal(s) }} {
		b, err := encode(h)
		if err != nil {
			t.Fatal(err)
		}
		shown = append(shown, string(b))
	}
	shown = append(shown, fmt.Errorf("bad key: %v", s).Error(), s.Masked())
	for _, text := range shown {
		if strings.Contains(text, "0123456789") || strings.Contains(strings.ToLower(text), fmt.Sprintf("%x", value[:8])) {
			t.Errorf("shows the secret: %s", text)
		}
	}
}

func marshalYAML(v any) ([]byte, error) { return yaml.Dump(v) }

func TestMasked(t *testing.T) {
	for value, want := range map[string]string{"": "", "short": "****", "12345678901": "****", "sk-or-v1-0123456789abcdef": "****cdef"} {
		if got := NewSecret(value).Masked(); got != want {
			t.Errorf("%q is masked as %q, want %q", value, got, want)
		}
	}
}
