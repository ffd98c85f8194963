package proxy

import (
	"sync"
	"testing"

	"github.com/valyala/fasthttp"
)

func TestRequestIDsAreGivenOnce(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]bool{}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 200 {
				id := requestID(new(fasthttp.RequestHeader))
				mu.Lock()
				if len(id) != 32 || seen[id] {
					t.Errorf("%q again, or of another length", id)
				}
				seen[id] = true
				mu.Unlock()
			}
		})
	}
	all.Wait()
}
