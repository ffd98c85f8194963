package proxy

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"

	"freefall/fallback"
	"freefall/internal/upstream"
)

// Each key goes where it belongs, to the address of the kind that is asked for, with what suits a stream or a whole answer. One beyond those that
// there are is none.
func TestTemplatesAreThoseOfTheirKey(t *testing.T) {
	asked := make(chan *http.Request, 1)
	transport := upstream.New(upstream.Config{Dial: func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		go func() {
			defer far.Close()
			for in := bufio.NewReader(far); ; {
				r, err := http.ReadRequest(in)
				if err != nil {
					return
				}
				_, _ = io.Copy(io.Discard, r.Body)
				asked <- r
				_, _ = io.WriteString(far, "HTTP/1.1 204 No Content\r\n\r\n")
			}
		}()
		return near, nil
	}})
	defer transport.Close()
	p := &Provider{ChatURL: "http://p.test/v1/chat", EmbedURL: "http://p.test/v1/embed", Keys: []string{"one", "", "three"},
		Headers: []upstream.Header{{Name: "X-Title", Value: "freefall"}}}
	for key, authorization := range []string{"Bearer one", "", "Bearer three", "", ""} {
		for kind, path := range []string{"/v1/chat", "/v1/embed"} {
			for stream, accept := range []string{"application/json", "text/event-stream"} {
				var flow upstream.Flow
				reply, err := transport.Do(&flow, &upstream.Request{Template: p.template(transport, key, fallback.Kind(kind), stream == 1), Body: [3][]byte{[]byte("{}")}})
				if err != nil {
					t.Fatal(err)
				}
				_ = reply.Close()
				r := <-asked
				got := fmt.Sprint(r.Method, r.Host, r.URL.Path, r.ContentLength, r.Header)
				want := http.Header{"Content-Length": {"2"}, "User-Agent": {"freefall"}, "Accept": {accept}, "Content-Type": {"application/json"}, "X-Title": {"freefall"}}
				if authorization != "" {
					want.Set("Authorization", authorization)
				}
				if want := fmt.Sprint("POST", "p.test", path, int64(2), want); got != want {
					t.Errorf("key %d: %s, want %s", key, got, want)
				}
			}
		}
	}
}
