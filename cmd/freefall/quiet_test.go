package main

import (
	"bytes"
	"context"
	"net/http"
	"regexp"
	"runtime/metrics"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestQuietIsDue(t *testing.T) {
	const mb = 1 << 20
	var q quiet
	for i, look := range []struct {
		allocated, held uint64
		want            bool
	}{
		{60 * mb, 70 * mb, false}, // busy
		{90 * mb, 80 * mb, false},
		{90*mb + 1, 80 * mb, true},  // over
		{90*mb + 2, 50 * mb, false}, // nothing to gain any more
		{100 * mb, 59 * mb, false},
		{100*mb + 1, 59 * mb, true},
		{120 * mb, 400 * mb, false},
		{120*mb + 1, 400 * mb, false}, // at most 20 MB of garbage in 400
		{160 * mb, 400 * mb, false},
		{160*mb + 1, 400 * mb, true},
		{300 * mb, 47 * mb, false},
		{300*mb + 1, 47 * mb, false}, // little, however much was allocated
	} {
		if got := q.due(look.allocated, look.held); got != look.want {
			t.Errorf("look %d: %v, want %v", i, got, look.want)
		}
	}
}

var kept [][]byte

// What a busy time leaves behind is with the system two looks later.
func TestGiveBack(t *testing.T) {
	t.Setenv("GOGC", "")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		go giveBack(ctx)
		for range 64 {
			kept = append(kept, make([]byte, 1<<20))
			for i := range kept[len(kept)-1] {
				kept[len(kept)-1][i] = 1
			}
		}
		kept = nil
		time.Sleep(3 * quietLook)
		cancel()
	})
	held := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/free:bytes"}}
	metrics.Read(held)
	if n := held[0].Value.Uint64() + held[1].Value.Uint64(); n > 48<<20 {
		t.Errorf("%d bytes are still held", n)
	}
}

// Large bodies that were refused are collected though nothing comes behind them. The runtime itself tells of it; what it then gives back is
// TestGiveBack's matter, since the race detector keeps memory of its own.
func TestServeGivesMemoryBack(t *testing.T) {
	_, url := simulated(t, models("a/b:free"))
	f := start(t, chain(url, "", "a/b:free"), "GODEBUG=gctrace=1")
	body := bytes.Repeat([]byte("[1],"), 5<<20)
	var posts sync.WaitGroup
	for range 6 {
		posts.Go(func() {
			answer, err := f.client.Post(f.url+"/v1/chat/completions", "application/json", bytes.NewReader(body))
			if err != nil {
				t.Error(err)
				return
			}
			answer.Body.Close()
			if answer.StatusCode != http.StatusBadRequest {
				t.Errorf("status %d", answer.StatusCode)
			}
		})
	}
	posts.Wait()
	asked := regexp.MustCompile(`\ngc .*->[0-9]+->1?[0-9] MB.*\(forced\)`) // less than 20 MB are left
	f.until(callBound, "a collection that the runtime did not begin", func() bool { return asked.MatchString(f.stderr.String()) })
}
