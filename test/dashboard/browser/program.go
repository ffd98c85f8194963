package browser

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
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
	startBound = 15 * time.Second
	stopBound  = 10 * time.Second
)

// Build compiles freefall into the folder and gives the path of the program.
func Build(ctx context.Context, dir string) (string, error) {
	out := filepath.Join(dir, "freefall")
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-o", out, "./cmd/freefall")
	cmd.Dir = root
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building freefall: %w\n%s", err, text)
	}
	return out, nil
}

// Program is a running freefall.
type Program struct {
	URL      string // of the proxy
	Upstream string // of the simulated provider, if it has one

	cmd  *exec.Cmd
	over chan struct{}
	mu   sync.Mutex // guards said
	said bytes.Buffer
}

var (
	greeting = regexp.MustCompile(`on (http://[0-9.:]+)/v1, before a simulated provider on (http://[0-9.:]+)`)
	serving  = regexp.MustCompile(`freefall serves (http://[0-9.:]+)/v1`)
)

// Demo starts freefall demo with so many requests a second of its own.
func Demo(program string, traffic int) (*Program, error) {
	return start(program, greeting, nil, "demo", "--listen", "127.0.0.1:0", "--upstream", "127.0.0.1:0", "--traffic", fmt.Sprint(traffic))
}

// Serve starts freefall with that models.yaml.
func Serve(program, dir, config string, env ...string) (*Program, error) {
	return ServeAt(program, dir, "127.0.0.1:0", config, env...)
}

// ServeAt likewise, at that address.
func ServeAt(program, dir, addr, config string, env ...string) (*Program, error) {
	path := filepath.Join(dir, "models.yaml")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		return nil, err
	}
	return start(program, serving, append(env, "LOG_FORMAT=json"), "serve", "--config", path, "--listen", addr)
}

func start(program string, ready *regexp.Regexp, env []string, args ...string) (*Program, error) {
	p := &Program{cmd: exec.Command(program, args...), over: make(chan struct{})}
	p.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.TempDir()}, env...)
	p.cmd.Dir = os.TempDir()
	out, in := net.Pipe()
	p.cmd.Stdout, p.cmd.Stderr = in, in
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	found := make(chan []string, 1)
	go func() {
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			p.mu.Lock()
			if p.said.Len() < 1<<20 {
				p.said.WriteString(lines.Text() + "\n")
			}
			p.mu.Unlock()
			if m := ready.FindStringSubmatch(lines.Text()); m != nil {
				select {
				case found <- m:
				default:
				}
			}
		}
	}()
	go func() {
		_ = p.cmd.Wait()
		in.Close()
		close(p.over)
	}()
	select {
	case m := <-found:
		p.URL = m[1]
		if len(m) > 2 {
			p.Upstream = m[2]
		}
		return p, nil
	case <-p.over:
		return nil, errors.New("freefall ended at once:\n" + p.Said())
	case <-time.After(startBound):
		p.Stop()
		return nil, errors.New("freefall does not start:\n" + p.Said())
	}
}

// Said is what the program has written.
func (p *Program) Said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.String()
}

// Stop ends the program and waits for that.
func (p *Program) Stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.over:
	case <-time.After(stopBound):
		_ = p.cmd.Process.Kill()
		<-p.over
	}
}

var client = &http.Client{Timeout: 20 * time.Second}

// Control gives the simulated provider an order, see package fakellm.
func (p *Program) Control(order string) error {
	return post(p.Upstream+"/control", order, "")
}

// Ask asks for a chat completion and waits for its end, whatever it is.
func (p *Program) Ask(body, key string) error {
	return post(p.URL+"/v1/chat/completions", body, key)
}

// Pause takes a model out of the chain.
func (p *Program) Pause(id string) error {
	return post(p.URL+"/api/chat/models/"+id+"/pause", "{}", "")
}

func post(url, body, key string) error {
	req, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var text bytes.Buffer
	_, _ = text.ReadFrom(resp.Body)
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s: %s: %s", url, resp.Status, text.String())
	}
	return nil
}
