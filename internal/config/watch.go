package config

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// LookEvery is how often Watch.Changed wants to be asked. A change is in use at most two looks after its last byte.
const LookEvery = 500 * time.Millisecond

// Watch sees that the files of a config have changed. It compares what they hold and nothing else, so that it does not matter
// how they were written: in place, by a rename, or by turning a symbolic link.
type Watch struct {
	options     Options
	taken, last look
}

// look is what the files held at one moment, as a hash.
type look [sha256.Size]byte

// Watch begins with what the files hold now. It is called before Load, so that nothing is missed between the two.
func (o Options) Watch() *Watch {
	w := &Watch{options: o}
	w.Take()
	return w
}

// Take makes what the files hold now the content that others are compared with.
func (w *Watch) Take() {
	w.taken = w.options.look()
	w.last = w.taken
}

// Changed is true once for each new content, when two looks in a row have agreed on it: a file that is still being written is
// not read.
func (w *Watch) Changed() bool {
	now := w.options.look()
	still := now == w.last
	w.last = now
	if !still || now == w.taken {
		return false
	}
	w.taken = now
	return true
}

// look reads what Load would read. A file that is not there, or cannot be read, is a content too.
func (o Options) look() (sum look) {
	h := sha256.New()
	beside := filepath.Join(o.Dir, ".env")
	env := newEnvironment(o.Env)
	if note(h, beside, maxEnvFile) {
		_ = env.readFile(beside) // it may name the config; Load tells what is wrong with it
	}
	if path, _ := o.find(env); path != "" {
		note(h, path, maxFile)
		note(h, filepath.Join(filepath.Dir(path), ".env"), maxEnvFile)
	}
	h.Sum(sum[:0])
	return sum
}

// note reads a file into the hash. Pipes and the like can be read once, which is for Load: they never change.
func note(w io.Writer, path string, most int64) (read bool) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		return false
	}
	b, err := readBounded(path, most)
	fmt.Fprintf(w, "%q %q %v\n", path, b, err)
	return err == nil
}
