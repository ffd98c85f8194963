package server

import "io"

// maxSkipped is how much of a body that nobody has read is read so that the connection can go on; of chunks, whose length nobody
// knows, likewise.
const maxSkipped = 128 << 10

var goOn = []byte("HTTP/1.1 100 Continue\r\n\r\n")

// body is what follows the head of a request, read as it comes: what a client declares costs nothing until it has sent it.
type body struct {
	conn    *conn
	chunks  io.Reader // fasthttp's; nil for a body of a known length
	left    int       // of a known length
	invited bool      // false: the client waits to be told to send it
	ended   bool
	err     error
}

// begin finds out which body the request has. The client is told to go on when somebody wants to read.
func (b *body) begin(c *conn) error {
	*b = body{conn: c}
	r := &c.ctx.Request
	switch n := r.Header.ContentLength(); {
	case n > 0:
		b.left = n
		b.invited = !r.MayContinue()
		r.SetBodyStream(b, n)
	case n == -1:
		// Nothing is read yet. The second number is of what fasthttp would take into a buffer of its own.
		if err := r.ContinueReadBodyStream(c.br, 1, false); err != nil {
			return err
		}
		b.chunks, b.invited = r.BodyStream(), !r.MayContinue()
		r.SetBodyStream(b, -1)
	default:
		b.end()
	}
	return nil
}

// Read gives the body, and io.EOF at its end. io.ErrUnexpectedEOF says that the client has gone before.
func (b *body) Read(p []byte) (n int, err error) {
	switch {
	case b.ended:
		return 0, io.EOF
	case b.err != nil:
		return 0, b.err
	case !b.invited:
		b.invited = true
		if _, b.err = b.conn.Write(goOn); b.err != nil {
			return 0, b.err
		}
	}
	if b.chunks != nil {
		n, err = b.chunks.Read(p)
	} else {
		n, err = b.counted(p)
	}
	switch {
	case err == io.EOF:
		b.end()
	case err != nil:
		b.err = err
	}
	return n, err
}

// counted reads of a body whose length is known: what came with the head, then from the connection itself.
func (b *body) counted(p []byte) (n int, err error) {
	p = p[:min(len(p), b.left)]
	if b.conn.br.Buffered() > 0 {
		n, err = b.conn.br.Read(p)
	} else {
		n, err = b.conn.Read(p)
	}
	b.left -= n
	switch {
	case b.left == 0:
		return n, io.EOF
	case err == io.EOF:
		return n, io.ErrUnexpectedEOF
	}
	return n, err
}

// end gives the buffer of the head back, unless the next request is in it already.
func (b *body) end() {
	b.ended = true
	if b.conn.br.Buffered() == 0 {
		b.conn.letReaderGo()
	}
}

// skippable says whether the end of the body can still be found. A client that was not told to send it (100-continue) may send the
// next request instead.
func (b *body) skippable() bool {
	return b.ended || b.err == nil && b.invited && b.left <= maxSkipped
}

// skip reads what nobody has read, and says whether it has found the end.
func (b *body) skip() bool {
	if b.ended {
		return true
	}
	_, err := io.CopyN(io.Discard, b, maxSkipped+1)
	return err == io.EOF
}
