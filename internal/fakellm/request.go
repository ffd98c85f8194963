package fakellm

import (
	"context"
	"net/http"
	"time"
)

// Request is one request as it arrived and what became of it.
type Request struct {
	At      time.Time
	Method  string
	Path    string
	Header  http.Header
	Remote  string // address of the peer; one per connection on real sockets
	Body    []byte
	Account string
	Model   string // as a lenient server reads the body
	Stream  bool

	Step        Kind // what was played, empty when the request was refused before
	Status      int  // 0 = no head was sent
	Paid        bool // it would have cost money
	Cancelled   bool // the client left before the end
	CancelledAt time.Time
	Done        bool // all was sent that the step had to say
	Good        bool // and it was a good answer
}

// Tally counts the requests for one model.
type Tally struct {
	Requests  int         `json:"requests"`
	Good      int         `json:"good"` // whole good answers
	ByStatus  map[int]int `json:"by_status,omitempty"`
	Cancelled int         `json:"cancelled"`
	Paid      int         `json:"paid"`
}

// open begins the record of a request.
func (s *Server) open(r *http.Request) *Request {
	rec := &Request{At: time.Now(), Method: r.Method, Path: r.URL.Path, Header: r.Header.Clone(), Remote: r.RemoteAddr}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active++
	s.log = append(s.log, rec)
	if s.options.Keep > 0 && len(s.log) > s.options.Keep {
		s.log = s.log[len(s.log)-s.options.Keep:]
	}
	return rec
}

// note changes a record.
func (s *Server) note(rec *Request, change func(*Request)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(rec)
}

// watch notes when the client leaves; the function it gives back ends the record.
func (s *Server) watch(ctx context.Context, rec *Request) (end func()) {
	left := func() {
		s.note(rec, func(r *Request) {
			if !r.Done && !r.Cancelled {
				r.Cancelled, r.CancelledAt = true, time.Now()
			}
		})
	}
	unwatch := context.AfterFunc(ctx, left)
	return func() {
		unwatch()
		if ctx.Err() != nil {
			left()
		}
		s.count(rec)
	}
}

// count adds a finished request to its model's tally.
func (s *Server) count(rec *Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active--
	if rec.Model == "" {
		return
	}
	t := s.tally(rec.Model)
	t.ByStatus[rec.Status]++
	if rec.Good {
		t.Good++
	}
	if rec.Cancelled {
		t.Cancelled++
	}
}

func (s *Server) tally(model string) *Tally {
	t := s.tallies[model]
	if t == nil {
		t = &Tally{ByStatus: map[int]int{}}
		s.tallies[model] = t
	}
	return t
}

// Requests are the requests so far, oldest first, except those to /control. Headers and bodies are shared: do not change
// them.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Request, 0, len(s.log))
	for _, r := range s.log {
		list = append(list, *r)
	}
	return list
}

// Hits is how many chat requests named this model, the refused ones included.
func (s *Server) Hits(model string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.tallies[model]; t != nil {
		return t.Requests
	}
	return 0
}

// Paid is how many requests would have cost money. A test that proves freedom wants 0.
func (s *Server) Paid() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, t := range s.tallies {
		n += t.Paid
	}
	return n
}

// Active is how many requests are being answered now.
func (s *Server) Active() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.active
}
