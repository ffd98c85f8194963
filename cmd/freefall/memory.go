package main

import (
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
)

// boundMemory keeps the heap within what the program's group may have, so that it collects more eagerly before the kernel ends
// it.
func boundMemory() {
	if group, err := os.ReadFile("/proc/self/cgroup"); err == nil { // which only Linux has
		boundMemoryTo("/sys/fs/cgroup", string(group))
	}
}

// boundMemoryTo leaves a tenth for what is not heap. GOMEMLIMIT stands above it.
func boundMemoryTo(root, groups string) {
	if most := groupMemory(root, groups); most < math.MaxInt64 && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(most / 10 * 9)
	}
}

// groupMemory is the least of the bounds of a group and those around it, under the root of the groups' files; MaxInt64 = none.
// groups is what /proc/self/cgroup says: in version 2 "0::/path", before that also "4:memory:/path".
func groupMemory(root, groups string) int64 {
	most := int64(math.MaxInt64)
	for line := range strings.Lines(groups) {
		part := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(part) != 3 {
			continue
		}
		base, name := root, "memory.max"
		if part[1] != "" {
			if part[1] != "memory" {
				continue
			}
			base, name = filepath.Join(root, "memory"), "memory.limit_in_bytes"
		}
		for path := filepath.Clean("/" + part[2]); ; path = filepath.Dir(path) {
			most = min(most, bytesIn(filepath.Join(base, path, name)))
			if path == "/" {
				break
			}
		}
	}
	return most
}

// bytesIn is the number in a file. A bound near to what can be counted at all is none.
func bytesIn(path string) int64 {
	text, err := os.ReadFile(path)
	if err != nil {
		return math.MaxInt64
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil || n <= 0 || n > math.MaxInt64/2 {
		return math.MaxInt64
	}
	return n
}

// ballast is never touched, so it takes no memory. It counts as heap all the same, which grows to double before it is collected:
// without it that would be every few hundred requests, since little more than a megabyte is in use.
var ballast []byte //nolint:unused // that it is there is its use

const ballastSize = 8 << 20

// seldomCollect spares the collector its shortest turns. It does nothing where GOGC is set: that is the operator's own choice.
func seldomCollect() {
	if os.Getenv("GOGC") == "" {
		ballast = make([]byte, ballastSize)
	}
}
