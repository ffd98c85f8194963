package upstream

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// phases are the places where an exchange can be blocked. begin brings one there and gives what the blocked call returns;
// the provider closes gone when it sees its connection closed.
var phases = []struct {
	name  string
	sent  bool
	begin func(w *world, f *Flow, at func(), gone func()) error
}{
	{phaseWait, false, func(w *world, f *Flow, at, gone func()) error {
		w.serve(answers(length("first")))
		var holder Flow
		reply, err := w.transp.Do(&holder, w.post())
		if err != nil {
			return err
		}
		defer reply.Close()
		at()
		gone() // it never had a connection
		return w.doWith(f, w.post())
	}},
	{phaseDial, false, func(w *world, f *Flow, at, gone func()) error {
		w.transp.cfg.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
			at()
			<-ctx.Done()
			gone()
			return nil, ctx.Err()
		}
		return w.doWith(f, w.post())
	}},
	{phaseTLS, false, func(w *world, f *Flow, at, gone func()) error {
		w.serve(func(p *peer) { _, _ = p.Peek(1); at(); p.untilGone(); gone() })
		r := w.post()
		r.URL = strings.Replace(r.URL, "http:", "https:", 1)
		return w.doWith(f, r)
	}},
	{phaseWrite, true, func(w *world, f *Flow, at, gone func()) error {
		stop := make(chan struct{})
		w.serve(func(p *peer) { _, _ = p.Peek(1); at(); <-stop; p.untilGone(); gone() })
		defer close(stop)
		return w.doWith(f, w.post(big))
	}},
	{phaseHead, true, func(w *world, f *Flow, at, gone func()) error {
		w.serve(func(p *peer) { p.request(); at(); p.untilGone(); gone() })
		return w.doWith(f, w.post("{}"))
	}},
	{phaseHead + " half", true, func(w *world, f *Flow, at, gone func()) error {
		w.serve(func(p *peer) { p.request(); p.say("HTTP/1.1 200 OK\r\nA: b\r\n"); at(); p.untilGone(); gone() })
		return w.doWith(f, w.post("{}"))
	}},
	{phaseBody, true, func(w *world, f *Flow, at, gone func()) error {
		w.serve(func(p *peer) {
			p.request()
			p.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n")
			at()
			p.untilGone()
			gone()
		})
		return w.doWith(f, w.post("{}"))
	}},
}

// doWith asks and reads to the end.
func (w *world) doWith(f *Flow, r *Request) error {
	reply, err := w.transp.Do(f, r)
	if err != nil {
		return err
	}
	defer reply.Close()
	for {
		if _, err := reply.Read(make([]byte, 100)); err != nil {
			return err
		}
	}
}

func TestCancelInEachPhase(t *testing.T) {
	for _, phase := range phases {
		t.Run(phase.name, func(t *testing.T) {
			eachWorld(t, Config{MaxConnsPerHost: 1, ConnWait: time.Minute}, func(w *world) {
				var f Flow
				at, gone := make(chan struct{}), make(chan struct{})
				w.wg.Go(func() {
					<-at
					time.Sleep(5 * time.Millisecond)
					f.Cancel()
				})
				err := phase.begin(w, &f, func() { close(at) }, func() { close(gone) })
				wantError(w.t, err, strings.Fields(phase.name)[0], phase.sent, ErrCancelled)
				select {
				case <-gone:
				case <-time.After(time.Second):
					w.t.Fatal("the provider's connection is still open")
				}
				w.nothingOpen()
			})
		})
	}
}

func TestDeadlineInEachPhase(t *testing.T) {
	for _, phase := range phases {
		t.Run(phase.name, func(t *testing.T) {
			eachWorld(t, Config{MaxConnsPerHost: 1, ConnWait: time.Minute}, func(w *world) {
				var f Flow
				var end time.Time
				start := func() {
					end = time.Now().Add(20 * time.Millisecond)
					f.SetDeadline(end)
				}
				at := start
				if phase.name == phaseWait || phase.name == phaseDial {
					start()
					at = func() {}
				}
				err := phase.begin(w, &f, at, func() {})
				wantError(w.t, err, strings.Fields(phase.name)[0], phase.sent, ErrTimeout)
				if late := time.Since(end); late < 0 || late > time.Second {
					w.t.Errorf("ended %v after its deadline", late)
				}
				w.nothingOpen()
			})
		})
	}
}

// nothingOpen checks that no connection, idle or not, is left.
func (w *world) nothingOpen() {
	w.t.Helper()
	w.soon("all connections returned", func() bool {
		w.transp.pool.mu.Lock()
		defer w.transp.pool.mu.Unlock()
		for _, h := range w.transp.pool.hosts {
			if h.open > len(h.idle) || len(h.waiting) > 0 {
				return false
			}
		}
		return true
	})
}

func TestConnectIsBoundByItself(t *testing.T) {
	for _, phase := range phases[1:3] {
		t.Run(phase.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := inMemory(t, Config{})
				w.serve((*peer).untilGone)
				if phase.name == phaseDial {
					w.transp.cfg.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
						<-ctx.Done()
						return nil, ctx.Err()
					}
				}
				begun := time.Now()
				r := w.post()
				r.URL, r.Connect = "https://provider.test/", 3*time.Second
				var f Flow
				f.SetDeadline(begun.Add(time.Hour))
				wantError(t, w.doWith(&f, r), phase.name, false, ErrTimeout)
				if time.Since(begun) != 3*time.Second {
					t.Error(time.Since(begun))
				}
			})
		})
	}
}

// A deadline that was set before the request does not end the stream, nor one of an earlier read: each read has its own.
func TestDeadlineMovesBetweenReads(t *testing.T) {
	eachWorld(t, Config{}, func(w *world) {
		first, short, long := 30*time.Second, 30*time.Second, time.Hour
		if w.sockets { // where a busy machine may take long for a head
			first, short, long = 20*time.Second, 30*time.Millisecond, 20*time.Second
		}
		say := make(chan struct{})
		defer close(say)
		w.serve(func(p *peer) {
			p.request()
			p.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
			for range say {
				p.say("2\r\nhi\r\n")
			}
			p.untilGone()
		})
		var f Flow
		f.SetDeadline(time.Now().Add(first))
		reply, err := w.transp.Do(&f, w.post())
		if err != nil {
			w.t.Fatal(err)
		}
		defer reply.Close()
		var b [2]byte
		for range 5 {
			f.SetDeadline(time.Now().Add(long))
			time.Sleep(short + short/3) // what was set before is over
			say <- struct{}{}
			if _, err := io.ReadFull(reply, b[:]); err != nil || string(b[:]) != "hi" {
				w.t.Fatalf("%v, %q", err, b)
			}
			f.SetDeadline(time.Now().Add(short))
		}
		begun := time.Now()
		f.SetDeadline(begun.Add(short))
		_, err = reply.Read(b[:])
		wantError(w.t, err, phaseBody, true, ErrTimeout)
		if took := time.Since(begun); took < short || !w.sockets && took != short {
			w.t.Error(took)
		}
	})
}

// A provider that does not read learns at once that a request will not be whole, not behind what waits in the kernel.
func TestHalfARequestIsReset(t *testing.T) {
	w := onSockets(t, Config{})
	begun, cancelled, read := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	w.serve(func(p *peer) {
		_, _ = p.Peek(1)
		close(begun)
		<-cancelled
		_, err := io.Copy(io.Discard, p.Conn)
		read <- err
	})
	var f Flow
	w.wg.Go(func() { <-begun; f.Cancel() })
	wantError(t, w.doWith(&f, w.post(big)), phaseWrite, true, ErrCancelled)
	close(cancelled)
	if err := <-read; !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the provider read to its end: %v", err)
	}
}

func TestCancelledFlowStaysCancelled(t *testing.T) {
	eachWorld(t, Config{}, func(w *world) {
		w.serve(answers(length("ok")))
		var f Flow
		f.Cancel()
		f.SetDeadline(time.Now().Add(time.Minute))
		err := w.doWith(&f, w.post())
		if !errors.Is(err, ErrCancelled) {
			w.t.Fatal(err)
		}
		f.Reset()
		if f.Cancelled() {
			w.t.Fatal("still cancelled")
		}
		if err := w.doWith(&f, w.post()); err.Error() != "EOF" {
			w.t.Fatal(err)
		}
	})
}

// A cancel that comes when the reply was closed must not touch the next user of the connection.
func TestLateCancelHarmsNobody(t *testing.T) {
	w := onSockets(t, Config{})
	w.serve(answers(length("ok")))
	for range 200 {
		var f Flow
		reply, err := w.transp.Do(&f, w.post())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := reply.Read(make([]byte, 10)); err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() { f.Cancel(); close(done) }()
		reply.Close()
		w.mustAsk("ok")
		<-done
	}
}

func TestThousandCancelsLeaveNothing(t *testing.T) {
	w := onSockets(t, Config{MaxConnsPerHost: 50})
	w.serve(func(p *peer) {
		if p.request(); p.n%2 == 0 {
			p.say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhi")
		}
		p.untilGone()
	})
	work := make(chan int)
	var workers sync.WaitGroup
	for range 40 {
		workers.Go(func() {
			for i := range work {
				var f Flow
				timer := time.AfterFunc(time.Duration(i%8)*300*time.Microsecond, f.Cancel)
				if err := w.doWith(&f, w.post("{}")); !errors.Is(err, ErrCancelled) {
					t.Error(err)
				}
				timer.Stop()
			}
		})
	}
	for i := range 1000 {
		work <- i
	}
	close(work)
	workers.Wait()
	w.nothingOpen()
	w.transp.pool.mu.Lock()
	defer w.transp.pool.mu.Unlock()
	if n := len(w.transp.pool.hosts); n != 0 {
		t.Errorf("%d hosts left", n)
	}
}

// A wait for a turn ends by the turn, the deadline or a cancel, whichever is first.
func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, tt := range []struct {
			turn, cancel, deadline time.Duration // 0 = never
			want                   error
			took                   time.Duration
		}{
			{turn: 2 * time.Second, deadline: 3 * time.Second, took: 2 * time.Second},
			{turn: 2 * time.Second, took: 2 * time.Second},
			{deadline: 3 * time.Second, want: ErrTimeout, took: 3 * time.Second},
			{turn: 3 * time.Second, cancel: time.Second, want: ErrCancelled, took: time.Second},
			{cancel: time.Second, deadline: 3 * time.Second, want: ErrCancelled, took: time.Second},
		} {
			var f Flow
			begun := time.Now()
			if tt.deadline > 0 {
				f.SetDeadline(begun.Add(tt.deadline))
			}
			woken := make(chan struct{}, 1)
			if tt.turn > 0 {
				time.AfterFunc(tt.turn, func() { woken <- struct{}{} })
			}
			if tt.cancel > 0 {
				time.AfterFunc(tt.cancel, f.Cancel)
			}
			if err := f.Wait(woken); err != tt.want || time.Since(begun) != tt.took {
				t.Errorf("%+v: %v after %v", tt, err, time.Since(begun))
			}
			if tt.want == ErrCancelled {
				if err := f.Wait(nil); err != ErrCancelled {
					t.Errorf("a later wait of a cancelled flow: %v", err)
				}
			}
			time.Sleep(5 * time.Second) // what is still to come comes
		}
	})
}
