//go:build linux && redis

package replicas

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"freefall/test/child"
)

const bound = 20 * time.Second // for whatever has to come about on a busy machine

var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "freefall-replicas-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "freefall")
	if out, err := exec.Command("go", "build", "-o", binary, "freefall/cmd/freefall").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%s%v\n", out, err)
		return 1
	}
	return m.Run()
}

// redis is a server on a port of its own.
type redis struct {
	t     *testing.T
	port  string
	dir   string
	cert  string // "" = it speaks no TLS
	key   string
	cmd   *exec.Cmd
	ended chan struct{}
}

// password is a part of every URL, so that it is seen if it gets out.
const password = "pa55-of-redis"

func startRedis(t *testing.T) *redis {
	t.Helper()
	r := newRedis(t)
	r.start()
	t.Cleanup(r.kill)
	return r
}

func newRedis(t *testing.T) *redis {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	ln.Close()
	return &redis{t: t, port: port, dir: t.TempDir()}
}

func (r *redis) url() string { return "redis://:" + password + "@127.0.0.1:" + r.port + "/3" }

func (r *redis) start() {
	r.t.Helper()
	door := []string{"--port", r.port}
	if r.cert != "" {
		door = []string{"--port", "0", "--tls-port", r.port, "--tls-cert-file", r.cert, "--tls-key-file", r.key, "--tls-auth-clients", "no"}
	}
	r.cmd = exec.Command("redis-server", append(door, "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--appendfsync", "always", "--requirepass", password, "--dir", r.dir)...)
	if err := r.cmd.Start(); err != nil {
		r.t.Fatalf("%v: apt-get install redis-server", err)
	}
	r.ended = make(chan struct{})
	go func() {
		_ = r.cmd.Wait()
		close(r.ended)
	}()
	eventually(r.t, "redis-server answers", func() bool {
		c, err := net.DialTimeout("tcp", "127.0.0.1:"+r.port, time.Second)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

func (r *redis) kill() {
	_ = r.cmd.Process.Kill()
	<-r.ended
}

// say is what redis-cli gives.
func (r *redis) say(args ...string) string {
	r.t.Helper()
	how := []string{"-p", r.port, "-n", "3", "--no-auth-warning", "-a", password}
	if r.cert != "" {
		how = append(how, "--tls", "--insecure")
	}
	cmd := exec.Command("redis-cli", append(how, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("redis-cli: %v: %s", err, out)
	}
	return strings.TrimSpace(string(out))
}

// provider answers what it is asked, and counts.
type provider struct {
	url    string
	calls  atomic.Int64
	answer atomic.Pointer[http.HandlerFunc] // instead of its own; nil = none
}

func startProvider(t *testing.T) *provider {
	t.Helper()
	p := &provider{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/chat/completions") {
			http.NotFound(w, r)
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		p.calls.Add(1)
		if answer := p.answer.Load(); answer != nil {
			(*answer)(w, r)
			return
		}
		fmt.Fprint(w, `{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],`+
			`"usage":{"prompt_tokens":9,"completion_tokens":1,"total_tokens":10}}`)
	}))
	t.Cleanup(func() {
		srv.CloseClientConnections()
		srv.Close()
	})
	p.url = srv.URL + "/v1"
	return p
}

// replica is a freefall in a folder of its own.
type replica struct {
	*child.Program
	dir string
}

// log is what it has written, without the lines of requests.
func (r *replica) log(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(r.dir, "logs", "app.log"))
	if err != nil {
		t.Error(err)
	}
	var said strings.Builder
	for line := range strings.Lines(string(b)) {
		if !strings.Contains(line, `"request":`) {
			said.WriteString(line)
		}
	}
	return said.String()
}

// state is what GET /api/chat/models tells.
func (r *replica) state(t *testing.T) string {
	t.Helper()
	_, body, err := call(http.MethodGet, "http://"+r.Addr+"/api/chat/models", "")
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// admin pauses, resumes or resets the model.
func (r *replica) admin(t *testing.T, what string) {
	t.Helper()
	if status, body, err := call(http.MethodPost, "http://"+r.Addr+"/api/chat/models/m/"+what, "", "Authorization", "Bearer "+adminKey); status != 200 {
		t.Fatalf("%s: %d %s %v", what, status, body, err)
	}
}

// replicas are so many freefalls, each with a folder of its own. yaml is what they have in common.
func replicas(t *testing.T, n int, yaml string, env ...string) (all []*replica) {
	t.Helper()
	for range n {
		all = append(all, startReplica(t, folder(t, yaml), env...))
	}
	for _, p := range all {
		eventually(t, "the replica has found Redis", func() bool { return metric(t, p, "freefall_redis_up") == "1" })
	}
	return all
}

func folder(t *testing.T, yaml string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "models.yaml"), []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// restart starts a replica anew that has ended.
func restart(t *testing.T, old *replica) *replica {
	t.Helper()
	p := startReplica(t, old.dir)
	eventually(t, "the replica has found Redis again", func() bool { return metric(t, p, "freefall_redis_up") == "1" })
	return p
}

func startReplica(t *testing.T, dir string, env ...string) *replica {
	t.Helper()
	p, err := child.Start(binary, dir, env...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		select {
		case <-p.Ended:
		default:
			if err := p.Stop(syscall.SIGTERM); err != nil {
				t.Error(err)
			}
		}
		words := (&replica{p, dir}).log(t)
		if strings.Contains(words, password) || strings.Contains(words, providerKey) {
			t.Error("the log tells a secret")
		}
		if t.Failed() {
			t.Log(words)
		}
	})
	return &replica{p, dir}
}

func metric(t *testing.T, p *replica, name string) string {
	t.Helper()
	_, body, err := call(http.MethodGet, "http://"+p.Addr+"/metrics", "", "Authorization", "Bearer "+adminKey)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(body, "\n") {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return value
		}
	}
	t.Fatalf("there is no metric %s", name)
	return ""
}

var client = http.Client{Timeout: bound}

func call(method, url, body string, header ...string) (status int, answer string, err error) {
	req, err := http.NewRequest(method, url, bytes.NewReader([]byte(body)))
	if err != nil {
		return 0, "", err
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

// chat asks a replica for an answer, without waiting for a limit.
func chat(p *replica, header ...string) (status int, answer string, err error) {
	return call(http.MethodPost, "http://"+p.Addr+"/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"hi"}]}`,
		append([]string{"Content-Type", "application/json", "X-Freefall-Max-Wait", "0s"}, header...)...)
}

// crowd asks the replicas in turn, n at once, and counts the answers by their status.
func crowd(t *testing.T, all []*replica, n int, header ...string) map[int]int {
	t.Helper()
	var mu sync.Mutex
	var failed error
	count := map[int]int{}
	var everybody sync.WaitGroup
	for i := range n {
		everybody.Go(func() {
			status, _, err := chat(all[i%len(all)], header...)
			mu.Lock()
			defer mu.Unlock()
			count[status]++
			failed = errors.Join(failed, err)
		})
	}
	everybody.Wait()
	if failed != nil {
		t.Error(failed)
	}
	return count
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(bound); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never came about that %s", what)
		}
	}
}
