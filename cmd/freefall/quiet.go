package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	quietLook  = time.Second
	quietBelow = 1 << 20  // bytes that may be allocated from one look to the next in a quiet time
	quietWorth = 16 << 20 // bytes to be gained, more where more is in use; what is touched again at once was not worth it
)

// giveBack returns what a busy time left behind to the system as soon as it is over, until the context ends: the collector
// would wait for more garbage, and what it frees stays with the process for minutes. It does nothing where GOGC is set.
func giveBack(ctx context.Context) {
	if os.Getenv("GOGC") != "" {
		return
	}
	tick := time.NewTicker(quietLook)
	defer tick.Stop()
	heap := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}, {Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/free:bytes"},
		{Name: "/gc/heap/live:bytes"}}
	var q quiet
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		metrics.Read(heap)
		if q.due(heap[0].Value.Uint64(), heap[1].Value.Uint64()+heap[2].Value.Uint64(), heap[3].Value.Uint64()) {
			debug.FreeOSMemory()
		}
	}
}

// quiet tells when it is worth while to collect.
type quiet struct {
	last uint64 // bytes allocated since the start of the process, at the look before
}

// due is called once for each look: with the bytes allocated since the start of the process, those held, garbage and what is free
// among them, and those that were alive at the last collection.
func (q *quiet) due(allocated, held, alive uint64) bool {
	now := allocated - q.last
	q.last = allocated
	return now < quietBelow && held > alive+max(quietWorth, alive/8)
}
