//go:build linux

package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
)

var stdin = os.Stdin

// reverse is the proxy that the standard library offers, as short as it can be.
func reverse(upstream string) error {
	to, err := url.Parse("http://" + upstream)
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(to) },
		FlushInterval: -1,
		Transport:     &http.Transport{MaxIdleConnsPerHost: 1000},
	}
	fmt.Println(ln.Addr())
	go func() {
		_ = http.Serve(ln, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			// Without it the server closes the body of a request at the first byte of its answer. A provider that answers at once
			// is sooner than the transport's look for the end of that body, and every fiftieth answer is cut.
			_ = http.NewResponseController(w).EnableFullDuplex()
			proxy.ServeHTTP(w, r)
		}))
	}()
	var b [1]byte
	_, _ = stdin.Read(b[:])
	return nil
}
