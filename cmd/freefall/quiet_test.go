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
		allocated, used uint64
		want            bool
	}{
		{10 * mb, 9 * mb, false}, // busy
		{30 * mb, 20 * mb, false},
		{30*mb + 1, 20 * mb, true}, // over
		{30*mb + 2, 9 * mb, false}, // nothing to gain any more
		{34*mb - 1, 12 * mb, false},
		{34*mb + 100, 13 * mb, true},
		{42 * mb, 100 * mb, false},
		{42*mb + 1, 100 * mb, false}, // 8 MB of garbage in 100
		{46*mb + 2, 104 * mb, false},
		{46*mb + 200, 90 * mb, true},
	} {
		if got := q.due(look.allocated, look.used); got != look.want {
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
