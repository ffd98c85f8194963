package main

import (
	"strings"
	"testing"

	"freefall/internal/config"
)

// What people write for an address is understood; what could be read in two ways, or leads elsewhere, is not.
func TestAddress(t *testing.T) {
	for text, want := range map[string]string{
		"http://localhost:8000":       "http://localhost:8000",
		"localhost:8000":              "http://localhost:8000",
		"127.0.0.1:8000/":             "http://127.0.0.1:8000",
		"http://localhost:8000/v1":    "http://localhost:8000",
		"http://localhost:8000/v1//":  "http://localhost:8000",
		"https://llm.example.org/ai/": "https://llm.example.org/ai",
		"[::1]:8000":                  "http://[::1]:8000",
		"ftp://localhost":             "",
		"http:/localhost":             "",
		"http://":                     "",
		":8000":                       "",
		"http://h:port":               "",
		"http://h/?x=1":               "",
		"a b":                         "",
	} {
		got, err := address("--url", text, config.Options{})
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", text, got, err)
		}
		if err != nil && (exitCode(err) != 2 || !strings.HasPrefix(err.Error(), "--url wants an address such as http://127.0.0.1:8000")) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
