package proxy

import (
	"sync"
	"testing"
)

func TestRandomizeGivesNothingTwice(t *testing.T) {
	var mu sync.Mutex
	seen := map[[16]byte]bool{{}: true}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 200 {
				var b [16]byte
				randomize(b[:])
				mu.Lock()
				if seen[b] {
					t.Errorf("%x again", b)
				}
				seen[b] = true
				mu.Unlock()
			}
		})
	}
	all.Wait()
}
