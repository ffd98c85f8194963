package proxy

import (
	"strings"
	"testing"
)

// Who speaks TLS to the plain port is told at once, and so is the operator, but not for each try.
func TestTLSOnThePlainPort(t *testing.T) {
	s := onSockets(t, socketPlan{})
	for range 3 {
		c := s.dial()
		c.send("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
		got := c.answer()
		s.wants("TLS", got, 400, "bad_request")
		if !strings.Contains(got.err().Message, "http://") {
			t.Errorf("it does not say what to do: %s", got.body)
		}
	}
	if n := strings.Count(s.log.String(), "speaks TLS"); n != 1 {
		t.Errorf("%d lines in the log: %s", n, s.log)
	}
}
