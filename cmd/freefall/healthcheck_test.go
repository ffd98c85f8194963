package main

import (
	"os"
	"path/filepath"
	"testing"

	"freefall/internal/config"
)

// A broken edit of models.yaml is no illness of the proxy that runs on with the one before it.
func TestHealthcheckOutlivesABrokenFile(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "models.yaml")
	if err := os.WriteFile(broken, []byte("models: [\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for listen, want := range map[string]string{
		"0.0.0.0:8000":   "http://127.0.0.1:8000",
		":9000":          "http://127.0.0.1:9000",
		"[::]:8000":      "http://127.0.0.1:8000",
		"10.1.2.3:8000":  "http://10.1.2.3:8000",
		"127.0.0.1:8000": "http://127.0.0.1:8000",
	} {
		t.Setenv("FREEFALL_LISTEN", listen)
		if url, err := ownURL(config.Options{Path: broken}); err != nil || url != want {
			t.Errorf("at %s: %q, %v; want %s", listen, url, err, want)
		}
	}
	t.Setenv("FREEFALL_LISTEN", "")
	if _, err := ownURL(config.Options{Path: broken}); err == nil {
		t.Error("without the variable the file alone knows the address, and it is broken")
	}
}
