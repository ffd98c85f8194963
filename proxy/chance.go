package proxy

import (
	"crypto/rand"
	"sync"
)

// stock holds random bytes. They are fetched many at a time: the few that an id takes would cost as much.
type stock struct {
	bytes [512]byte
	left  int // at the end
}

var stocks = sync.Pool{New: func() any { return new(stock) }}

// randomize fills b, which is no longer than a stock. No byte is given twice.
func randomize(b []byte) {
	s := stocks.Get().(*stock)
	defer stocks.Put(s)
	if s.left < len(b) {
		_, _ = rand.Read(s.bytes[:]) // never fails
		s.left = len(s.bytes)
	}
	given := s.bytes[len(s.bytes)-s.left:][:len(b)]
	copy(b, given)
	clear(given)
	s.left -= len(b)
}
