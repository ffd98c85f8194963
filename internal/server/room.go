package server

import "time"

const (
	restful   = time.Second            // a connection that has waited for a request for so long makes room for others
	roomEvery = 100 * time.Millisecond // how often that is looked for: it goes through all connections
)

// makeRoom closes the connections that have waited longest for a request, if that is long: an idle client has no better right to a place
// than a new one. It says whether it has found any.
func (s *Server) makeRoom() (found bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if now.Sub(s.looked) < roomEvery {
		return false
	}
	s.looked = now
	longest := time.Duration(0)
	for c := range s.open {
		longest = max(longest, c.waited(now))
	}
	if longest < restful {
		return false
	}
	for c := range s.open {
		if c.waited(now) >= longest-longest/8 { // several, since more will come
			delete(s.open, c)
			_ = c.Conn.Close()
			found = true
		}
	}
	return found
}

// waited is for how long the connection has waited for a request.
func (c *conn) waited(now time.Time) time.Duration {
	since := c.waits.Load()
	if since == 0 {
		return 0
	}
	return now.Sub(time.Unix(0, since))
}
