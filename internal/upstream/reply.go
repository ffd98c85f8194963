package upstream

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"sync"

	"github.com/valyala/fasthttp"
)

// Reply is an open answer: its head has been read, its body has not. One goroutine reads and closes it.
type Reply struct {
	Status int

	t        *Transport
	f        *Flow
	c        *conn
	head     *fasthttp.ResponseHeader // nil once nobody asks for it
	names    uint64                   // of the fields in it, by marks; 0 = not looked at yet
	framing  framingKind
	left     int64 // of a body of known length
	chunks   chunks
	bodiless bool
	spent    bool  // the connection cannot serve again, whatever comes
	err      error // why there is nothing more to read; io.EOF = complete
}

type framingKind uint8

const (
	byLength framingKind = iota
	byChunks
	byClose
)

var answerHeads = sync.Pool{New: func() any { return new(fasthttp.ResponseHeader) }}

func (r *Reply) readHead(maxHead int) error {
	r.head = answerHeads.Get().(*fasthttp.ResponseHeader)
	ambiguous, err := r.c.readHead(r.head, maxHead)
	if err != nil {
		return err
	}
	if compressed(string(r.head.ContentEncoding())) {
		return errEncoded
	}
	r.Status = r.head.StatusCode()
	r.spent = r.spent || ambiguous || r.head.ConnectionClose()
	r.frame()
	return nil
}

// compressed tells whether one of the codings cannot be read as it is. Some servers write there what is none, such as UTF-8.
func compressed(codings string) bool {
	for coding := range strings.SplitSeq(codings, ",") {
		switch strings.ToLower(strings.TrimSpace(coding)) {
		case "gzip", "x-gzip", "deflate", "br", "zstd", "compress", "x-compress", "dcb", "dcz":
			return true
		}
	}
	return false
}

// frame finds out where the body ends.
func (r *Reply) frame() {
	r.left = int64(r.head.ContentLength())
	switch {
	case r.bodiless, r.Status == fasthttp.StatusNoContent, r.Status == fasthttp.StatusNotModified:
		r.left = 0
	case r.left == -1:
		r.framing = byChunks
	case r.left < 0:
		r.framing, r.spent = byClose, true
	}
	if r.framing == byLength && r.left == 0 {
		r.end()
	}
	if r.c.br.Buffered() == 0 {
		r.c.letReaderGo()
	}
}

// Header gives the first value of a field, "" when it is absent or the head was let go. The name is in lower case.
func (r *Reply) Header(name string) string {
	if r.head == nil || !r.mayName(name) {
		return ""
	}
	return string(r.head.Peek(name))
}

// mayName says whether a field of that name may be there. A refusal is asked for some fifty that it does not have, and the codec
// would spell each of them as it writes names before it looked.
func (r *Reply) mayName(name string) bool {
	if r.names == 0 {
		for key := range r.head.All() {
			r.names |= mark(key)
		}
	}
	return r.names&mark(name) != 0
}

// mark is one bit of 64 for a name in either case.
func mark[T []byte | string](name T) uint64 {
	if len(name) == 0 {
		return 0
	}
	return 1 << ((len(name) + int(name[0]|0x20) + 3*int(name[len(name)-1]|0x20)) & 63)
}

// Sole gives the value of a field that stands there once, else "". The name is in lower case.
func (r *Reply) Sole(name string) string {
	if r.head == nil {
		return ""
	}
	if !r.mayName(name) {
		return ""
	}
	if values := r.head.PeekAll(name); len(values) == 1 {
		return string(values[0])
	}
	return ""
}

// Mentions says whether a part of a field's name begins with a word, as in X-Word-Limit. The word is in lower case but for its
// first letter, as the codec writes names.
func (r *Reply) Mentions(word string) bool {
	if r.head == nil {
		return false
	}
	for name := range r.head.All() {
		if bytes.Contains(name, []byte(word)) {
			return true
		}
	}
	return false
}

// Read gives the body as it was meant, without its framing. It returns io.EOF only at the true end, and an error that is
// io.ErrUnexpectedEOF when the body was cut.
func (r *Reply) Read(p []byte) (int, error) {
	if r.err == nil && r.f.Cancelled() {
		r.fail(ErrCancelled)
	}
	for r.err == nil && len(p) > 0 {
		if n := r.read(p); n > 0 {
			return n, nil
		}
	}
	if len(p) == 0 {
		return 0, nil
	}
	return 0, r.err
}

// ReadPooled reads as Read does, into a buffer of the pool that it takes when there is something to read, and not before: while a slow
// answer is waited for none is held. The buffer is nil when n is 0; otherwise the caller puts it back.
func (r *Reply) ReadPooled(pool *sync.Pool) (buf *[]byte, n int, err error) {
	if r.err == nil && r.f.Cancelled() {
		r.fail(ErrCancelled)
	}
	for r.err == nil && n == 0 {
		buf, n = r.readPooled(pool)
	}
	if n > 0 {
		return buf, n, nil
	}
	return nil, 0, r.err
}

func (r *Reply) readPooled(pool *sync.Pool) (buf *[]byte, n int) {
	if s := r.c.plain(); s != nil && r.c.br == nil {
		var err error
		if buf, n, err = s.ReadPooled(pool, r.most()); buf == nil {
			r.fail(err)
			return nil, 0
		}
		n = r.took((*buf)[:n], err)
	} else {
		buf = pool.Get().(*[]byte)
		n = r.read(*buf)
	}
	if n == 0 {
		pool.Put(buf)
		return nil, 0
	}
	return buf, n
}

func (r *Reply) read(p []byte) int {
	p = p[:min(int64(len(p)), r.most())]
	n, err := r.raw(p)
	return r.took(p[:n], err)
}

// most is how many bytes may be read without reading beyond the body, as far as that can be known.
func (r *Reply) most() int64 {
	if r.framing == byLength {
		return r.left
	}
	return math.MaxInt64
}

// took takes the framing out of what was read, and gives how much of the body that is.
func (r *Reply) took(p []byte, err error) int {
	n := len(p)
	switch r.framing {
	case byLength:
		if r.left -= int64(n); r.left == 0 {
			r.end()
		}
	case byChunks:
		n = r.decode(p)
	case byClose:
		if err == io.EOF {
			r.end()
		}
	}
	if err != nil && r.err == nil {
		r.fail(err)
	}
	return n
}

// raw reads what came with the head first, then from the connection.
func (r *Reply) raw(p []byte) (int, error) {
	if r.c.br == nil {
		return r.c.receive(p)
	}
	n, err := r.c.br.Read(p)
	if r.c.br.Buffered() == 0 {
		r.c.letReaderGo()
	}
	return n, err
}

func (r *Reply) decode(p []byte) int {
	n, rest, err := r.chunks.decode(p)
	if err != nil {
		r.fail(err)
	} else if r.chunks.ended() {
		r.spent = r.spent || rest > 0
		r.end()
	}
	return n
}

// end notes that the body is complete. Bytes behind it belong to nobody.
func (r *Reply) end() {
	r.err = io.EOF
	if r.c.br != nil && r.c.br.Buffered() > 0 {
		r.spent = true
	}
}

// fail ends the reading, unless there is time again.
func (r *Reply) fail(err error) {
	if r.f.postponed(err) {
		return
	}
	err = r.f.cause(err)
	if !ended(err) && !errors.Is(err, errMalformed) {
		err = cut(err)
	}
	r.err = &Error{Phase: phaseBody, Sent: true, Err: err}
}

// Close gives the connection back if the whole body was read, nothing is wrong with it and the flow was not cancelled, and
// closes it otherwise. It may be called again.
func (r *Reply) Close() error {
	if r.c == nil {
		return nil
	}
	r.LetHeadGo()
	r.c.letReaderGo()
	mine := r.f.unbind()
	if mine && r.err == io.EOF && !r.spent {
		r.t.pool.put(r.c)
	} else {
		r.t.pool.drop(r.c)
	}
	r.f, r.c = nil, nil
	return nil
}

// LetHeadGo says that nobody will ask for a header any more: a stream may last for minutes.
func (r *Reply) LetHeadGo() {
	if r.head != nil {
		r.head.Reset()
		answerHeads.Put(r.head)
		r.head = nil
	}
}
