package upstream

import (
	"net"
	"time"
)

// send writes the head and the body, what fits into the spare room of head joined to it. It reports whether it stopped
// because an answer was there already: providers refuse a large body long before its end.
func (c *conn) send(f *Flow, head []byte, body [3][]byte, maxHead int) (stopped bool, err error) {
	for i, part := range body {
		n := min(len(part), cap(head)-len(head))
		head, body[i] = append(head, part[:n]...), part[n:]
	}
	if len(body[0])+len(body[1])+len(body[2]) == 0 {
		return false, c.ask(head, maxHead)
	}
	defer clear(c.vecBack[:])
	defer func() { f.limitWrite(time.Time{}) }()
	rest := [4][]byte{head, body[0], body[1], body[2]}
	for first := true; ; first = false {
		if c.vec = cutSlice(c.vecBack[:0], &rest); len(c.vec) == 0 {
			return false, nil
		}
		if !first && c.answering(f, maxHead) {
			return true, nil
		}
		if stopped, err := c.sendSlice(f, maxHead); stopped || err != nil {
			return stopped, err
		}
	}
}

// ask writes a question that is all there is to send, and waits for the first of its answer where that can be done at once.
func (c *conn) ask(p []byte, maxHead int) error {
	if s := c.plain(); s != nil {
		a, said, early, wrong := s.Ask(p, &firsts, int64(maxHead))
		switch {
		case early && c.kept:
			return errStale
		case wrong != nil:
			return wrong
		case said == len(p):
			c.first, c.asked = a, true
			return nil
		}
		p = p[said:]
	}
	_, err := c.say(p)
	return err
}

// cutSlice moves up to sliceSize bytes from the front of rest to dst.
func cutSlice(dst net.Buffers, rest *[4][]byte) net.Buffers {
	room := sliceSize
	for i, part := range rest {
		if n := min(len(part), room); n > 0 {
			dst, rest[i] = append(dst, part[:n]), part[n:]
			room -= n
		}
	}
	return dst
}

// sendSlice writes c.vec. A peer that has answered may have stopped reading, so on plain TCP the write wakes up to look; on
// TLS an interrupted write cannot be resumed, and waits.
func (c *conn) sendSlice(f *Flow, maxHead int) (stopped bool, err error) {
	for len(c.vec) > 0 {
		err := c.sayParts(f)
		switch {
		case err == nil:
		case !timedOut(err) || f.over() != nil || c.secure():
			return false, err
		case c.answering(f, maxHead):
			return true, nil
		}
	}
	return false, nil
}

// sayParts writes c.vec, on plain TCP for a while.
func (c *conn) sayParts(f *Flow) error {
	if s := c.plain(); s != nil {
		f.limitWrite(time.Now().Add(stall))
		return s.WriteParts(&c.vec)
	}
	_, err := c.vec.WriteTo(c.rw)
	return err
}

// answering tells whether the provider is answering before it has got everything.
func (c *conn) answering(f *Flow, maxHead int) bool {
	if c.sock == nil || !c.sock.readable() {
		return false
	}
	if !c.secure() {
		return true
	}
	// The bytes may be TLS's own, such as session tickets: only a read tells. They are here, so it does not wait for them.
	f.limitRead(time.Now().Add(time.Millisecond))
	defer f.limitRead(time.Time{})
	_, err := c.reader(maxHead).Peek(1)
	return err == nil || !timedOut(err)
}
