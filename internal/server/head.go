package server

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// What Refuse is given for a head that is not one, beside the errors of the connection and of fasthttp.
var (
	ErrTLS        = errors.New("TLS, where plain HTTP is spoken")
	ErrNoRequest  = errors.New("no request of HTTP/1")
	ErrVersion    = errors.New("another version of HTTP")
	ErrTargetSize = errors.New("a target that is too long")
	ErrHeadSize   = errors.New("a head that is too long")
	ErrAmbiguous  = errors.New("a head that two servers could read differently")
	ErrCompressed = errors.New("a body that is compressed")
)

// maxBlank bounds the empty lines before a request, which some old clients send behind a body.
const maxBlank = 8

// tlsRecord is the first byte of a TLS handshake.
const tlsRecord = 0x16

// fields are what the lines of a head said of its body. The codec drops a length that stands beside chunks, and an encoding that
// means nothing, so this is taken from what the client wrote.
type fields struct{ length, encoding, compressed bool }

// awaitHead waits until br holds a whole head, and looks at each line as soon as it is there: another protocol, or what
// could be read in two ways, is refused at once, not when its time is over. The codec takes less care: it joins folded lines, ends lines at
// a bare LF, and reads a slow head again and again.
func awaitHead(br *bufio.Reader) (f fields, err error) {
	line, seen, blank := 0, 0, 0 // where the line begins, up to where there is no LF, and the empty lines before
	for {
		if _, err := br.Peek(seen + 1); err != nil {
			return f, unfinished(br, err, line)
		}
		b, _ := br.Peek(br.Buffered())
		if !httpguts.IsTokenRune(rune(b[0])) && b[0] != '\r' {
			return f, noMethod(b[0])
		}
		for seen < len(b) {
			n := bytes.IndexByte(b[seen:], '\n')
			if n < 0 {
				seen = len(b)
				break
			}
			text, ended := bytes.CutSuffix(b[line:seen+n], []byte{'\r'})
			if !ended {
				return f, ErrAmbiguous
			}
			first := line == 0
			line = seen + n + 1
			seen = line
			switch {
			case len(text) > 0 && !first:
				if !f.note(text) {
					return f, ErrAmbiguous
				}
			case len(text) > 0: // the codec looks closer
				if !endsInVersion(text) {
					return f, ErrNoRequest
				}
			case !first:
				return f, nil
			case blank == maxBlank:
				return f, ErrAmbiguous
			default:
				blank++
				_, _ = br.Discard(line)
				b, line, seen = b[line:], 0, 0
			}
		}
	}
}

// unfinished says why there is no whole head.
func unfinished(br *bufio.Reader, err error, line int) error {
	switch {
	case err == bufio.ErrBufferFull && line == 0:
		return ErrTargetSize
	case err == bufio.ErrBufferFull:
		return ErrHeadSize
	case br.Buffered() == 0:
		return io.EOF
	case err == io.EOF:
		return io.ErrUnexpectedEOF
	}
	return err
}

func noMethod(first byte) error {
	if first == tlsRecord {
		return ErrTLS
	}
	return ErrNoRequest
}

func endsInVersion(line []byte) bool {
	const version = " HTTP/1.1"
	n := len(line) - len(version)
	return n > 0 && string(line[n:n+6]) == version[:6]
}

// note takes what matters from the line of a field, and says whether it is one: a name without blanks, and no line that goes on.
func (f *fields) note(text []byte) bool {
	n := bytes.IndexByte(text, ':')
	if n <= 0 || text[0] == '\t' || bytes.IndexByte(text[:n], ' ') >= 0 {
		return false
	}
	switch name := text[:n]; n {
	case len("content-length"):
		f.length = f.length || strings.EqualFold(string(name), "content-length")
	case len("transfer-encoding"):
		f.encoding = f.encoding || strings.EqualFold(string(name), "transfer-encoding")
	case len("content-encoding"):
		f.compressed = f.compressed || strings.EqualFold(string(name), "content-encoding") && !bytes.EqualFold(bytes.TrimSpace(text[n+1:]), []byte("identity"))
	}
	return true
}
