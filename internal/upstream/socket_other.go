//go:build !unix

package upstream

import (
	"net"
	"sync"
)

// socket is not to be had here: connections are read and written as Go does it, and a dead kept one is found when it is used.
type socket struct{}

func newSocket(net.Conn) *socket { return nil }

func (*socket) readable() bool                { panic(noSocket) }
func (*socket) Read([]byte) (int, error)      { panic(noSocket) }
func (*socket) Write([]byte) (int, error)     { panic(noSocket) }
func (*socket) WriteParts(*net.Buffers) error { panic(noSocket) }
func (*socket) ReadPooled(*sync.Pool, int64) (*[]byte, int, error) {
	panic(noSocket)
}
func (*socket) Ask(*net.Buffers, *sync.Pool, int64) (answer, bool, error) { panic(noSocket) }

const noSocket = "BUG: a socket where there are none"
