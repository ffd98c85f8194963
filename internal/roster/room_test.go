package roster

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"freefall/internal/fakellm"
	"freefall/internal/upstream"
)

// notebook keeps what happened, to be read by the test.
type notebook struct {
	began time.Time
	mu    sync.Mutex
	asked []string // "1h0m0s key-1 p.test/v1/models": when since the beginning, by which key, what
	told  []string // what whoever looks was told, in the words of the room
	lines []string // of the log
}

func (n *notebook) Write(line []byte) (int, error) {
	n.note(&n.lines, string(line))
	return len(line), nil
}

func (n *notebook) note(list *[]string, line string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	*list = append(*list, line)
}

// take gives a list and begins it anew.
func (n *notebook) take(list *[]string) []string {
	synctest.Wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	defer func() { *list = nil }()
	return *list
}

// since is how long the test has run.
func (n *notebook) since() string { return time.Since(n.began).Round(time.Second).String() }

// inRoom runs a test in fake time before a provider in memory that answers so. look makes whoever asks the provider; what he does
// runs until the test is over, and must end at once then.
func inRoom(t *testing.T, answer http.Handler, look func(*notebook, *upstream.Transport) (run func(context.Context)), test func()) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := &notebook{began: time.Now()}
		front := fakellm.NewPipes()
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
			n.note(&n.asked, fmt.Sprintf("%s %s %s%s", n.since(), key, r.Host, r.URL.RequestURI()))
			answer.ServeHTTP(w, r)
		})}
		var serving, looking sync.WaitGroup
		serving.Go(func() { _ = server.Serve(front) })
		transport := upstream.New(upstream.Config{Dial: front.Dial})
		run := look(n, transport)
		ctx, stop := context.WithCancel(t.Context())
		looking.Go(func() { run(ctx) })
		test()
		ended := time.Now()
		stop()
		looking.Wait()
		if waited := time.Since(ended); waited > 0 {
			t.Errorf("the end waited %v for an answer", waited)
		}
		_ = transport.Close()
		_ = server.Close()
		serving.Wait()
	})
}
