package proxy

import (
	"math"
	"strconv"
	"time"

	"freefall/fallback"
)

// soonest bounds how often the alarm goes off, whatever the pool says.
const soonest = time.Millisecond

// setAlarm makes the pool tell when it wants to look again at those that wait.
func (p *Proxy) setAlarm() {
	p.alarm = time.AfterFunc(time.Hour, func() { p.pool.Dispatch(time.Now()) })
	p.alarm.Stop()
	p.pool.SetAlarm(func(at time.Time) { p.alarm.Reset(max(time.Until(at), soonest)) })
}

// silence ends that.
func (p *Proxy) silence() {
	p.pool.SetAlarm(nil)
	p.alarm.Stop()
}

// waitEnd is what came of a wait.
type waitEnd uint8

const (
	waitGranted   waitEnd = iota // a limit ended, and it was this request's turn
	waitTimedOut                 // max_wait or the total time was over first
	waitDisplaced                // its place went to a client that held fewer
	waitLeft                     // the client has gone
	waitStopped                  // freefall is stopping
	numWaitEnds
)

var waitEnds = [numWaitEnds]string{"granted", "timed_out", "displaced", "left", "stopped"}

// wait waits for a limit to end and for this request's turn, and gives the attempt that it was granted. Nothing is sent
// meanwhile, neither to a provider nor to the client. All waits of a request together take max_wait at most.
func (x *exchange) wait(now time.Time) (*fallback.Attempt, bool) {
	if x.patience.IsZero() {
		x.patience = now.Add(min(x.maxWait, x.deadline.Sub(now)))
	}
	until := x.patience
	if x.maxWait <= 0 || x.ambiguous != nil {
		return x.instead(now) // an ambiguous refusal is an answer; nobody has to wait for a second opinion
	}
	if !x.proxy.mayWait(x) {
		x.stopped.Store(true)
		return nil, false
	}
	defer x.proxy.waited(x)
	woken := make(chan struct{}, 1)
	if !x.proxy.pool.Wait(now, x.walk, until, func() { woken <- struct{}{} }) {
		return x.instead(now)
	}
	x.logSwitch(nil)
	x.logWait(now, until)
	x.flows[0].SetDeadline(until)
	err := x.flows[0].Wait(woken)
	return x.turn(now, err == nil)
}

// instead takes what the request would have left to others if it could wait, see fallback.Ask.MaxWait.
func (x *exchange) instead(now time.Time) (*fallback.Attempt, bool) {
	if x.walk.Ask.MaxWait == 0 {
		return nil, false
	}
	x.walk.Ask.MaxWait = 0
	return x.proxy.pool.Pick(now, x.walk)
}

// turn ends the wait that began then. What was granted to somebody who has left goes back.
func (x *exchange) turn(begun time.Time, woken bool) (*fallback.Attempt, bool) {
	now := time.Now()
	attempt, granted := x.proxy.pool.Turn(now, x.walk)
	end := waitTimedOut
	switch {
	case x.left.Load():
		end = waitLeft
	case x.stopped.Load():
		end = waitStopped
	case granted:
		end = waitGranted
	case woken:
		end = waitDisplaced
	}
	if granted && end != waitGranted {
		attempt.End(now, fallback.Outcome{Class: fallback.Stopped, Unsent: true})
		attempt, granted = nil, false
	}
	took := now.Sub(begun)
	x.waited += took
	x.proxy.metrics.waited(end, took)
	return attempt, granted
}

// mayWait notes that the exchange waits, so that a stop ends it at once; false when freefall stops already.
func (p *Proxy) mayWait(x *exchange) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	x.waits = !p.draining.Load()
	return x.waits
}

// waited notes that it does no more: from here on a stop lets it finish.
func (p *Proxy) waited(x *exchange) {
	p.mu.Lock()
	defer p.mu.Unlock()
	x.waits = false
}

// maxWait is how long a request may wait: what is configured, or less when it asks for less, in Go's form or in seconds. What
// cannot be read asks for nothing.
func maxWait(configured time.Duration, header string) time.Duration {
	if header == "" {
		return configured
	}
	wish, err := time.ParseDuration(header)
	if err != nil {
		seconds, err := strconv.ParseFloat(header, 64)
		if err != nil || math.IsNaN(seconds) || seconds >= configured.Seconds() {
			return configured
		}
		wish = time.Duration(max(0, seconds) * float64(time.Second))
	}
	return max(0, min(configured, wish))
}
