package proxy

import (
	"io"
	"sync"
)

const (
	readSize  = 16 << 10
	chunkRoom = 10 // bytes before the data of a chunk, for its size
	// writeBuffer is what fasthttp gathers of an answer before it writes: the head and a usual text. A stream holds so many bytes as
	// long as it lasts. firstChunk is how much of it goes out together with the head.
	writeBuffer = 2 << 10
	firstChunk  = 1 << 10
)

// readBufs hold what is read of an upstream at a time, outBufs what a client is sent for it. Both are held only as long as there is
// something in them: a stream that waits has neither.
var (
	readBufs = sync.Pool{New: func() any { b := make([]byte, readSize); return &b }}
	outBufs  = sync.Pool{New: func() any { b := make([]byte, chunkRoom+readSize+4<<10); return &b }}
)

// makeRoom gives r.head a buffer, with room before it.
func (r *reply) makeRoom() {
	if r.head == nil {
		r.room = outBufs.Get().(*[]byte)
		r.head = (*r.room)[chunkRoom:chunkRoom]
	}
}

// letRoomGo lets go of r.head.
func (r *reply) letRoomGo() {
	if r.room != nil {
		outBufs.Put(r.room)
	}
	r.head, r.room = nil, nil
}

// write sends r.head. The first chunk takes the head of the answer along. From then on fasthttp's buffer is empty, and chunks go
// round it in one piece: it would write the size of each, its data and its end one after the other.
func (r *reply) write(w io.Writer, first bool) (n int, err error) {
	defer r.letRoomGo()
	if r.conn == nil {
		return w.Write(r.head)
	}
	if first {
		if n, err = w.Write(r.head[:min(len(r.head), firstChunk)]); err != nil || n == len(r.head) {
			return n, err
		}
	}
	if _, err = r.conn.Write(asChunk(r.roomy(), chunkRoom+n)); err != nil {
		return n, err
	}
	return len(r.head), nil
}

// roomy is r.head behind its room. What has outgrown its buffer is copied.
func (r *reply) roomy() []byte {
	if r.room != nil && &(*r.room)[chunkRoom] == &r.head[0] {
		return (*r.room)[:chunkRoom+len(r.head)]
	}
	b := make([]byte, chunkRoom, chunkRoom+len(r.head)+2)
	return append(b, r.head...)
}

// asChunk makes a chunk of b from at on: it writes the size over what stands before that, and the end behind it.
func asChunk(b []byte, at int) []byte {
	const digits = "0123456789abcdef"
	n := len(b) - at
	at -= 2
	b[at], b[at+1] = '\r', '\n'
	for more := true; more; more = n > 0 {
		at--
		b[at] = digits[n&15]
		n >>= 4
	}
	return append(b[at:], '\r', '\n')
}
