package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"freefall/internal/config"
	"freefall/internal/fakellm"
	"freefall/internal/roster"
)

// Without a file and without a key, a model server of this machine is all that it takes.
func TestStartWithNothingButAnOllama(t *testing.T) {
	fake := fakellm.New(models("llama3.2:3b", "gpt-oss:120b-cloud"))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			fmt.Fprint(w, "Ollama is running")
			return
		}
		fake.ServeHTTP(w, r)
	}))
	defer func() {
		fake.Close()
		srv.CloseClientConnections()
		srv.Close()
	}()
	neighbours = []roster.Neighbour{{Dialect: "ollama", Addr: srv.Listener.Addr().String()}}
	defer func() { neighbours = nil }()
	c, err := config.Load(config.Options{Dir: t.TempDir(), Known: known(), Local: atHome})
	if err != nil {
		t.Fatal(err)
	}
	c.DataDir, c.Log.File, c.Drain = "", "", 0
	s, err := newServer(c, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.run(ctx, ln) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	client := &http.Client{Timeout: callBound, Transport: &http.Transport{DisableKeepAlives: true}}
	ask := func() (int, string) {
		resp, err := client.Post("http://"+ln.Addr().String()+"/v1/chat/completions", "application/json",
			strings.NewReader(`{"model":"auto","messages":[{"role":"user","content":"Hello"}]}`))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		_, _ = io.Copy(io.Discard, resp.Body)
		return resp.StatusCode, resp.Header.Get("X-Freefall-Trail")
	}
	status, trail := ask()
	for until := time.Now().Add(startBound); status != 200 && time.Now().Before(until); status, trail = ask() {
		time.Sleep(10 * time.Millisecond) // its list is read in the background
	}
	if status != 200 || trail != "llama3.2:3b=ok" {
		t.Errorf("%d, %s", status, trail)
	}
	for _, m := range s.pool.Snapshot(time.Now()) {
		if m.Available != (m.Model.ID == "llama3.2:3b") {
			t.Errorf("%s is available: %v", m.Model.ID, m.Available)
		}
	}
}
