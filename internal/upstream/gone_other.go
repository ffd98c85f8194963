//go:build !linux

package upstream

import "syscall"

// watcher watches nothing here: each connection listens by itself while attached.
type watcher struct{}

func newWatcher() (*watcher, error) { return &watcher{}, nil }

func (*watcher) add(syscall.RawConn, func()) func() { return nil }

func (*watcher) release() {}
