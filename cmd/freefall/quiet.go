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
	quietWorth = 48 << 20 // bytes held; what a small load has would be touched again with its next request
)

// giveBack returns what a busy time left behind to the system as soon as it is over, until the context ends: the collector
// would wait for more garbage, and what it frees stays with the process for minutes. It does nothing where GOGC is set.
func giveBack(ctx context.Context) {
	if os.Getenv("GOGC") != "" {
		return
	}
	tick := time.NewTicker(quietLook)
	defer tick.Stop()
	heap := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}, {Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/free:bytes"}}
	var q quiet
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		metrics.Read(heap)
		if q.due(heap[0].Value.Uint64(), heap[1].Value.Uint64()+heap[2].Value.Uint64()) {
			debug.FreeOSMemory()
		}
	}
}

// quiet tells when it is worth while to collect, of bytes allocated since the start of the process.
type quiet struct {
	last  uint64 // at the look before
	given uint64 // when memory was last given back
}

// due is called once for each look. held are the bytes of the heap, garbage and what is free included: to go over a large one, there must be more to gain.
func (q *quiet) due(allocated, held uint64) bool {
	now := allocated - q.last
	q.last = allocated
	if now >= quietBelow || held < quietWorth || allocated-q.given < held/8 {
		return false
	}
	q.given = allocated
	return true
}
