//go:build !unix

package upstream

import "syscall"

// readable cannot look without reading here: a dead kept connection is found when it is used, and redialled.
func readable(syscall.RawConn) bool { return false }

func awaitReadable(syscall.RawConn) error { return nil }
