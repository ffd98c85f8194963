package upstream

import (
	"cmp"
	"fmt"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// watcher is one epoll set that hears of peers that have left: no goroutine and no system call per request, and a FIN is seen
// even behind bytes that nobody has read. The set itself waits in the runtime's poller, so no thread does.
type watcher struct {
	set *os.File
	sys syscall.RawConn

	mu       sync.Mutex
	told     map[uint64]func() // whom to tell; an id is never used twice, so a late event finds nobody
	last     uint64
	released bool // by the listener; the set is closed with the last connection
}

func newWatcher() (*watcher, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		return nil, fmt.Errorf("watch for clients that leave: %w", err)
	}
	w := &watcher{set: os.NewFile(uintptr(fd), "epoll"), told: map[uint64]func(){}}
	if w.sys, err = w.set.SyscallConn(); err != nil {
		_ = w.set.Close()
		return nil, fmt.Errorf("watch for clients that leave: %w", err)
	}
	return w, nil
}

// add registers a connection for its life; the kernel forgets it when it is closed. A nil result means that nobody watches it.
func (w *watcher) add(sys syscall.RawConn, gone func()) (remove func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.released {
		return nil
	}
	if w.last == 0 {
		go w.run() // not before: a goroutine that waits for the kernel would stop the clock of a test in memory
	}
	w.last++
	id := w.last
	if err := w.register(sys, id); err != nil {
		return nil
	}
	w.told[id] = gone
	return func() { w.remove(id) }
}

func (w *watcher) register(sys syscall.RawConn, id uint64) (err error) {
	ev := unix.EpollEvent{Events: unix.EPOLLRDHUP | unix.EPOLLET, Fd: int32(id), Pad: int32(id >> 32)}
	closed := w.sys.Control(func(set uintptr) {
		closed := sys.Control(func(fd uintptr) {
			err = unix.EpollCtl(int(set), unix.EPOLL_CTL_ADD, int(fd), &ev)
		})
		err = cmp.Or(err, closed)
	})
	return cmp.Or(err, closed)
}

func (w *watcher) remove(id uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.told, id)
	w.closeUnused()
}

// release is what the listener says when it accepts no more.
func (w *watcher) release() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.released = true
	w.closeUnused()
}

func (w *watcher) closeUnused() {
	if w.released && len(w.told) == 0 {
		_ = w.set.Close()
	}
}

// run tells of those who left, until the set is closed.
func (w *watcher) run() {
	var events [64]unix.EpollEvent
	for {
		n := 0
		err := w.sys.Read(func(set uintptr) bool {
			n, _ = unix.EpollWait(int(set), events[:], 0)
			return n > 0
		})
		if err != nil {
			return
		}
		for _, ev := range events[:n] {
			w.tell(uint64(uint32(ev.Fd)) | uint64(uint32(ev.Pad))<<32)
		}
	}
}

func (w *watcher) tell(id uint64) {
	w.mu.Lock()
	gone := w.told[id]
	w.mu.Unlock()
	if gone != nil {
		gone()
	}
}
