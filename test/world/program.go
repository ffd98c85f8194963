package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"time"
)

const (
	startBound = 20 * time.Second
	stopBound  = 15 * time.Second
)

// program is a running freefall.
type program struct {
	addr  string
	cmd   *exec.Cmd
	ended chan struct{}

	mu   sync.Mutex
	said []string // the last lines it wrote
}

// start runs freefall in a folder with a models.yaml, on a free port.
func start(binary, dir string) (*program, error) {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return nil, err
	}
	p := &program{ended: make(chan struct{})}
	p.cmd = exec.Command(binary, "serve", "--listen", "127.0.0.1:0")
	p.cmd.Dir, p.cmd.Env = dir, []string{"HOME=" + dir}
	out, err := p.cmd.StderrPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		return nil, err
	}
	listening := make(chan string, 1)
	go p.listen(out, listening)
	select {
	case p.addr = <-listening:
		return p, nil
	case <-p.ended:
	case <-time.After(startBound):
	}
	return nil, errors.Join(fmt.Errorf("freefall does not serve: %s", p.words()), p.stop(syscall.SIGTERM))
}

// listen keeps what the program writes, up to its end.
func (p *program) listen(out io.Reader, listening chan<- string) {
	at := regexp.MustCompile(`"listen":"([^"]+)"`)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		p.mu.Lock()
		p.said = append(p.said[max(0, len(p.said)-20):], lines.Text())
		p.mu.Unlock()
		if m := at.FindStringSubmatch(lines.Text()); m != nil {
			select {
			case listening <- m[1]:
			default:
			}
		}
	}
	_ = p.cmd.Wait()
	close(p.ended)
}

func (p *program) words() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said
}

// stop ends the program with this signal, and in any case.
func (p *program) stop(s syscall.Signal) error {
	_ = p.cmd.Process.Signal(s)
	select {
	case <-p.ended:
		return nil
	case <-time.After(stopBound):
		_ = p.cmd.Process.Kill()
		<-p.ended
		return errors.New("freefall had to be killed")
	}
}
