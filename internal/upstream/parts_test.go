package upstream

import (
	"bytes"
	"io"
	"net"
	"testing"
)

// pair are the two ends of a connection.
func pair(t *testing.T) (a, b *net.TCPConn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	one, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { one.Close() })
	other, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.Close() })
	return one.(*net.TCPConn), other.(*net.TCPConn)
}

// TestWriteParts writes more than the kernel takes at once, so that it goes on within a part.
func TestWriteParts(t *testing.T) {
	said, heard := pair(t)
	_ = said.SetWriteBuffer(32 << 10)
	_ = heard.SetReadBuffer(32 << 10)
	s := newSocket(said)
	if s == nil {
		return // where there are no descriptors
	}
	whole := make([]byte, 3<<20)
	for i := range whole {
		whole[i] = byte(i * i >> 7)
	}
	wrote := make(chan error, 1)
	go func() {
		parts := net.Buffers{whole[:10], whole[10:10], whole[10 : 1<<20], whole[1<<20 : 2<<20], whole[2<<20 : 3<<20-1], whole[3<<20-1:]}
		err := s.WriteParts(&parts)
		if len(parts) > 0 {
			t.Errorf("%d parts are left", len(parts))
		}
		said.Close()
		wrote <- err
	}()
	got, err := io.ReadAll(io.LimitReader(heard, int64(len(whole)+1)))
	heard.Close()
	if err != nil || !bytes.Equal(got, whole) {
		t.Errorf("%d bytes of %d came, or other ones: %v", len(got), len(whole), err)
	}
	if err := <-wrote; err != nil {
		t.Error(err)
	}
}
