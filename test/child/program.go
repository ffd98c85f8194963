// Package child runs freefall as a process of its own, for what is tested and measured from outside.
package child

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// StartBound is how long a program may take until it serves.
	StartBound = 20 * time.Second
	// StopBound is how long it may take to end before it is killed.
	StopBound = 15 * time.Second

	lastLines = 20 // that are kept of what it writes
)

// Program is a running freefall.
type Program struct {
	Addr  string          // where it listens
	PID   int             // its process
	Ended <-chan struct{} // closed when it has ended

	cmd *exec.Cmd

	mu   sync.Mutex // guards said
	said []string
}

// Start runs freefall in a folder with a models.yaml, on a free port and without the caller's environment; env is added to what is left.
func Start(binary, dir string, env ...string) (*Program, error) {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return nil, err
	}
	p := &Program{cmd: exec.Command(binary, "serve", "--listen", "127.0.0.1:0")}
	p.cmd.Dir, p.cmd.Env = dir, append([]string{"HOME=" + dir}, env...)
	out, err := p.cmd.StderrPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		return nil, err
	}
	ended, listening := make(chan struct{}), make(chan string, 1)
	p.PID, p.Ended = p.cmd.Process.Pid, ended
	go p.listen(out, listening, ended)
	select {
	case p.Addr = <-listening:
		return p, nil
	case <-ended:
	case <-time.After(StartBound):
	}
	return nil, errors.Join(fmt.Errorf("freefall does not serve: %s", p.Words()), p.Stop(syscall.SIGTERM))
}

var address = regexp.MustCompile(`"listen":"([^"]+)"`)

// listen keeps what the program writes, up to its end.
func (p *Program) listen(out io.Reader, listening chan<- string, ended chan<- struct{}) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		p.mu.Lock()
		p.said = append(p.said[max(0, len(p.said)-lastLines+1):], lines.Text())
		p.mu.Unlock()
		if m := address.FindStringSubmatch(lines.Text()); m != nil {
			select {
			case listening <- m[1]:
			default:
			}
		}
	}
	_ = p.cmd.Wait()
	close(ended)
}

// Words are the last lines that the program has written.
func (p *Program) Words() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.said, "\n")
}

// Signal sends the program a signal; one that has ended does not mind.
func (p *Program) Signal(s os.Signal) { _ = p.cmd.Process.Signal(s) }

// Stop ends the program with this signal, and in any case. Unless it was killed, the error says when it did not end well.
func (p *Program) Stop(s syscall.Signal) error {
	if !End(p.cmd.Process, p.Ended, s) {
		return errors.New("freefall had to be killed")
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 && s != syscall.SIGKILL {
		return fmt.Errorf("freefall ended with %d: %s", code, p.Words())
	}
	return nil
}

// End ends any process with a signal and, false, kills it when that does not help in time. ended is closed by whoever waits for it.
func End(p *os.Process, ended <-chan struct{}, s os.Signal) bool {
	_ = p.Signal(s)
	select {
	case <-ended:
		return true
	case <-time.After(StopBound):
		_ = p.Kill()
		<-ended
		return false
	}
}
