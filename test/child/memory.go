package child

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Memory reads a line "Name:  123 kB" of a file that the kernel keeps of a process, in bytes: VmRSS and VmHWM of status, Pss of
// smaps_rollup.
func Memory(pid int, file, name string) (int, error) {
	path := fmt.Sprintf("/proc/%d/%s", pid, file)
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == name+":" {
			kb, err := strconv.Atoi(f[1])
			return kb << 10, err
		}
	}
	return 0, fmt.Errorf("%s has no %s", path, name)
}
