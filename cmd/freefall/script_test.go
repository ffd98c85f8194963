package main

import (
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// The stories of a person at a terminal. Each script has a folder of its own, $BUSY, an address that is taken, $FREE, and $FREE2,
// that are not, and $SCHEMA, the committed schema.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			busy, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			e.Defer(func() { busy.Close() })
			free, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			other, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			e.Setenv("BUSY", busy.Addr().String())
			e.Setenv("FREE", free.Addr().String())
			e.Setenv("FREE2", other.Addr().String())
			if err := other.Close(); err != nil {
				return err
			}
			schema, err := filepath.Abs(filepath.Join("..", "..", "internal", "config", "schema.json"))
			if err != nil {
				return err
			}
			e.Setenv("SCHEMA", schema)
			return free.Close()
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"healthy": healthy},
	})
}

// healthy waits until a freefall that was started in the background answers: healthy ADDR.
func healthy(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: healthy ADDR")
	}
	client := http.Client{Timeout: startBound, Transport: &http.Transport{DisableKeepAlives: true}}
	for end := time.Now().Add(startBound); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if resp, err := client.Get("http://" + args[0] + "/healthz"); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
	}
	ts.Fatalf("nobody answers at %s", args[0])
}
