package upstream

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"sync"

	"github.com/valyala/fasthttp"
)

// maxInterim bounds the 1xx answers before the real one.
const maxInterim = 8

var (
	headEnd = []byte("\r\n\r\n")
	proto   = []byte("HTTP/1.")
)

// readHead reads the head of the answer into h and passes over interim ones. Both lengths at once, or a name that only some take for
// one, mean that somebody between us and the model may cut the answer elsewhere: ambiguous tells so.
func (c *conn) readHead(h *fasthttp.ResponseHeader, max int) (ambiguous bool, err error) {
	for range maxInterim {
		if err := c.awaitFirst(max); err != nil {
			return false, err
		}
		br := c.reader(max)
		raw, err := awaitHead(br)
		c.silent = c.silent && br.Buffered() == 0
		if err != nil {
			return false, err
		}
		h.SetNoDefaultContentType(true)
		if !wellFormed(raw) || h.Read(br) != nil {
			return false, errMalformed // the codec's own words repeat the answer
		}
		switch code := h.StatusCode(); {
		case code == fasthttp.StatusSwitchingProtocols:
			return false, errUpgrade
		case code >= 200:
			return h.ContentLength() == -1 && hasField(raw, "content-length") || hasLooseName(raw), nil
		}
	}
	return false, errInterim
}

// firsts hold the first bytes of answers until they are in a reader.
var firsts = sync.Pool{New: func() any { b := make([]byte, 4<<10); return &b }}

// awaitFirst waits for the first bytes of an answer, at most so many, where that can be done without a reader.
func (c *conn) awaitFirst(most int) (err error) {
	s := c.plain()
	if c.br != nil || s == nil {
		return nil
	}
	a := &c.first
	if !c.asked {
		a.buf, a.n, a.err = s.ReadPooled(&firsts, int64(most))
	}
	c.asked = false
	if err = a.err; a.buf != nil && a.n == 0 {
		c.letFirstGo()
	}
	if err == io.EOF {
		return nil // the reader will meet it too, and say what it means
	}
	return err
}

// Read gives what has been waited for, and then what comes.
func (c *conn) Read(p []byte) (int, error) {
	if c.first.buf == nil {
		return c.receive(p)
	}
	n := copy(p, (*c.first.buf)[:c.first.n]) // all of it: an empty reader has room for as much as was waited for
	c.letFirstGo()
	return n, nil
}

func (c *conn) letFirstGo() {
	if c.first.buf != nil {
		firsts.Put(c.first.buf)
	}
	c.first, c.asked = answer{}, false
}

// wellFormed tells whether a head begins with a version, a status of 100 to 599 and no more before its reason. The codec takes
// less: it reads no status as 200.
func wellFormed(head []byte) bool {
	line := head[len(proto):]
	return len(line) > 5 && (line[0] == '0' || line[0] == '1') && line[1] == ' ' &&
		'1' <= line[2] && line[2] <= '5' && isDigit(line[3]) && isDigit(line[4]) && (line[5] == ' ' || line[5] == '\r')
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }

func hasField(head []byte, name string) bool {
	for line := range bytes.SplitSeq(head, headEnd[3:]) {
		if len(line) > len(name) && strings.EqualFold(string(line[:len(name)]), name) {
			return true
		}
	}
	return false
}

// hasLooseName tells whether there is a blank between a name and its colon, which the codec drops.
func hasLooseName(head []byte) bool {
	if !bytes.Contains(head, []byte(" :")) {
		return false
	}
	for line := range bytes.SplitSeq(head, headEnd[2:]) {
		if n := bytes.IndexByte(line, ':'); n > 0 && line[n-1] == ' ' {
			return true
		}
	}
	return false
}

// bareLine tells whether a line ends in a line feed alone, from a place on.
func bareLine(head []byte, from int) bool {
	return bytes.Count(head[from:], headEnd[3:]) != bytes.Count(head[max(from-1, 0):], headEnd[2:])
}

// awaitHead waits until br holds a whole head and shows it, or says early that this is none: the codec would end it at two bare line
// feeds, which others pass over.
func awaitHead(br *bufio.Reader) ([]byte, error) {
	seen := 0
	for {
		_, err := br.Peek(seen + 1)
		b, _ := br.Peek(br.Buffered())
		if n := min(len(b), len(proto)); !bytes.Equal(b[:n], proto[:n]) {
			return nil, errMalformed
		}
		head, from := b, max(seen-len(headEnd)+1, 0)
		end := bytes.Index(b[from:], headEnd)
		if end >= 0 {
			head = b[:from+end+len(headEnd)]
		}
		switch {
		case bareLine(head, seen):
			return nil, errMalformed
		case end >= 0:
			return head, nil
		case err == bufio.ErrBufferFull:
			return nil, errHeadSize
		case err == io.EOF && len(b) == 0:
			return nil, errHungUp
		case err == io.EOF:
			return nil, io.ErrUnexpectedEOF
		case err != nil:
			return nil, err
		}
		seen = len(b)
	}
}
