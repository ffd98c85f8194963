//go:build linux

package child

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// script is a program of a few lines.
func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestStartAndStop(t *testing.T) {
	const serves = `trap 'exit %' TERM
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21; do echo line-$i >&2; done
echo '{"level":"info","listen":"127.0.0.1:7","message":"ready"}' >&2
while :; do sleep 0.01; done
`
	for _, c := range []struct {
		code   string
		signal syscall.Signal
		wrong  string
	}{{"0", syscall.SIGTERM, ""}, {"3", syscall.SIGTERM, "ended with 3"}, {"0", syscall.SIGKILL, ""}} {
		p, err := Start(script(t, strings.Replace(serves, "%", c.code, 1)), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		said := strings.Split(p.Words(), "\n")
		if p.Addr != "127.0.0.1:7" || len(said) != lastLines || said[0] != "line-3" {
			t.Errorf("at %s it said %q", p.Addr, said)
		}
		err = p.Stop(c.signal)
		if (err == nil) != (c.wrong == "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("stopped by %v: %v", c.signal, err)
		}
		<-p.Ended
	}
}

func TestStartOfWhatDoesNotServe(t *testing.T) {
	_, err := Start(script(t, "echo no such key >&2; exit 2"), t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "no such key") {
		t.Errorf("%v", err)
	}
	if _, err := Start(filepath.Join(t.TempDir(), "missing"), t.TempDir()); err == nil {
		t.Error("nothing was started")
	}
}
