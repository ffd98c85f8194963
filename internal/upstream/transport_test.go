package upstream

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestSmoke(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		w.Header().Set("X-A", "b")
		w.WriteHeader(201)
		w.(http.Flusher).Flush()
		w.Write(b)
	}))
	defer s.Close()
	tr := New(Config{})
	defer tr.Close()
	for _, size := range []int{0, 10, 9000, 500000} {
		for range 3 {
			var f Flow
			r, err := tr.Do(&f, &Request{Method: "POST", URL: s.URL + "/x", Local: true, Body: [3][]byte{make([]byte, size), []byte("abc")}})
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(r)
			if err != nil || len(b) != size+3 || r.Status != 201 || r.Header("x-a") != "b" {
				t.Fatal(len(b), err, r.Status)
			}
			r.Close()
		}
	}
	_ = net.ErrClosed
}
