package upstream

import (
	"net"
	"time"
)

// send writes the head and the body, joined if they fit into the spare room of head. It reports whether it stopped because an
// answer was there already: providers refuse a large body long before its end.
func (c *conn) send(f *Flow, head []byte, body [3][]byte, maxHead int) (stopped bool, err error) {
	rest := [4][]byte{head, body[0], body[1], body[2]}
	if c.plain() == nil || fits(head, body) {
		join(&rest)
	}
	defer clear(c.vecBack[:])
	c.vec = cutSlice(c.vecBack[:0], &rest)
	if s := c.plain(); s != nil {
		if len(rest[0])+len(rest[1])+len(rest[2])+len(rest[3]) == 0 {
			if err := c.ask(s, maxHead); err != nil || len(c.vec) == 0 {
				return false, err
			}
		}
		defer func() { f.limitWrite(time.Time{}) }()
	}
	for {
		if stopped, err := c.sendSlice(f, maxHead); stopped || err != nil {
			return stopped, err
		}
		if c.vec = cutSlice(c.vecBack[:0], &rest); len(c.vec) == 0 {
			return false, nil
		}
		if c.answering(f, maxHead) {
			return true, nil
		}
	}
}

// fits says whether the body has room behind the head.
func fits(head []byte, body [3][]byte) bool {
	return len(body[0])+len(body[1])+len(body[2]) <= cap(head)-len(head)
}

// join moves to the first part what fits into its spare room: over TLS each part is a record of its own.
func join(parts *[4][]byte) {
	for i := 1; i < len(parts); i++ {
		n := min(len(parts[i]), cap(parts[0])-len(parts[0]))
		parts[0], parts[i] = append(parts[0], parts[i][:n]...), parts[i][n:]
	}
}

// ask writes c.vec, which is all there is to send, and waits for the first of the answer if that could be done at once.
func (c *conn) ask(s *socket, maxHead int) error {
	a, early, wrong := s.Ask(&c.vec, &firsts, int64(maxHead))
	switch {
	case early && c.kept:
		return errStale
	case wrong != nil:
		return wrong
	case len(c.vec) == 0:
		c.first, c.asked = a, true
	}
	return nil
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
