//go:build linux && redis

package shared

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"freefall/fallback"
)

// record is a log that is read while it is written.
type record struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *record) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(b)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// recorded is a Store and what it says.
func recorded(t *testing.T, url string) (*Store, *record) {
	t.Helper()
	said := &record{}
	s, err := Open(Config{URL: url, Log: zerolog.New(said)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		if t.Failed() {
			t.Log(said)
		}
	})
	return s, said
}

const secret = "pa55-of-freefall"

// Whatever keeps Redis from serving is said once, with what to do, costs nobody more than the wait for an answer, and is over by itself.
func TestEachTroubleIsToldAndEnds(t *testing.T) {
	for word, x := range map[string]struct {
		does, undoes []string
		says         string
	}{
		"OOM":      {[]string{"CONFIG SET maxmemory-policy noeviction", "CONFIG SET maxmemory 1"}, []string{"CONFIG SET maxmemory 0"}, "raise its maxmemory"},
		"READONLY": {[]string{"REPLICAOF 127.0.0.1 1"}, []string{"REPLICAOF NO ONE"}, "has to name the primary"},
		"MASTERDOWN": {[]string{"CONFIG SET replica-serve-stale-data no", "REPLICAOF 127.0.0.1 1"}, []string{"REPLICAOF NO ONE"},
			"has lost its primary"},
		"NOREPLICAS": {[]string{"CONFIG SET min-replicas-to-write 1"}, []string{"CONFIG SET min-replicas-to-write 0"}, "min-replicas-to-write"},
		"NOPERM":     {[]string{"ACL SETUSER ana resetkeys ~other:*"}, []string{"ACL SETUSER ana ~freefall:*"}, "~freefall:*"},
		"WRONGPASS": {[]string{"ACL SETUSER ana resetpass >another", "CLIENT KILL USER ana"}, []string{"ACL SETUSER ana >" + secret},
			"user or password in the URL"},
	} {
		t.Run(word, func(t *testing.T) {
			t.Parallel()
			r := startRedis(t)
			r.say("ACL", "SETUSER", "ana", "on", ">"+secret, "~freefall:*", "+@read", "+@write", "+@scripting", "+@connection", "+time")
			s, said := recorded(t, "unix://ana:"+secret+"@"+r.sock)
			eventually(t, "it answers", s.Up)
			for _, do := range x.does {
				r.say(strings.Fields(do)...)
			}
			eventually(t, "it is away", func() bool {
				began := time.Now()
				s.Reserve([]fallback.Draw{window("w", fallback.Sliding, time.Hour, 9000)})
				if took := time.Since(began); took > time.Second { // ten times the bound: the machine may be busy
					t.Errorf("a request waited %v", took)
				}
				return !s.Up()
			})
			time.Sleep(50 * time.Millisecond)
			for _, do := range x.undoes {
				r.say(strings.Fields(do)...)
			}
			eventually(t, "it is back", s.Up)
			if s.Reserve([]fallback.Draw{window("w", fallback.Sliding, time.Hour, 9000)}) == nil {
				t.Error("it is back and does not answer")
			}
			words := said.String()
			if n := strings.Count(words, `"level":"warn"`); n < 1 || n > 2 || strings.Count(words, word+" ") != 1 || strings.Count(words, x.says) != 1 {
				t.Errorf("it says %s", words)
			}
			if strings.Contains(words, secret) {
				t.Errorf("it tells a secret: %s", words)
			}
		})
	}
}

// A Redis that asks for a password that the URL does not have is used as soon as it does not.
func TestAPasswordIsMissing(t *testing.T) {
	r := startRedis(t, "--requirepass", secret)
	s, said := recorded(t, "unix://"+r.sock)
	eventually(t, "it is told", func() bool { return strings.Contains(said.String(), "it wants a password: redis://USER:PASSWORD@HOST") })
	r.say("--no-auth-warning", "-a", secret, "CONFIG", "SET", "requirepass", "")
	eventually(t, "it answers", s.Up)
}

// A script of somebody else keeps Redis busy: first it is silent, then it says so.
func TestAScriptThatDoesNotEnd(t *testing.T) {
	r := startRedis(t, "--busy-reply-threshold", "300")
	s, said := recorded(t, "unix://"+r.sock)
	eventually(t, "it answers", s.Up)
	endless := exec.Command("redis-cli", "-s", r.sock, "EVAL", "while true do end", "0")
	if err := endless.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = endless.Process.Kill()
		_ = endless.Wait()
	})
	eventually(t, "it is told", func() bool {
		s.Reserve([]fallback.Draw{window("w", fallback.Sliding, time.Hour, 9000)})
		return !s.Up() && strings.Contains(said.String(), "SCRIPT KILL ends that")
	})
	r.say("SCRIPT", "KILL")
	eventually(t, "it is back", s.Up)
	if words := said.String(); strings.Count(words, `"level":"warn"`) > 2 {
		t.Errorf("it says %s", words)
	}
}

// A Redis that reads its data is waited for.
func TestARedisThatStarts(t *testing.T) {
	dir := t.TempDir()
	slowly := []string{"--dir", dir, "--rdbcompression", "no", "--key-load-delay", "2000", "--loading-process-events-interval-bytes", "1024"}
	r := startRedis(t, slowly...)
	s, said := recorded(t, "unix://"+r.sock)
	eventually(t, "it answers", s.Up)
	r.say("EVAL", "for i = 1, 1000 do redis.call('SET', 'k' .. i, string.rep(i, 99)) end", "0")
	r.say("SAVE")
	r.kill()
	r.start(slowly...)
	eventually(t, "it is told", func() bool {
		s.Reserve([]fallback.Draw{window("w", fallback.Sliding, time.Hour, 9000)})
		return strings.Contains(said.String(), "reads its data")
	})
	eventually(t, "it is back", s.Up)
	if got := s.Reserve([]fallback.Draw{window("w", fallback.Sliding, time.Hour, 9000)}); got == nil {
		t.Error("it is back and does not answer")
	}
}

// After a failover the same name means another server.
func TestTheNameMeansAnother(t *testing.T) {
	old, next := startRedis(t), startRedis(t)
	name := t.TempDir() + "/r"
	if err := os.Symlink(old.sock, name); err != nil {
		t.Fatal(err)
	}
	s, _ := recorded(t, "unix://"+name)
	eventually(t, "it answers", s.Up)
	old.say("REPLICAOF", "127.0.0.1", "1")
	if err := errors.Join(os.Symlink(next.sock, name+"2"), os.Rename(name+"2", name)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is away", func() bool {
		s.Reserve([]fallback.Draw{window("w", fallback.Sliding, time.Hour, 9000)})
		return !s.Up()
	})
	eventually(t, "the other one answers", s.Up)
}
