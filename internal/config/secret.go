package config

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"
	"unicode"
)

const stars = "****"

// Secret is a credential. It prints as stars with every verb, in JSON and in YAML; only Reveal gives it away. The value
// stands behind a pointer because fmt prints the inside of unexported fields without asking their methods.
type Secret struct{ value *string }

// NewSecret hides a value.
func NewSecret(value string) Secret {
	if value == "" {
		return Secret{}
	}
	return Secret{&value}
}

// Reveal gives the value, to be sent or compared and nothing else.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsZero says whether there is none.
func (s Secret) IsZero() bool { return s.value == nil }

// Equal compares in constant time.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(other.Reveal())) == 1
}

// Masked shows the last four characters of a secret that is long enough to stay one.
func (s Secret) Masked() string {
	value := s.Reveal()
	if len(value) < 12 {
		return s.String()
	}
	return stars + value[len(value)-4:]
}

// String is stars, or nothing when there is no secret.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return stars
}

// Format prints stars for every verb and flag.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.String()) }

// MarshalText hides it from JSON, YAML and XML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText takes it from the file, without the blanks and line breaks that copying leaves around it.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = NewSecret(strings.TrimSpace(string(text)))
	if strings.ContainsFunc(s.Reveal(), unicode.IsControl) {
		return errors.New("has a line break or control character within: copy it again")
	}
	return nil
}
