package proxy

import "sync"

const (
	readSize = 16 << 10
	outSize  = readSize + 4<<10 // what was read, and what rewriting it may add
)

// readBufs hold what is read of an upstream at a time, outBufs what a client is sent for it. Both are held only as long as there is
// something in them: a stream that waits has neither.
var (
	readBufs = sync.Pool{New: func() any { b := make([]byte, readSize); return &b }}
	outBufs  = sync.Pool{New: func() any { b := make([]byte, outSize); return &b }}
)

// makeRoom gives r.head a buffer.
func (r *reply) makeRoom() {
	if r.head == nil {
		r.head = r.takeRoom()
	}
}

// takeRoom gives a buffer that r.head does not stand in yet.
func (r *reply) takeRoom() []byte {
	r.room = outBufs.Get().(*[]byte)
	return (*r.room)[:0]
}

// letRoomGo lets go of r.head.
func (r *reply) letRoomGo() {
	if r.room != nil {
		outBufs.Put(r.room)
	}
	r.head, r.room = nil, nil
}
