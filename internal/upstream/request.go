package upstream

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
)

// Header is one field of a request.
type Header struct{ Name, Value string }

// Request is what goes to a provider. Nothing of it is changed, nor kept after Do has returned.
type Request struct {
	Method, URL string
	Header      []Header      // beside Host, Content-Length, User-Agent, Accept and Content-Type; the last three may be replaced here
	Body        [3][]byte     // written one after the other
	Local       bool          // may dial loopback and private addresses
	Connect     time.Duration // bound of dial and TLS together, within the flow's deadline; 0 = none of its own
	Template    *Template     // what stands in the place of Method, URL, Header and Local; nil = they do
}

func (r *Request) size() int { return len(r.Body[0]) + len(r.Body[1]) + len(r.Body[2]) }

// origin is what requests must have in common to share connections.
type origin struct {
	scheme, authority string
	local             bool
}

var errURL = errors.New("not an http or https URL")

// parseURL cuts a URL into its origin and its path. The text of a URL may hold a key, so no error repeats it.
func parseURL(url string, local bool) (o origin, path string, err error) {
	scheme, rest, ok := strings.Cut(url, "://")
	if !ok || scheme != "http" && scheme != "https" || strings.ContainsFunc(url, notVisible) {
		return o, "", errURL
	}
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	o, path = origin{scheme, rest[:end], local}, rest[end:]
	if o.authority == "" || strings.ContainsAny(o.authority, "@\\%#") {
		return o, "", errURL
	}
	return o, path, nil
}

func notVisible(r rune) bool { return r <= ' ' || r >= 0x7f || r == '#' }

// host gives the name and the address to dial.
func (o origin) host() (name, addr string, err error) {
	name, port, err := net.SplitHostPort(o.authority)
	if err != nil { // no port, or no host and port at all: that shows at the next attempt
		port = "80"
		if o.scheme == "https" {
			port = "443"
		}
		if name, port, err = net.SplitHostPort(o.authority + ":" + port); err != nil {
			return "", "", errURL
		}
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || name == "" {
		return "", "", errURL
	}
	return name, net.JoinHostPort(name, port), nil
}

// Template is all that requests to one address with the same fields have in common: it is checked and written once. What its body needs must
// stand among its fields. It holds keys.
type Template struct {
	origin        origin
	bodiless      bool   // so is the answer
	counted       bool   // the length of the body is told although it is 0
	before, after []byte // the head but for the length of the body
	err           error  // why nothing like it can be sent
}

// Template makes one of a request.
func (t *Transport) Template(r *Request) *Template {
	m := &Template{bodiless: r.Method == "HEAD", counted: r.Method == "POST"}
	m.err = m.write(r, t.cfg.UserAgent)
	return m
}

// write builds the head from nothing but the request's fields and agent.
func (m *Template) write(r *Request, agent string) (err error) {
	var path string
	if m.origin, path, err = parseURL(r.URL, r.Local); err != nil {
		return err
	}
	if !httpguts.ValidHeaderFieldName(r.Method) {
		return errors.New("bad method")
	}
	b := append([]byte(r.Method), ' ')
	if path == "" || path[0] == '?' {
		b = append(b, '/')
	}
	b = append(append(b, path...), " HTTP/1.1\r\n"...)
	m.before = appendField(b, "Host", m.origin.authority)
	b = nil
	own := [...]Header{{"User-Agent", agent}, {"Accept", "application/json, text/event-stream"}, {"Content-Type", "application/json"}}
	for i, h := range own {
		if !r.has(h.Name) && (i < 2 || r.size() > 0) {
			b = appendField(b, h.Name, h.Value)
		}
	}
	for _, h := range r.Header {
		if err := h.check(); err != nil {
			return err
		}
		b = appendField(b, h.Name, h.Value)
	}
	m.after = append(b, "\r\n"...)
	return nil
}

// appendHead appends the head of a request with a body of that size.
func (m *Template) appendHead(b []byte, size int) []byte {
	b = append(b, m.before...)
	if size > 0 || m.counted {
		b = append(strconv.AppendInt(append(b, "Content-Length: "...), int64(size), 10), "\r\n"...)
	}
	return append(b, m.after...)
}

func appendField(b []byte, name, value string) []byte {
	b = append(append(b, name...), ": "...)
	return append(append(b, value...), "\r\n"...)
}

func (r *Request) has(name string) bool {
	for _, h := range r.Header {
		if strings.EqualFold(h.Name, name) {
			return true
		}
	}
	return false
}

// framing names the fields that say how the message is cut, or are meant for the next hop alone: they are ours.
var framing = [...]string{"Host", "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Upgrade", "TE", "Trailer", "Expect", "Proxy-Connection"}

// check refuses what would end the field early. The value may be a key and is never repeated.
func (h Header) check() error {
	if !httpguts.ValidHeaderFieldName(h.Name) {
		return errors.New("bad header name")
	}
	if !httpguts.ValidHeaderFieldValue(h.Value) {
		return fmt.Errorf("header %s: a control character in its value", h.Name)
	}
	for _, name := range framing {
		if len(h.Name) == len(name) && strings.EqualFold(h.Name, name) {
			return fmt.Errorf("header %s cannot be set", name)
		}
	}
	return nil
}
