//go:build unix

package server

import "golang.org/x/sys/unix"

// places is how many connections may be open at once, and no more than most: half of the descriptors that this process may have,
// since whoever is served may need one to a provider. Without any left nobody could even be told that it is full.
func places(most int) int {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		return most
	}
	return max(1, min(most, int(min(l.Cur/2, 1<<30)))) // without a limit it is more than an int may hold
}
