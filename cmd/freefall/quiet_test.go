package main

import (
	"context"
	"runtime/metrics"
	"testing"
	"testing/synctest"
	"time"
)

func TestQuietIsDue(t *testing.T) {
	const mb = 1 << 20
	var q quiet
	for i, look := range []struct {
		allocated, held, alive uint64
		want                   bool
	}{
		{30 * mb, 40 * mb, 9 * mb, false}, // busy
		{60 * mb, 40 * mb, 9 * mb, false},
		{60*mb + 1, 40 * mb, 9 * mb, true}, // over
		{60*mb + 2, 9 * mb, 9 * mb, false}, // nothing to gain any more
		{61 * mb, 25 * mb, 9 * mb, false},
		{61*mb + 1, 25*mb + 1, 9 * mb, true},
		{62 * mb, 225 * mb, 200 * mb, false}, // an eighth
		{62*mb + 1, 225*mb + 1, 200 * mb, true},
		{63*mb + 1, 400 * mb, 200 * mb, false}, // busy again
	} {
		if got := q.due(look.allocated, look.held, look.alive); got != look.want {
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
