package fakellm

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
)

// bench is a server and a client of it.
type bench struct {
	*Server
	t      *testing.T
	client *http.Client
}

// serve starts a server in memory for one test.
func serve(t *testing.T, o Options) *bench {
	t.Helper()
	return mount(t, New(o))
}

func mount(t *testing.T, s *Server) *bench {
	t.Helper()
	ln := NewPipes()
	srv := &http.Server{Handler: s}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = srv.Serve(ln) }()
	transport := &http.Transport{DialContext: ln.Dial, DisableCompression: true}
	refuseRedirects := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		s.Close()
		_ = srv.Close()
		<-ended
	})
	return &bench{s, t, &http.Client{Transport: transport, CheckRedirect: refuseRedirects}}
}

// got is an answer as a client sees it.
type got struct {
	status int
	header http.Header
	body   string
	err    error // of the body
}

func (b *bench) do(method, path, body string, header ...string) got {
	b.t.Helper()
	r, err := http.NewRequest(method, "http://memory"+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer sk-one")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := b.client.Do(r)
	if err != nil {
		return got{err: err}
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	return got{answer.StatusCode, answer.Header, string(raw), err}
}

func (b *bench) chat(body string, header ...string) got {
	b.t.Helper()
	return b.do("POST", "/api/v1/chat/completions", body, header...)
}

// hi is a small request for a model.
func hi(model string, stream bool) string {
	return string(encode(map[string]any{"model": model, "stream": stream, "messages": []any{map[string]string{"role": "user", "content": "hi there"}}}))
}

// data are the data lines of a stream that has nothing else but comments; anything else fails the test.
func data(t *testing.T, stream string) (list []string) {
	t.Helper()
	if !strings.HasSuffix(stream, "\n\n") {
		t.Errorf("the stream ends within an event: %q", stream[max(0, len(stream)-80):])
	}
	lines := bufio.NewScanner(bytes.NewBufferString(stream))
	lines.Buffer(nil, 8<<20)
	for lines.Scan() {
		line := lines.Text()
		switch text, ok := strings.CutPrefix(line, "data: "); {
		case ok:
			list = append(list, text)
		case line == "" || strings.HasPrefix(line, ":"):
		default:
			t.Errorf("odd line %q", line)
		}
	}
	return list
}
