//go:build unix

package server

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestPlaces(t *testing.T) {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		t.Fatal(err)
	}
	half := int(l.Cur / 2)
	for most, want := range map[int]int{1: 1, half - 1: half - 1, half + 1: half, 2*half + 1: half} {
		if got := places(most); got != want {
			t.Errorf("of %d descriptors, at most %d: %d, want %d", l.Cur, most, got, want)
		}
	}
}
