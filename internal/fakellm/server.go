package fakellm

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options say what a Server is. The zero value lists Catalog, takes any key, knows no limits and answers well.
type Options struct {
	Models  []Model           // nil = Catalog()
	Keys    map[string]string // key -> account; nil = any key is good and an account of its own
	Keyless bool              // requests without a key are served, as one account
	OpenAI  bool              // plain OpenAI shapes: usage when asked, no provider, no cost
	Limits  []Limit           // standing limits; a request draws from all that cover it
	Keep    int               // how many requests are remembered; 0 = all
	MaxBody int64             // larger bodies get 413; 0 = 64 MiB

	// Script is what Reset returns to.
	Script map[string][]Step
	// Weather decides for models without a script, by the age of the server; false = a good answer.
	Weather func(model string, age time.Duration) (Step, bool)
}

// Server is the simulated provider, an http.Handler. Make it within the synctest bubble in which it is used.
type Server struct {
	options Options
	stop    chan struct{}
	close   sync.Once

	mu       sync.Mutex
	born     time.Time
	models   []Model
	scripts  map[string]*[]*turn
	limits   []*limiter
	accounts map[string]string // by key
	log      []*Request
	tallies  map[string]*Tally
	serial   int
	active   int
}

// New makes a server.
func New(o Options) *Server {
	s := &Server{options: o, stop: make(chan struct{}), models: o.Models}
	if s.options.MaxBody == 0 {
		s.options.MaxBody = maxBody
	}
	if s.models == nil {
		s.models = Catalog()
	}
	s.Reset()
	return s
}

// Reset forgets requests, counters and accounts, and goes back to the script and the limits of the Options.
func (s *Server) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.born, s.log, s.tallies = time.Now(), nil, map[string]*Tally{}
	s.accounts = maps.Clone(s.options.Keys)
	if s.accounts == nil {
		s.accounts = map[string]string{}
	}
	s.scripts = map[string]*[]*turn{}
	for model, steps := range s.options.Script {
		s.setScript(model, steps)
	}
	s.setLimits(s.options.Limits)
}

// Script sets what the next requests for a model get, instead of what was set before; no steps end the script. "*" is for
// models whose own script is at its end, "/models" and "/key" for those routes. It panics on a step that cannot be played.
func (s *Server) Script(model string, steps ...Step) {
	for _, step := range steps {
		if err := step.check(); err != nil {
			panic("fakellm: " + err.Error())
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.setScript(model, steps)
}

func (s *Server) setScript(model string, steps []Step) {
	queue := turns(steps)
	s.scripts[model] = &queue
}

// SetLimits replaces the standing limits; their windows begin empty.
func (s *Server) SetLimits(limits ...Limit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.setLimits(limits)
}

func (s *Server) setLimits(limits []Limit) {
	s.limits = nil
	for _, l := range limits {
		s.limits = append(s.limits, newLimiter(l))
	}
}

// SetModels replaces the list.
func (s *Server) SetModels(models ...Model) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.models = models
}

// Close ends whatever hangs.
func (s *Server) Close() { s.close.Do(func() { close(s.stop) }) }

// ServeHTTP answers below any prefix.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch path := strings.TrimRight(r.URL.Path, "/"); {
	case path == "/control":
		s.control(w, r)
	case strings.HasSuffix(path, "/chat/completions"):
		s.serve(w, r, (*exchange).chat)
	case strings.HasSuffix(path, "/embeddings"):
		s.serve(w, r, (*exchange).embed)
	case strings.HasSuffix(path, "/models"):
		s.serve(w, r, (*exchange).list)
	case strings.HasSuffix(path, "/key"):
		s.serve(w, r, (*exchange).key)
	default:
		s.serve(w, r, func(x *exchange) { x.refuse(404, "Not Found") })
	}
}

// find looks an id up in the list.
func (s *Server) find(id string) (Model, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.models, func(m Model) bool { return m.ID == id })
	if i < 0 {
		return Model{ID: id}, false
	}
	return s.models[i], true
}

// account names whom a key belongs to. An unknown key has none.
func (s *Server) account(key string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if key == "" {
		return "keyless", s.options.Keyless
	}
	name, ok := s.accounts[key]
	if !ok && s.options.Keys == nil {
		name, ok = fmt.Sprintf("account-%d", len(s.accounts)+1), true
		s.accounts[key] = name
	}
	return name, ok
}

// verdict is what a request gets: a step, and the refusal when that step is a limit that is full.
func (s *Server) verdict(account string, m Model) (Step, *Sample) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range []string{m.ID, "*"} {
		if t := s.nextTurn(name, now); t != nil {
			if t.limit == nil {
				return t.step, nil
			}
			return OK(), draw([]*limiter{t.limit}, account, m, now)
		}
	}
	if refusal := draw(s.limits, account, m, now); refusal != nil {
		return Step{}, refusal
	}
	if s.options.Weather != nil {
		if step, ok := s.options.Weather(m.ID, now.Sub(s.born)); ok {
			return step, nil
		}
	}
	return OK(), nil
}

func (s *Server) nextTurn(name string, now time.Time) *turn {
	if queue := s.scripts[name]; queue != nil {
		return next(queue, now)
	}
	return nil
}

// scripted says whether somebody wrote a script for this name.
func (s *Server) scripted(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.scripts[name] != nil
}

// draw counts a request in all limits that cover it, or in none when one of them is full.
func draw(limits []*limiter, account string, m Model, now time.Time) *Sample {
	var open []*window
	for _, l := range limits {
		if !l.covers(m.ID) {
			continue
		}
		w := l.window(l.key(account, m.ID), now)
		if len(w.hits) >= l.Requests {
			refusal := l.refusal(m, l.resets(w, now), now)
			return &refusal
		}
		open = append(open, w)
	}
	for _, w := range open {
		w.hits = append(w.hits, now)
	}
	return nil
}
