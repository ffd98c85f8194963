//go:build linux

package child

import (
	"os"
	"testing"
)

func TestMemory(t *testing.T) {
	for _, c := range []struct{ file, name string }{{"status", "VmRSS"}, {"status", "VmHWM"}, {"smaps_rollup", "Pss"}} {
		if n, err := Memory(os.Getpid(), c.file, c.name); err != nil || n < 1<<20 || n > 1<<40 {
			t.Errorf("%s of %s: %d bytes, %v", c.name, c.file, n, err)
		}
	}
	if _, err := Memory(os.Getpid(), "status", "VmNone"); err == nil {
		t.Error("a line that is not there")
	}
	if _, err := Memory(-1, "status", "VmRSS"); err == nil {
		t.Error("a process that is not there")
	}
}
