package proxy

import (
	"strings"
	"sync"
	"testing"
	"time"
)

// Who comes when it is full is told so, and the next one is not kept waiting until he has stopped talking.
func TestFullHouse(t *testing.T) {
	overSockets(t, enginePlan{change: func(p *Proxy) { p.server.MaxConns = 1 }}, func(e *engine) {
		first := e.visit()
		defer first.Close()
		first.say(head("GET /healthz HTTP/1.1"))
		if resp, err := first.begin(); err != nil || resp.StatusCode != 200 {
			e.Fatalf("the first: %v", err)
		}
		var talking sync.WaitGroup
		defer talking.Wait()
		done := make(chan struct{})
		defer close(done)
		for range 2 {
			v := e.visit()
			defer v.Close()
			_ = v.SetReadDeadline(time.Now().Add(lingerTime / 2))
			if resp, err := v.begin(); err != nil || resp.StatusCode != 503 {
				e.Errorf("another one: %v", err)
			}
			talking.Go(func() { // for longer than anybody's patience
				tick := time.NewTicker(50 * time.Millisecond)
				defer tick.Stop()
				for {
					select {
					case <-done:
						return
					case <-tick.C:
						v.say("x")
					}
				}
			})
		}
		if n := strings.Count(e.log.String(), "Too many connections"); n != 1 {
			e.Errorf("it is logged %d times", n)
		}
	})
}
