package upstream

import (
	"bufio"
	"bytes"
	"io"
	"net/http/httputil"
	"strings"
	"testing"
)

func decodeAll(in string, step int) (body string, rest int, err error) {
	var d chunks
	for in != "" && !d.ended() {
		p := []byte(in[:min(step, len(in))])
		in = in[len(p):]
		n, left, err := d.decode(p)
		body += string(p[:n])
		if err != nil {
			return body, 0, err
		}
		rest = left + len(in)
	}
	if !d.ended() {
		return body, 0, io.ErrUnexpectedEOF
	}
	return body, rest, nil
}

func TestChunks(t *testing.T) {
	long := strings.Repeat("x", 9000)
	for name, test := range map[string]struct {
		in, body string
		rest     int
		err      error
	}{
		"one":               {"2\r\nhi\r\n0\r\n\r\n", "hi", 0, nil},
		"two":               {"2\r\nhi\r\n00A\r\n0123456789\r\n0\r\n\r\n", "hi0123456789", 0, nil},
		"upper and lower":   {"a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789", 0, nil},
		"none":              {"0\r\n\r\n", "", 0, nil},
		"bytes behind":      {"0\r\n\r\nHTTP", "", 4, nil},
		"extension":         {"2;a=\"b\"\r\nhi\r\n0;c\r\n\r\n", "hi", 0, nil},
		"space":             {"2 \r\nhi\r\n0\r\n\r\n", "hi", 0, nil},
		"trailers":          {"0\r\nA: b\r\nC: d\r\n\r\n", "", 0, nil},
		"crlf in data":      {"4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n", 0, nil},
		"line feed size":    {"2\nhi\r\n0\r\n\r\n", "", 0, errChunk},
		"line feed data":    {"2\r\nhi\n0\r\n\r\n", "hi", 0, errChunk},
		"line feed end":     {"0\r\n\n", "", 0, errChunk},
		"line feed trailer": {"0\r\nA: b\n\r\n", "", 0, errChunk},
		"lf in extension":   {"2;a\nb\r\nhi\r\n0\r\n\r\n", "", 0, errChunk},
		"data too long":     {"2\r\nhix\r\n0\r\n\r\n", "hi", 0, errChunk},
		"no size":           {"\r\nhi\r\n", "", 0, errChunk},
		"extension alone":   {";a\r\nhi\r\n", "", 0, errChunk},
		"minus":             {"-2\r\nhi\r\n", "", 0, errChunk},
		"0x":                {"0x2\r\nhi\r\n", "", 0, errChunk},
		"space before":      {" 2\r\nhi\r\n", "", 0, errChunk},
		"overflow":          {"ffffffffffffffff\r\nhi\r\n", "", 0, errChunk},
		"many zeros":        {"00000000000000000000002\r\nhi\r\n", "", 0, errChunk},
		"endless extension": {"2;" + long + "\r\nhi\r\n0\r\n\r\n", "", 0, errChunk},
		"endless trailers":  {"0\r\n" + strings.Repeat("A: b\r\n", 9000) + "\r\n", "", 0, errChunk},
		"word after a size": {"0 x\r\n\r\n", "", 0, errChunk},
		"blanks":            {"2 \t\r\nhi\r\n0;a=b\r\n\r\n", "hi", 0, nil},
		"blank extension":   {"0 ;a\r\n\r\n", "", 0, errChunk},
		"cr not at end":     {"2\r\rhi\r\n0\r\n\r\n", "", 0, errChunk},
		"cut":               {"5\r\nhi", "hi", 0, io.ErrUnexpectedEOF},
	} {
		for _, step := range []int{1, 2, 3, 1 << 20} {
			body, rest, err := decodeAll(test.in, step)
			if body != test.body || err != test.err || err == nil && rest != test.rest {
				t.Errorf("%s in steps of %d: %q, %d behind, %v", name, step, body, rest, err)
			}
		}
	}
}

// What we accept, the standard library reads in the same way, and the cuts between reads change nothing.
func FuzzChunked(f *testing.F) {
	for _, in := range []string{"2\r\nhi\r\n0\r\n\r\n", "2;a\r\nhi\r\n0\r\nA: b\r\n\r\nrest", "ffffffffffffffff\r\n", "a\r\n0123456789\r\n0\r\n\r\n"} {
		f.Add([]byte(in), 3)
	}
	f.Fuzz(func(t *testing.T, in []byte, step int) {
		whole, rest, err := decodeAll(string(in), len(in)+1)
		cut, restOfCut, errOfCut := decodeAll(string(in), max(1, step%17))
		if cut != whole || rest != restOfCut || err != errOfCut {
			t.Fatalf("cut: %q %d %v; whole: %q %d %v", cut, restOfCut, errOfCut, whole, rest, err)
		}
		if err != nil {
			return
		}
		want, wantErr := io.ReadAll(httputil.NewChunkedReader(bufio.NewReader(bytes.NewReader(in))))
		if wantErr != nil || string(want) != whole {
			t.Fatalf("got %q; the standard library: %q, %v", whole, want, wantErr)
		}
	})
}
