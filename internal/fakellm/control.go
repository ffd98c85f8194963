package fakellm

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Order is what POST /control takes. Its parts are carried out from top to bottom; what is absent stays as it is.
type Order struct {
	Reset  bool              `json:"reset,omitempty"`
	Limits *[]Limit          `json:"limits,omitempty"` // instead of the standing ones
	Script map[string][]Step `json:"script,omitempty"` // by model, or "*"; an empty list ends a script
}

// State is what /control answers.
type State struct {
	Models map[string]ModelState `json:"models"` // those that were asked for or have a script
	Limits []Use                 `json:"limits"` // the standing ones, for each account seen
	Active int                   `json:"active"` // requests being answered now
	Paid   int                   `json:"paid"`   // requests that would have cost money
}

// ModelState is what one model was asked, and what comes next.
type ModelState struct {
	Tally
	Script []Step `json:"script,omitempty"`
}

func (s *Server) control(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet:
	case http.MethodDelete:
		s.Reset()
	case http.MethodPost:
		if err := s.read(r); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	default:
		w.Header().Set("Allow", "GET, POST, DELETE")
		http.Error(w, "GET shows, POST changes, DELETE resets", http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(encode(s.State()), '\n'))
}

// read carries out an order, whole or not at all.
func (s *Server) read(r *http.Request) error {
	var o Order
	d := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxBody))
	d.DisallowUnknownFields()
	if err := d.Decode(&o); err != nil {
		return fmt.Errorf("control: %w", err)
	}
	if err := o.check(); err != nil {
		return fmt.Errorf("control: %w", err)
	}
	if o.Reset {
		s.Reset()
	}
	if o.Limits != nil {
		s.SetLimits(*o.Limits...)
	}
	for model, steps := range o.Script {
		s.Script(model, steps...)
	}
	return nil
}

func (o Order) check() error {
	for model, steps := range o.Script {
		for i, step := range steps {
			if err := step.check(); err != nil {
				return fmt.Errorf("script of %s, step %d: %w", model, i+1, err)
			}
		}
	}
	if o.Limits == nil {
		return nil
	}
	for _, l := range *o.Limits {
		if err := l.check(); err != nil {
			return err
		}
	}
	return nil
}

// State is the server's counters and scripts now.
func (s *Server) State() State {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	out := State{Models: map[string]ModelState{}, Limits: []Use{}, Active: s.active}
	for id, t := range s.tallies {
		tally := *t
		tally.ByStatus = maps.Clone(t.ByStatus)
		out.Models[id] = ModelState{Tally: tally}
		out.Paid += t.Paid
	}
	for id, queue := range s.scripts {
		m := out.Models[id]
		m.Script = ahead(*queue, now)
		out.Models[id] = m
	}
	for _, l := range s.limits {
		out.Limits = append(out.Limits, l.uses(now)...)
	}
	return out
}

// ahead are the steps of a queue that are not over.
func ahead(queue []*turn, now time.Time) (steps []Step) {
	for _, t := range queue {
		if !t.over(now) {
			steps = append(steps, t.step)
		}
	}
	return steps
}

// uses are the windows of a limiter in the order of their keys.
func (l *limiter) uses(now time.Time) (list []Use) {
	byName := func(a, b key) int { return strings.Compare(a.account+" "+a.model, b.account+" "+b.model) }
	for _, k := range slices.SortedStableFunc(maps.Keys(l.windows), byName) {
		list = append(list, l.use(k, now))
	}
	return list
}
