package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	startBound = 20 * time.Second
	stopBound  = 15 * time.Second
)

// program is a running freefall in a folder of its own.
type program struct {
	dir    string
	addr   string
	cmd    *exec.Cmd
	client http.Client // of the metrics: one connection, so that looking costs the same at any time

	mu    sync.Mutex
	said  []string // the last lines it wrote
	ended chan struct{}
}

// start runs freefall with this models.yaml on a free port.
func start(binary, yaml string) (*program, error) {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "freefall-soak-")
	if err != nil {
		return nil, err
	}
	p := &program{dir: dir, ended: make(chan struct{}), client: http.Client{Timeout: stopBound, Transport: &http.Transport{}}}
	if err := p.configure(yaml); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	p.cmd = exec.Command(binary, "serve", "--listen", "127.0.0.1:0")
	p.cmd.Dir, p.cmd.Env = dir, []string{"HOME=" + dir}
	out, err := p.cmd.StderrPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	listening := make(chan string, 1)
	go p.listen(out, listening)
	select {
	case p.addr = <-listening:
		return p, nil
	case <-p.ended:
	case <-time.After(startBound):
	}
	return nil, errors.Join(fmt.Errorf("freefall does not serve: %s", p.words()), p.stop())
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
			listening <- m[1]
		}
	}
	_ = p.cmd.Wait()
	close(p.ended)
}

func (p *program) words() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.said, "\n")
}

// configure writes models.yaml as an editor does: beside it, then over it.
func (p *program) configure(yaml string) error {
	path := filepath.Join(p.dir, "models.yaml")
	if err := os.WriteFile(path+".new", []byte(yaml), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

func (p *program) signal(s os.Signal) { _ = p.cmd.Process.Signal(s) }

// stop ends the program as an operator does, and says when it did not end well.
func (p *program) stop() error {
	defer os.RemoveAll(p.dir)
	p.client.CloseIdleConnections()
	p.signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(stopBound):
		_ = p.cmd.Process.Kill()
		<-p.ended
		return errors.New("freefall had to be killed")
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("freefall ended with %d: %s", code, p.words())
	}
	return nil
}

// metrics reads /metrics: each series and its value.
func (p *program) metrics() (map[string]float64, error) {
	resp, err := p.client.Get("http://" + p.addr + "/metrics")
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	series := map[string]float64{}
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		at := strings.LastIndexByte(lines.Text(), ' ')
		if at < 0 || lines.Text()[0] == '#' {
			continue
		}
		if series[lines.Text()[:at]], err = strconv.ParseFloat(lines.Text()[at+1:], 64); err != nil {
			return nil, err
		}
	}
	return series, lines.Err()
}

// metric reads one value of /metrics.
func (p *program) metric(name string) (float64, error) {
	series, err := p.metrics()
	if err != nil {
		return 0, err
	}
	return value(series, name)
}

func value(series map[string]float64, name string) (float64, error) {
	v, ok := series[name]
	if !ok {
		return 0, fmt.Errorf("there is no metric %s", name)
	}
	return v, nil
}

// memory is the program's resident memory in bytes: VmRSS now, VmHWM at most.
func (p *program) memory(kind string) (int, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == kind {
			kb, err := strconv.Atoi(fields[1])
			return kb << 10, err
		}
	}
	return 0, errors.New("the system does not tell resident memory")
}
