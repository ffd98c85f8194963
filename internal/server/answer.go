package server

import (
	"io"
	"strconv"
	"sync"

	"github.com/valyala/fasthttp"
)

// Streamed is an answer that comes bit by bit. Each Write goes out at once. WriteTo runs in the goroutine that serves the
// connection, without the RequestCtx; an error of it tells the client that the answer is cut. Close is called once, on every path.
type Streamed interface {
	io.WriterTo
	io.Closer
}

// Stream makes s the body of the answer.
func Stream(ctx *fasthttp.RequestCtx, s Streamed) { ctx.SetUserValue(streamKey, held{s}) }

// held keeps fasthttp from seeing Close: it would call it when the context is let go.
type held struct{ streamed Streamed }

const streamKey = "stream"

// outs hold what is on its way to a client: the head and a usual answer, or a chunk.
var outs = sync.Pool{New: func() any { b := make([]byte, 0, 8<<10); return &b }}

// maxKept bounds what a buffer of outs may have grown to.
const maxKept = 32 << 10

var (
	http10   = []byte("HTTP/1.0")
	lastOne  = []byte("0\r\n\r\n")
	lineEnd  = "\r\n"
	hexWidth = 16
)

// refuse answers to what is no request. The connection ends with it.
func (c *conn) refuse(err error) {
	c.server.Refuse(c.ctx, err)
	c.ctx.Response.Header.SetConnectionClose()
	_ = c.whole()
}

// answer writes what the handler has left, and says whether that has succeeded.
func (c *conn) answer(last bool) bool {
	h := &c.ctx.Response.Header
	if !c.ctx.Request.Header.IsHTTP11() {
		h.SetProtocol(http10)
		if !last {
			h.Set(fasthttp.HeaderConnection, "keep-alive")
		}
	}
	if last {
		h.SetConnectionClose()
	}
	if h, ok := c.ctx.UserValue(streamKey).(held); ok {
		return c.stream(h.streamed)
	}
	return c.whole() == nil
}

// whole writes an answer in one piece, or in two when it is large.
func (c *conn) whole() error {
	r := &c.ctx.Response
	text := r.Body()
	if len(text) > 0 || !c.ctx.IsHead() {
		r.Header.SetContentLength(len(text))
	}
	if c.ctx.IsHead() || r.StatusCode() == fasthttp.StatusNoContent || r.StatusCode() == fasthttp.StatusNotModified {
		text = nil
	}
	out := outs.Get().(*[]byte)
	defer letOutGo(out)
	*out = r.Header.AppendBytes(*out)
	if len(*out)+len(text) > cap(*out) {
		if _, err := c.Write(*out); err != nil {
			return err
		}
		_, err := c.Write(text)
		return err
	}
	*out = append(*out, text...)
	_, err := c.Write(*out)
	return err
}

func letOutGo(out *[]byte) {
	if cap(*out) <= maxKept {
		*out = (*out)[:0]
		outs.Put(out)
	}
}

// stream writes an answer as it comes. The context is let go with the head, if the body has come: it may be minutes until the end.
func (c *conn) stream(s Streamed) bool {
	h := &c.ctx.Response.Header
	w := writer{conn: c.Conn, chunks: c.ctx.Request.Header.IsHTTP11()}
	if w.chunks {
		h.SetContentLength(-1)
	} else {
		h.SetConnectionClose() // its end is the end of the answer
	}
	w.out = outs.Get().(*[]byte)
	*w.out = h.AppendBytes(*w.out)
	headOnly := c.ctx.IsHead()
	if c.body.ended {
		c.letContextGo()
	}
	if err := w.tell(s, headOnly); err != nil {
		w.letGo()
		return false
	}
	return w.end(headOnly) == nil && w.chunks
}

// writer writes the body of a streamed answer. It holds a buffer only until the head has gone out.
type writer struct {
	conn   io.Writer
	chunks bool
	out    *[]byte // the head, as long as it waits for the first bytes
}

// tell writes all that comes. It has been closed before the client hears of the end: what is counted then is there to be seen.
func (w *writer) tell(s Streamed, headOnly bool) (err error) {
	defer s.Close()
	if !headOnly {
		_, err = s.WriteTo(w)
	}
	return err
}

// Write sends p, and the head with it if it is still here.
func (w *writer) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil // an empty chunk would be the end
	}
	out := w.take()
	defer letOutGo(out)
	if w.chunks {
		*out = strconv.AppendUint(*out, uint64(len(p)), hexWidth)
		*out = append(*out, lineEnd...)
	}
	*out = append(*out, p...)
	if w.chunks {
		*out = append(*out, lineEnd...)
	}
	if _, err := w.conn.Write(*out); err != nil {
		return 0, err
	}
	return len(p), nil
}

// end says that nothing more comes.
func (w *writer) end(headOnly bool) error {
	out := w.take()
	defer letOutGo(out)
	if w.chunks && !headOnly {
		*out = append(*out, lastOne...)
	}
	if len(*out) == 0 {
		return nil
	}
	_, err := w.conn.Write(*out)
	return err
}

func (w *writer) take() *[]byte {
	out := w.out
	if w.out = nil; out == nil {
		out = outs.Get().(*[]byte)
	}
	return out
}

func (w *writer) letGo() {
	if w.out != nil {
		letOutGo(w.out)
		w.out = nil
	}
}
