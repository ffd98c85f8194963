package fakellm

import (
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// cut breaks a good answer: after some events of a stream, in the middle of a body.
func (x *exchange) cut() {
	w, a := x.writer(), x.compose()
	if x.ask.Stream {
		x.cutStream(w, w.events(a, x.usage()))
		return
	}
	x.cutBody(w, w.whole(a))
}

func (x *exchange) cutStream(w writer, events [][]byte) {
	x.begin(w, "text/event-stream")
	x.patience()
	x.flush()
	n := min(x.step.After, len(events))
	for _, e := range events[:n] {
		x.event(x.w, e)
		x.sleep(x.step.Gap)
	}
	next := events[min(n, len(events)-1)]
	switch how := x.step.How; how {
	case Garble:
		_, _ = x.w.Write(append([]byte("data: "), next[:len(next)/2]...))
	case BrokenLine:
		x.event(x.w, next[:len(next)/2])
		for _, e := range events[n:] {
			x.event(x.w, e)
		}
		x.event(x.w, []byte("[DONE]"))
	case ErrorEvent, ErrorBare, ErrorEmpty, ErrorChoice:
		x.event(x.w, w.failure(how))
		x.event(x.w, []byte("[DONE]"))
	case ErrorNamed:
		_, _ = io.WriteString(x.w, "event: error\n")
		x.event(x.w, w.failure(how))
	default:
		x.snap()
	}
}

func (x *exchange) cutBody(w writer, body []byte) {
	half := body[:len(body)/2]
	switch how := x.step.How; how {
	case Garble, BrokenLine, End:
		x.begin(w, "application/json")
		_, _ = x.w.Write(half)
	case ErrorEvent, ErrorBare, ErrorEmpty, ErrorChoice, ErrorNamed:
		x.begin(w, "application/json")
		_, _ = x.w.Write(w.failure(how))
	default:
		x.w.Header().Set("content-length", strconv.Itoa(len(body)))
		x.begin(w, "application/json")
		_, _ = x.w.Write(half)
		x.flush()
		x.snap()
	}
}

// snap is what happens to the connection at a cut.
func (x *exchange) snap() {
	switch x.step.How {
	case End:
	case Stall:
		x.sleep(Duration(maxHang))
		panic(http.ErrAbortHandler)
	case Reset:
		x.reset()
	default:
		panic(http.ErrAbortHandler)
	}
}

// reset closes the connection with RST where it is a TCP one.
func (x *exchange) reset() {
	conn := x.hijack()
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// hang lets the client wait.
func (x *exchange) hang() {
	if x.step.How == NoHead {
		x.sleep(Duration(maxHang))
		panic(http.ErrAbortHandler)
	}
	contentType := "application/json"
	if x.ask.Stream {
		contentType = "text/event-stream"
	}
	x.begin(x.writer(), contentType)
	x.flush()
	if x.step.How == CommentsOnly && x.ask.Stream {
		x.comments()
	}
	x.sleep(Duration(maxHang))
	panic(http.ErrAbortHandler)
}

// comments are sent once a second, or once a gap, for as long as a hang lasts.
func (x *exchange) comments() {
	gap := x.step.Gap
	if gap <= 0 {
		gap = Duration(time.Second)
	}
	for end := time.Now().Add(maxHang); time.Now().Before(end); x.sleep(gap) {
		_, _ = io.WriteString(x.w, ": OPENROUTER PROCESSING\n\n")
		x.flush()
	}
}
