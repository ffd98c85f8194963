package main

import (
	"fmt"
	"net"
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

// What the log and the demo name can be asked: "[::]:8000" is no address of a browser.
func TestWhatIsServedCanBeAsked(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", ":0", "[::]:0", "127.0.0.1:0"} {
		ln, url, err := listenFor(addr, "--listen")
		if err != nil {
			t.Fatal(err)
		}
		ln.Close()
		if want := fmt.Sprintf("http://127.0.0.1:%d", ln.Addr().(*net.TCPAddr).Port); url != want {
			t.Errorf("%s: %s, want %s", addr, url, want)
		}
	}
}
