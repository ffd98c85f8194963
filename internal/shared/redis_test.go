//go:build linux && redis

package shared

import (
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"freefall/fallback"
)

// redis is a server behind a socket of its own.
type redis struct {
	t    *testing.T
	sock string
	cmd  *exec.Cmd
}

func startRedis(t *testing.T, args ...string) *redis {
	t.Helper()
	r := &redis{t: t, sock: t.TempDir() + "/r"}
	r.start(args...)
	t.Cleanup(r.kill)
	return r
}

func (r *redis) start(args ...string) {
	r.t.Helper()
	r.cmd = exec.Command("redis-server", append([]string{"--port", "0", "--unixsocket", r.sock, "--save", ""}, args...)...)
	if err := r.cmd.Start(); err != nil {
		r.t.Fatalf("%v: apt-get install redis-server", err)
	}
	eventually(r.t, "redis-server answers", func() bool {
		c, err := net.Dial("unix", r.sock)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

func (r *redis) kill() {
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait()
}

// say is what redis-cli gives.
func (r *redis) say(args ...string) string {
	r.t.Helper()
	out, err := exec.Command("redis-cli", append([]string{"-s", r.sock}, args...)...).CombinedOutput()
	if err != nil {
		r.t.Fatalf("redis-cli: %v: %s", err, out)
	}
	return strings.TrimSpace(string(out))
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not yet: " + what)
		}
	}
}

func open(t *testing.T, r *redis) *Store { return patient(t, r, 0) }

// patient waits so long for each answer.
func patient(t *testing.T, r *redis, within time.Duration) *Store {
	t.Helper()
	s, err := Open(Config{URL: "unix://" + r.sock, Bound: within, Log: zerolog.New(zerolog.NewTestWriter(t))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func window(name string, cycle fallback.Cycle, per time.Duration, limit int64) fallback.Draw {
	return fallback.Draw{Name: name, Cycle: cycle, Per: per, Limit: limit, Amount: 1, Fit: 1, Lapses: time.Now().Add(per)}
}
