//go:build linux

package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const patience = 20 * time.Second // for what should take a moment

const (
	tired = 64 // models of freefall that refuse with a 429; each rests for coolDown after it
	// coolDown is short, so that every request of the measurement meets one that does not rest.
	coolDown = "1ms"
)

// program is one of those that are compared.
type program struct {
	name    string
	version string
	command func(w *world, dir string) (*exec.Cmd, string, error) // and its address; "" = it prints it
	falls   bool                                                  // it can go to another upstream after a 429
	paths   bool                                                  // its path says where a request goes, not its model
	own     bool                                                  // it is a freefall
}

// world is where the programs run: the provider's addresses, and the programs' own files.
type world struct {
	token   string
	limited string   // host:port of the provider that refuses
	open    []string // of those that answer
}

func programs(o *options) []program {
	all := []program{
		{name: "nginx", version: firstLine("nginx", "-v"), command: nginx, falls: true, paths: true},
		{name: "haproxy", version: firstLine("haproxy", "-v"), command: haproxy, paths: true},
		{name: "net/http", version: "httputil.ReverseProxy", command: netHTTP, paths: true},
		own("freefall", o.binary),
	}
	if o.before != "" {
		all = append(all, own("before", o.before))
	}
	return all
}

// own is a freefall.
func own(name, binary string) program {
	return program{name: name, version: firstLine(binary, "version"), falls: true, own: true,
		command: func(w *world, dir string) (*exec.Cmd, string, error) { return freefall(binary, w, dir) }}
}

// firstLine is what a program says of its version.
func firstLine(name string, arg string) string {
	out, err := exec.Command(name, arg).CombinedOutput()
	if err != nil {
		return "missing"
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimSpace(strings.TrimPrefix(line, "nginx version: "))
}

// freePort is a port that nobody has, as far as one can know.
func freePort() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}

// written puts a file into the program's folder.
func written(dir, name, text string) (string, error) {
	path := filepath.Join(dir, name)
	return path, os.WriteFile(path, []byte(text), 0o600)
}

// nginx streams, keeps its connections, keeps bodies of requests out of files, and writes its access log, as it does by default.
func nginx(w *world, dir string) (*exec.Cmd, string, error) {
	addr, err := freePort()
	if err != nil {
		return nil, "", err
	}
	user := ""
	if os.Getuid() == 0 {
		user = "user root;"
	}
	path, err := written(dir, "nginx.conf", fmt.Sprintf(`%s
daemon off;
worker_processes auto;
worker_rlimit_nofile %d;
pid %[3]s/pid;
error_log %[3]s/error.log crit;
events { worker_connections 32768; }
http {
	access_log %[3]s/access.log;
	client_body_temp_path %[3]s/body;
	proxy_temp_path %[3]s/proxy;
	fastcgi_temp_path %[3]s/fastcgi;
	uwsgi_temp_path %[3]s/uwsgi;
	scgi_temp_path %[3]s/scgi;
	client_body_buffer_size 128k;
	client_max_body_size 32m;
	keepalive_requests 1000000000;
	keepalive_timeout 600s;
	proxy_http_version 1.1;
	proxy_set_header Connection "";
	proxy_buffering off;
	proxy_read_timeout 600s;
	upstream open { server %[4]s; keepalive 512; keepalive_requests 1000000000; }
	upstream many { server %[5]s; keepalive 512; keepalive_requests 1000000000; }
	upstream fall { server %[6]s max_fails=0; server %[4]s backup; keepalive 512; keepalive_requests 1000000000; }
	server {
		listen %[7]s;
		location /v1/ { proxy_pass http://open; }
		location /many/ { proxy_pass http://many; }
		location /fall/ { proxy_pass http://fall; proxy_next_upstream error timeout http_429 non_idempotent; }
	}
}
`, user, mostFiles(), dir, w.open[0], strings.Join(w.open, "; server "), w.limited, addr))
	return exec.Command("nginx", "-c", path, "-p", dir, "-e", filepath.Join(dir, "error.log")), addr, err
}

func haproxy(w *world, dir string) (*exec.Cmd, string, error) {
	addr, err := freePort()
	if err != nil {
		return nil, "", err
	}
	var many strings.Builder
	for i, server := range w.open {
		fmt.Fprintf(&many, "\tserver s%d %s\n", i, server)
	}
	path, err := written(dir, "haproxy.cfg", fmt.Sprintf(`global
	maxconn %d
defaults
	mode http
	timeout connect 3s
	timeout client 600s
	timeout server 600s
	http-reuse always
frontend front
	bind %s
	use_backend many if { path_beg /many/ }
	default_backend open
backend open
	server s %s
backend many
%s`, (mostFiles()-100)/2, addr, w.open[0], many.String()))
	return exec.Command("haproxy", "-db", "-f", path), addr, err
}

func netHTTP(w *world, _ string) (*exec.Cmd, string, error) {
	self, err := os.Executable()
	return exec.Command(self, "-as", "reverse", "-upstream", w.open[0]), "", err
}

// freefall runs with all that it does by default: state on disk, metrics, the log at info on standard error and in its file.
func freefall(binary string, w *world, dir string) (*exec.Cmd, string, error) {
	addr, err := freePort()
	if err != nil {
		return nil, "", err
	}
	var providers, models strings.Builder
	for i := range 5 {
		fmt.Fprintf(&models, "  - {id: fast-%d, provider: p0, supports_tools: true}\n", i)
	}
	fmt.Fprintf(&providers, "  limited: {base_url: 'http://%s/v1', keys: [], limits: none, model_limits: none, discover: off}\n", w.limited)
	for i := range tired {
		fmt.Fprintf(&models, "  - {id: tired-%d, provider: limited, supports_tools: true}\n", i)
	}
	for i, server := range w.open {
		fmt.Fprintf(&providers, "  p%d: {base_url: 'http://%s/v1', keys: [], discover: off}\n", i, server)
		fmt.Fprintf(&models, "  - {id: slow-%d, provider: p%d, supports_tools: true}\n", i, i)
	}
	_, err = written(dir, "models.yaml", fmt.Sprintf(`listen: %s
data_dir: data
log: {level: info, file: logs/app.log}
timeouts: {first_token: 600s, answer: 600s, idle: 600s, total: 600s}
breaker: {failures: 100, cooldown: %s, max_cooldown: %[2]s}
providers:
%smodels:
%s`, addr, coolDown, providers.String(), models.String()))
	if err != nil {
		return nil, "", err
	}
	binary, err = filepath.Abs(binary)
	cmd := exec.Command(binary, "serve")
	cmd.Dir, cmd.Env = dir, []string{"HOME=" + dir}
	return cmd, addr, err
}

// running is a program that serves.
type running struct {
	*program
	*process
	dir  string
	addr string
	took time.Duration // from its start to its first answer
}

// words are the last that a program has written.
func (r *running) words() string {
	text, _ := os.ReadFile(filepath.Join(r.dir, "output"))
	return string(text[max(0, len(text)-3000):])
}

// run starts a program in a folder of its own and waits until it answers.
func (p *program) run(w *world, dir string) (*running, error) {
	dir, err := os.MkdirTemp(dir, "program-")
	if err != nil {
		return nil, err
	}
	cmd, addr, err := p.command(w, dir)
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	proc, line, err := start(cmd, dir, addr == "")
	if err != nil {
		return nil, err
	}
	if addr == "" {
		addr = line
	}
	r := &running{program: p, process: proc, dir: dir, addr: addr}
	if err := r.answers(begun); err != nil {
		proc.stop()
		return nil, fmt.Errorf("%s: %w\n%s", p.name, err, r.words())
	}
	return r, nil
}

// answers waits for the first answer of any kind.
func (r *running) answers(begun time.Time) error {
	client := http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for {
		resp, err := client.Get("http://" + r.addr + "/healthz")
		if err == nil {
			resp.Body.Close()
			r.took = time.Since(begun)
			return nil
		}
		if !r.alive() || time.Since(begun) > patience {
			return fmt.Errorf("does not serve: %w", err)
		}
		time.Sleep(time.Millisecond)
	}
}
