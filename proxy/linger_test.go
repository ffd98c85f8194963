package proxy

import (
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// halfPipe is an end of a pipe that can say that nothing more will be said.
type halfPipe struct{ net.Conn }

func (halfPipe) CloseWrite() error { return nil }

// A client that was refused may go on sending, but neither pause for long nor go on for ever.
func TestLingeringIsBounded(t *testing.T) {
	for name, c := range map[string]struct {
		pause time.Duration // between two bytes of the client's; 0 = it says nothing
		after time.Duration // when it is cut off
	}{
		"silent":   {0, lingerSilence},
		"pausing":  {lingerSilence + time.Second, lingerSilence},
		"dripping": {lingerSilence - time.Second, lingerTime},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				here, there := net.Pipe()
				left := false
				own := &conn{Conn: halfPipe{here}, leave: func() { left = true }}
				own.lingering.Store(true)
				begun, sent := time.Now(), make(chan struct{})
				go func() {
					defer close(sent)
					for end := begun.Add(2 * lingerTime); c.pause > 0 && time.Now().Before(end); {
						time.Sleep(c.pause)
						if _, err := io.WriteString(there, "x"); err != nil {
							return
						}
					}
				}()
				_ = own.Close()
				if took := time.Since(begun); took < c.after || took > c.after+lingerSilence {
					t.Errorf("it is cut off after %v, not %v", took, c.after)
				}
				<-sent
				if _, err := there.Read(make([]byte, 1)); err != io.EOF || !left {
					t.Errorf("its connection is not closed: %v, or its place is not given back: %t", err, !left)
				}
			})
		})
	}
}
