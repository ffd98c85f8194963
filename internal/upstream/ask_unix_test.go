//go:build unix

package upstream

import (
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// asker is a socket, and the other end of its connection.
func asker(t *testing.T) (*socket, *net.TCPConn, *net.TCPConn) {
	asks, answers := pair(t)
	for _, c := range []*net.TCPConn{asks, answers} {
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	}
	return newSocket(asks), asks, answers
}

// ask says the parts, and how much of them was said.
func ask(s *socket, parts ...string) (a answer, said int, early bool, wrong error) {
	var all net.Buffers
	for _, p := range parts {
		all, said = append(all, []byte(p)), said+len(p)
	}
	a, early, wrong = s.Ask(&all, &firsts, 4<<10)
	for _, left := range all {
		said -= len(left)
	}
	return a, said, early, wrong
}

func hears(t *testing.T, c net.Conn, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != want {
		t.Errorf("%q instead of %q came: %v", got, want, err)
	}
}

func TestAsk(t *testing.T) {
	s, _, other := asker(t)
	for i := range 200 { // answers come before and after the wait has begun
		go func() {
			hears(t, other, "question")
			_, _ = other.Write([]byte("answer"))
		}()
		a, said, early, wrong := ask(s, [][]string{{"question"}, {"qu", "", "est", "ion"}}[i%2]...)
		if said != len("question") || early || wrong != nil || a.err != nil || a.buf == nil || string((*a.buf)[:a.n]) != "answer" {
			t.Fatalf("%+v, said %d, early %v, wrong %v", a, said, early, wrong)
		}
		firsts.Put(a.buf)
	}
	go other.Close()
	if a, _, early, wrong := ask(s, "question"); !early && wrong == nil && a.err == nil {
		t.Errorf("who has left answers: %+v", a)
	}
}

func TestAskSaysNothingToWhoHasSpoken(t *testing.T) {
	s, asks, other := asker(t)
	_, _ = other.Write([]byte("!"))
	for !s.readable() {
		time.Sleep(time.Millisecond)
	}
	if _, said, early, wrong := ask(s, "question"); said != 0 || !early || wrong != nil {
		t.Errorf("said %d, early %v, wrong %v", said, early, wrong)
	}
	asks.Close()
	if rest, _ := io.ReadAll(other); len(rest) > 0 {
		t.Errorf("%q was said", rest)
	}
}

func TestAskWaitsForNoAnswerToHalfAQuestion(t *testing.T) {
	s, asks, _ := asker(t)
	_ = asks.SetWriteBuffer(16 << 10)
	long := string(make([]byte, 16<<20))
	if a, said, early, wrong := ask(s, "?", long); said == 0 || said == 1+len(long) || early || wrong != nil || a.buf != nil || a.err != nil {
		t.Errorf("said %d, early %v, wrong %v, %+v", said, early, wrong, a)
	}
}

func TestAskInTime(t *testing.T) {
	s, asks, _ := asker(t)
	_ = asks.SetDeadline(past)
	if _, said, early, wrong := ask(s, "question"); said != 0 || early || !os.IsTimeout(wrong) {
		t.Errorf("too late: said %d, early %v, wrong %v", said, early, wrong)
	}
	_ = asks.SetDeadline(time.Now().Add(20 * time.Millisecond))
	if a, said, early, wrong := ask(s, "question"); said == 0 || early || wrong != nil || !os.IsTimeout(a.err) {
		t.Errorf("no answer: said %d, early %v, wrong %v, %v", said, early, wrong, a.err)
	}
}
