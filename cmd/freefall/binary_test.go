package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"freefall/internal/fakellm"
)

// TestMain makes this binary the program itself when it is called freefall: the tests start it as a process of its own, so
// that nothing is built twice, and what runs under the race detector runs under it there as well.
func TestMain(m *testing.M) {
	testscript.Main(leakless{m}, map[string]func(){"freefall": func() { os.Exit(run(os.Args[1:])) }})
}

// leakless fails the run when a test leaves a goroutine behind.
type leakless struct{ *testing.M }

func (m leakless) Run() int {
	code := m.M.Run()
	if code != 0 {
		return code
	}
	http.DefaultClient.CloseIdleConnections()
	// A stopped fasthttp server leaves two that sleep for up to ten seconds before they end.
	if err := goleak.Find(goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

const (
	startBound = 20 * time.Second // a start on a machine that is busy with other tests
	stopBound  = 10 * time.Second
	callBound  = 30 * time.Second

	providerKey = "sk-or-v1-5e0c0ffee5e0c0ffee5e0c0ffee5e0c0ffee"
)

// simulated starts a simulated provider on a free port. url is its base_url.
func simulated(t *testing.T, o fakellm.Options) (fake *fakellm.Server, url string) {
	t.Helper()
	fake = fakellm.New(o)
	srv := httptest.NewServer(fake)
	t.Cleanup(func() {
		fake.Close()
		srv.CloseClientConnections()
		srv.Close()
	})
	return fake, srv.URL + "/v1"
}

// chats are the requests for an answer: freefall also asks what is left of an account.
func chats(fake *fakellm.Server) []fakellm.Request {
	return slices.DeleteFunc(fake.Requests(), func(r fakellm.Request) bool { return !strings.HasSuffix(r.Path, "/chat/completions") })
}

// models are a simulated provider's, which can do everything and ask for no key.
func models(ids ...string) fakellm.Options {
	o := fakellm.Options{OpenAI: true, Keyless: true}
	for _, id := range ids {
		o.Models = append(o.Models, fakellm.Model{ID: id, Tools: true, Vision: true, JSONSchema: true})
	}
	return o
}

// chain is a models.yaml: these ids with tools at one provider, and whatever else is given.
func chain(url string, more string, ids ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "providers: {p: {base_url: %q, keys: [%q]}}\nmodels:\n", url, providerKey)
	for _, id := range ids {
		fmt.Fprintf(&b, "  - {id: %q, supports_tools: true}\n", id)
	}
	return b.String() + more
}

// program is a running freefall: a process of its own, asked over a socket.
type program struct {
	t      *testing.T
	dir    string // its working folder, where models.yaml is
	addr   string
	url    string
	cmd    *exec.Cmd
	stderr *output
	client *http.Client
	heads  atomic.Int32 // answers that have begun
	ended  chan struct{}
}

// start runs `freefall serve` on a free port in a new folder that holds this models.yaml (none if empty), and waits until it
// answers. The environment holds nothing but what is given.
func start(t *testing.T, yaml string, env ...string) *program {
	t.Helper()
	dir := t.TempDir()
	if yaml != "" {
		write(t, filepath.Join(dir, "models.yaml"), yaml)
	}
	return startIn(t, dir, env...)
}

func startIn(t *testing.T, dir string, env ...string) *program {
	t.Helper()
	return startAt(t, dir, "127.0.0.1:0", env...)
}

func startAt(t *testing.T, dir, addr string, env ...string) *program {
	t.Helper()
	f := &program{t: t, dir: dir, stderr: &output{}, ended: make(chan struct{}),
		client: &http.Client{Timeout: callBound, Transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}}}
	f.cmd = command(dir, env, "serve", "--listen", addr)
	f.cmd.Stderr = f.stderr
	if err := f.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = f.cmd.Wait()
		close(f.ended)
	}()
	t.Cleanup(f.finish)
	listens := regexp.MustCompile(`serves http://([0-9.:]+)/v1`)
	f.until(startBound, "freefall to listen", func() bool {
		at := listens.FindStringSubmatch(f.stderr.String())
		if at == nil {
			return false
		}
		f.addr, f.url = at[1], "http://"+at[1]
		return true
	})
	if got := f.get("/healthz"); got.status != 200 {
		t.Fatalf("healthz: %d %s", got.status, got.body)
	}
	return f
}

// command is freefall as a process of its own. testscript has put its name in front of PATH.
func command(dir string, env []string, args ...string) *exec.Cmd {
	cmd := exec.Command("freefall", args...)
	cmd.Dir = dir
	cmd.Env = append([]string{"HOME=" + dir, "PATH=" + os.Getenv("PATH")}, env...)
	return cmd
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// finish ends the program as an operator does, unless the test has. It must end well, and by itself.
func (f *program) finish() {
	f.client.CloseIdleConnections()
	if f.running() {
		if code := f.stop(); code != 0 {
			f.t.Errorf("SIGTERM: freefall ended with %d", code)
		}
	}
	if f.t.Failed() {
		f.t.Logf("freefall wrote:\n%s", f.stderr)
	}
}

func (f *program) running() bool {
	select {
	case <-f.ended:
		return false
	default:
		return true
	}
}

// stop sends SIGTERM and gives the exit code.
func (f *program) stop() int {
	f.t.Helper()
	f.signal(syscall.SIGTERM)
	return f.wait()
}

func (f *program) signal(s os.Signal) {
	f.t.Helper()
	if err := f.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		f.t.Fatal(err)
	}
}

// wait gives the exit code, -1 of one that a signal ended.
func (f *program) wait() int {
	f.t.Helper()
	select {
	case <-f.ended:
	case <-time.After(stopBound):
		_ = f.cmd.Process.Kill()
		<-f.ended
		f.t.Error("freefall had to be killed")
	}
	return f.cmd.ProcessState.ExitCode()
}

// until waits for what another process does.
func (f *program) until(bound time.Duration, what string, done func() bool) {
	f.t.Helper()
	for end := time.Now().Add(bound); !done(); time.Sleep(5 * time.Millisecond) {
		if !f.running() {
			f.t.Fatalf("waiting for %s: freefall ended with %d:\n%s", what, f.cmd.ProcessState.ExitCode(), f.stderr)
		}
		if time.Now().After(end) {
			f.t.Fatalf("waited %v for %s", bound, what)
		}
	}
}

// output is what a process writes, to be read while it writes.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// answer is what a client was given, as a whole.
type answer struct {
	status int
	header http.Header
	body   string
	err    error // reading the body
	took   time.Duration
}

func (a answer) trail() string    { return a.header.Get("X-Freefall-Trail") }
func (a answer) attempts() string { return a.header.Get("X-Freefall-Attempts") }

// events are the data of a stream's events.
func (a answer) events() (list []string) {
	s := bufio.NewScanner(strings.NewReader(a.body))
	s.Buffer(nil, 16<<20)
	for s.Scan() {
		if data, ok := strings.CutPrefix(s.Text(), "data: "); ok {
			list = append(list, data)
		}
	}
	return list
}

// clean says whether a stream ended as a whole one does.
func (a answer) clean() bool {
	return strings.HasSuffix(a.body, "data: [DONE]\n\n") && a.problem().Message == ""
}

// text is what the model said, whole or streamed.
func (a answer) text() string {
	type said struct{ Content string }
	var c struct {
		Choices []struct{ Message, Delta said }
	}
	if json.Unmarshal([]byte(a.body), &c) == nil && len(c.Choices) > 0 {
		return c.Choices[0].Message.Content
	}
	var b strings.Builder
	for _, event := range a.events() {
		c.Choices = nil
		if json.Unmarshal([]byte(event), &c) == nil && len(c.Choices) > 0 {
			b.WriteString(c.Choices[0].Delta.Content)
		}
	}
	return b.String()
}

type problem struct{ Message, Type, Param, Code string }

// problem is the error object of the answer: of its body, or of its stream's last event.
func (a answer) problem() (p problem) {
	var doc struct{ Error problem }
	text := a.body
	if events := a.events(); len(events) > 0 {
		text = events[len(events)-1]
	}
	_ = json.Unmarshal([]byte(text), &doc) // param may be null, which leaves it empty
	return doc.Error
}

func (f *program) get(path string, headers ...string) answer {
	f.t.Helper()
	return f.do("GET", path, "", headers...)
}

func (f *program) chat(body string, headers ...string) answer {
	f.t.Helper()
	return f.do("POST", "/v1/chat/completions", body, headers...)
}

func (f *program) do(method, path, body string, headers ...string) answer {
	f.t.Helper()
	began := time.Now()
	req, err := http.NewRequest(method, f.url+path, strings.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := f.client.Do(req)
	if err != nil {
		f.t.Errorf("%s %s: %v", method, path, err)
		return answer{header: http.Header{}, err: err}
	}
	defer resp.Body.Close()
	f.heads.Add(1)
	b, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(b), err, time.Since(began)}
}

// row is a model as the state shows it.
type row struct {
	ID           string  `json:"id"`
	Name         string  `json:"name"`
	Tools        bool    `json:"supports_tools"`
	Current      bool    `json:"is_current"`
	FailureCount int     `json:"failure_count"`
	Available    bool    `json:"is_available"`
	Provider     string  `json:"provider"`
	Reason       string  `json:"reason"`
	AvailableAt  string  `json:"available_at"`
	LastError    string  `json:"last_error"`
	SuccessRate  float64 `json:"success_rate"`
}

// state is GET /api/chat/models.
func (f *program) state() (current string, rows []row) {
	f.t.Helper()
	var s struct {
		Current string `json:"current_model"`
		Models  []row  `json:"models"`
	}
	got := f.get("/api/chat/models")
	if err := json.Unmarshal([]byte(got.body), &s); err != nil {
		f.t.Fatalf("state: %v in %s", err, got.body)
	}
	return s.Current, s.Models
}

func (f *program) row(id string) row {
	f.t.Helper()
	_, rows := f.state()
	for _, r := range rows {
		if r.ID == id {
			return r
		}
	}
	f.t.Fatalf("the state does not list %s", id)
	return row{}
}

// log is what the file beside models.yaml holds.
func (f *program) log() string {
	f.t.Helper()
	b, err := os.ReadFile(filepath.Join(f.dir, "logs", "app.log"))
	if err != nil {
		f.t.Fatal(err)
	}
	return string(b)
}

// want compares what a request came to.
func (f *program) want(got answer, status int, trail string) {
	f.t.Helper()
	if got.status != status || got.trail() != trail || got.err != nil {
		f.t.Errorf("got %d by %q (%v), want %d by %q: %.600s", got.status, got.trail(), got.err, status, trail, got.body)
	}
}

const (
	prompt     = "Hello from the night train"
	plainBody  = `{"model":"auto","messages":[{"role":"user","content":"` + prompt + `"}]}`
	streamBody = `{"model":"auto","stream":true,"messages":[{"role":"user","content":"` + prompt + `"}]}`
	toolsBody  = `{"model":"auto","messages":[{"role":"user","content":"call the tool"}],"tools":[{"type":"function","function":{"name":"clock","parameters":{"type":"object","properties":{}}}}]}`
)

// ask is a plain question to a model.
func ask(model string) string {
	return `{"model":"` + model + `","messages":[{"role":"user","content":"` + prompt + `"}]}`
}
