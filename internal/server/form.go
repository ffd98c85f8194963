package server

import (
	"bytes"
	"strings"

	"github.com/valyala/fasthttp"
)

// check refuses what the codec takes and another server would read in another way: a
// proxy in front of freefall has judged the request by its own reading.
func check(h *fasthttp.RequestHeader, f fields) error {
	if !bytes.HasPrefix(h.Protocol(), []byte("HTTP/1.")) {
		return ErrVersion
	}
	if f.compressed {
		return ErrCompressed
	}
	if f.encoding && (f.length || h.ContentLength() != -1) {
		return ErrAmbiguous
	}
	if !isHost(h.Host()) || !plainTarget(h.RequestURI(), h.Host()) {
		return ErrAmbiguous
	}
	return nil
}

// isHost says whether nothing stands there but what a name, an address or a port is made of.
func isHost(text []byte) bool {
	for _, c := range text {
		letter, digit := 'a' <= c|0x20 && c|0x20 <= 'z', '0' <= c && c <= '9'
		if !letter && !digit && strings.IndexByte("-._~:[]%", c) < 0 {
			return false
		}
	}
	return true
}

// plainTarget says whether a target means one thing: no fragment, and in its long form the host that the head names.
func plainTarget(target, host []byte) bool {
	if bytes.IndexByte(target, '#') >= 0 {
		return false
	}
	if len(target) > 0 && target[0] == '/' {
		return true
	}
	scheme, rest, long := bytes.Cut(target, []byte("://"))
	if !long {
		return true // of OPTIONS, or of a tunnel: the codec lets nothing else pass
	}
	if n := bytes.IndexAny(rest, "/?"); n >= 0 {
		rest = rest[:n]
	}
	return (strings.EqualFold(string(scheme), "http") || strings.EqualFold(string(scheme), "https")) && bytes.EqualFold(rest, host)
}
