package upstream

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// A name may lead to several addresses, of which some are dead and some may not be dialled: the first that answers is taken.
func TestNamesOfManyAddresses(t *testing.T) {
	leads := map[string][]string{
		"dead-first.test.":    {"127.0.0.2", "127.0.0.1"},
		"refused-first.test.": {"169.254.169.254", "127.0.0.3", "127.0.0.1"},
		"both-kinds.test.":    {"::1", "127.0.0.1"},
		"all-refused.test.":   {"169.254.169.254", "0.0.0.0"},
		"nowhere.test.":       nil,
	}
	old := net.DefaultResolver
	net.DefaultResolver = resolver(t, leads)
	t.Cleanup(func() { net.DefaultResolver = old })
	w := onSockets(t, Config{})
	w.serve(answers(length("ok")))
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(w.url, "http://"))
	for _, name := range []string{"dead-first.test", "refused-first.test", "both-kinds.test"} {
		w.url = "http://" + name + ":" + port
		w.mustAsk("ok")
	}
	w.url = "http://all-refused.test:" + port
	_, _, err := w.ask("{}")
	wantError(t, err, phaseDial, false, ErrRefusedAddress)
	w.url = "http://nowhere.test:" + port
	if _, _, err = w.ask("{}"); err == nil || !err.(*Error).Unreached() {
		t.Errorf("nowhere: %v", err)
	}
	w.nothingIdle()
	w.nothingOpen()
}

// resolver answers from a table.
func resolver(t *testing.T, leads map[string][]string) *net.Resolver {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() { _ = server.Close(); <-ended })
	go func() {
		defer close(ended)
		buf := make([]byte, 1<<10)
		for {
			n, from, err := server.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil || len(m.Questions) == 0 {
				continue
			}
			m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
			if m.Answers = resources(m.Questions[0], leads); leads[m.Questions[0].Name.String()] == nil {
				m.RCode = dnsmessage.RCodeNameError
			}
			if out, err := m.Pack(); err == nil {
				_, _ = server.WriteTo(out, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
}

func resources(q dnsmessage.Question, leads map[string][]string) (out []dnsmessage.Resource) {
	for _, text := range leads[q.Name.String()] {
		ip := netip.MustParseAddr(text)
		h := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}
		switch {
		case ip.Is4() && q.Type == dnsmessage.TypeA:
			out = append(out, dnsmessage.Resource{Header: h, Body: &dnsmessage.AResource{A: ip.As4()}})
		case ip.Is6() && q.Type == dnsmessage.TypeAAAA:
			out = append(out, dnsmessage.Resource{Header: h, Body: &dnsmessage.AAAAResource{AAAA: ip.As16()}})
		}
	}
	return out
}
