package main

import (
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"freefall/internal/fakellm"
)

// tale is a stream of this many words, one each gap.
func tale(words int, gap time.Duration) fakellm.Step {
	s := fakellm.Slow(0, 0, gap)
	s.Text, s.Chunks = strings.TrimSpace(strings.Repeat("word ", words)), words
	return s
}

// SIGTERM lets running answers finish, takes no new ones, and ends with 0.
func TestServeDrains(t *testing.T) {
	t.Parallel()
	for _, s := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		t.Run(s.String(), func(t *testing.T) {
			t.Parallel()
			fake, url := simulated(t, models("a"))
			step := tale(20, 50*time.Millisecond)
			fake.Script("a", step.Forever())
			f := start(t, chain(url, "", "a"))
			idle := f.leaver(ask("nobody")) // a kept connection without a request under way holds nothing up
			defer idle.Close()
			readUntil(t, idle, step.Text)
			began := time.Now()
			var running sync.WaitGroup
			for _, body := range []string{streamBody, plainBody} {
				running.Go(func() {
					got := f.chat(body)
					if got.status != 200 || got.err != nil || got.text() != step.Text || body == streamBody && !got.clean() {
						t.Errorf("%d, %v: %s", got.status, got.err, got.body)
					}
				})
			}
			f.until(callBound, "both to run", func() bool { return fake.Active() == 2 })
			f.signal(s)
			f.until(callBound, "the port to close", func() bool {
				c, err := net.Dial("tcp", f.addr)
				if err == nil {
					c.Close()
				}
				return err != nil
			})
			running.Wait()
			if code := f.wait(); code != 0 {
				t.Errorf("ended with %d", code)
			}
			if took := time.Since(began); took > 15*time.Second {
				t.Errorf("took %v for answers of a second: it waited for the end of drain", took)
			}
		})
	}
}

// When the drain is over, what still runs is told so and ends.
func TestServeDrainsNoLongerThanAllowed(t *testing.T) {
	t.Parallel()
	fake, url := simulated(t, models("a", "b"))
	fake.Script("a", tale(1000, 50*time.Millisecond))
	fake.Script("b", fakellm.Hang(fakellm.NoHead))
	f := start(t, chain(url, "drain: 300ms\n", "a", "b"))
	var running sync.WaitGroup
	running.Go(func() {
		got := f.chat(streamBody)
		if got.status != 200 || got.err != nil || got.text() == "" || got.problem().Message == "" || strings.Contains(got.body, "[DONE]") {
			t.Errorf("%d, %v: %s", got.status, got.err, got.body)
		}
	})
	running.Go(func() {
		got := f.chat(ask("b"))
		if got.status != 503 || got.problem().Code != "stopping" || got.header.Get("Retry-After") != "1" {
			t.Errorf("%d %v %s", got.status, got.header, got.body)
		}
	})
	f.until(callBound, "both to run", func() bool { return fake.Active() == 2 })
	began := time.Now()
	if code := f.stop(); code != 0 {
		t.Errorf("ended with %d", code)
	}
	if took := time.Since(began); took < 300*time.Millisecond || took > 20*time.Second { // the stream alone would take 50 s
		t.Errorf("took %v", took)
	}
	running.Wait()
}

// A second signal ends the program at once.
func TestServeEndsAtTheSecondSignal(t *testing.T) {
	t.Parallel()
	fake, url := simulated(t, models("a"))
	fake.Script("a", tale(1000, 50*time.Millisecond))
	f := start(t, chain(url, "", "a"))
	c := f.leaver(streamBody)
	defer c.Close()
	readUntil(t, c, `"content":`)
	f.signal(syscall.SIGTERM)
	f.until(callBound, "the stop to begin", func() bool { return strings.Contains(f.stderr.String(), "Stopping") })
	if !f.running() {
		t.Fatal("the first signal cut a running stream")
	}
	began := time.Now()
	f.signal(syscall.SIGTERM)
	if code := f.wait(); code != 1 {
		t.Errorf("ended with %d", code)
	}
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("took %v: it waited for the end of drain", took)
	}
}

// A busy port is an error that names the way out.
func TestServeOnABusyPort(t *testing.T) {
	t.Parallel()
	f := start(t, "")
	cmd := command(t.TempDir(), nil, "serve", "--listen", f.addr)
	out, err := cmd.CombinedOutput()
	if want := fmt.Sprintf("freefall: %s is in use by another program; choose another address with --listen", f.addr); cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), want) {
		t.Errorf("%v: %s", err, out)
	}
}
