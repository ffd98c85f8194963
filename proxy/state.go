package proxy

import (
	"encoding/json"
	"math"
	"time"

	"github.com/valyala/fasthttp"

	"freefall/fallback"
	"freefall/internal/openai"
)

// modelState is a row of GET /api/chat/models. The first six fields and their order are a promise.
type modelState struct {
	ID           string   `json:"id"`
	Name         string   `json:"name"`
	Tools        bool     `json:"supports_tools"`
	Current      bool     `json:"is_current"`
	FailureCount int      `json:"failure_count"`
	Available    bool     `json:"is_available"`
	Provider     string   `json:"provider"`
	Reason       *string  `json:"reason"`
	AvailableAt  *string  `json:"available_at"`
	LastError    *string  `json:"last_error"`
	SuccessRate  *float64 `json:"success_rate"`
	TTFT         struct {
		P50 *int64 `json:"p50"`
		P95 *int64 `json:"p95"`
	} `json:"ttft_ms"`
	Quota []quotaState `json:"quota"`

	Position    int     `json:"position"` // in the order in which the next plain request would ask
	Recent      string  `json:"recent"`   // the last 60 results, oldest first: o good, f a fault, l a limit
	Today       today   `json:"today"`
	Advice      *string `json:"advice"` // why it is never asked, and what to do
	LastErrorAt *string `json:"last_error_at"`
	Vision      bool    `json:"supports_vision"`
	JSONSchema  bool    `json:"supports_json_schema"`
	Context     *int    `json:"context_length"` // tokens; null when nobody says
}

// today is what a model has done since midnight, UTC.
type today struct {
	Requests int64 `json:"requests"`
	Tokens   int64 `json:"tokens"`
}

// leftState is what the accounts together still grant today.
type leftState struct {
	Requests   *int64  `json:"requests"` // null when no account has a known limit of a day
	Limit      *int64  `json:"limit"`
	Unbounded  int     `json:"unbounded"` // accounts without such a limit
	PerHour    float64 `json:"per_hour"`  // answers lately
	ResetsAt   *string `json:"resets_at"`
	LastsUntil *string `json:"lasts_until"` // null: not used up before resets_at
}

func (p *Proxy) left(now time.Time) leftState {
	l := p.pool.Left(now)
	out := leftState{Unbounded: l.Unbounded, PerHour: math.Round(l.PerHour*10) / 10, ResetsAt: moment(l.ResetsAt), LastsUntil: moment(l.LastsUntil.Truncate(time.Minute))} // to the minute: it is an estimate, and each change is an event
	if l.Bounded > 0 {
		out.Requests, out.Limit = &l.Requests, &l.Limit
	}
	return out
}

// overview is the state as GET /api/chat/models tells it. The first two fields and their order are a promise.
type overview struct {
	Current  *string        `json:"current_model"`
	Models   []modelState   `json:"models"`
	Waiting  int            `json:"waiting"` // requests that wait for a limit to end
	Left     leftState      `json:"left_today"`
	Accounts []accountState `json:"accounts,omitzero"`
	Keys     []keyState     `json:"keys,omitzero"`
	Clients  []clientState  `json:"clients,omitzero"`
	Spent    []spentState   `json:"spent_today"`            // by whom, since freefall started
	Refused  *string        `json:"config_error,omitempty"` // the newest models.yaml is not in use, and why
	RedisUp  *bool          `json:"redis_up,omitempty"`     // false: each replica goes by its own counts; absent: there is only one
}

// overview is what the caller may see of the state; changes says that he may change it, too.
func (p *Proxy) overview(now time.Time, rows []fallback.Status, s *Settings, who caller, changes bool) overview {
	out := overview{Models: make([]modelState, len(rows)), Waiting: p.pool.Waiting(), Left: p.left(now), Accounts: p.accounts(now, s, who), Clients: p.clients(now, s, who),
		Spent: p.spent.list(now, s.sees(who), who.client()), Refused: p.refused.Load()}
	if p.shared != nil {
		up := p.shared.Up()
		out.RedisUp = &up
	}
	if changes {
		out.Keys = p.keys(now)
	}
	for i := range rows {
		out.Models[i] = show(&rows[i], s.sees(who))
		if rows[i].Current {
			out.Current = &rows[i].Model.ID
		}
	}
	return out
}

// state answers GET /api/chat/models.
func (p *Proxy) state(ctx *fasthttp.RequestCtx, s *Settings, who caller) {
	now := time.Now()
	writeJSON(ctx, fasthttp.StatusOK, p.overview(now, p.pool.Snapshot(now), s, who, s.mayChange(ctx, who) == nil))
}

// show is a row as the state API tells it; named tells which account a window belongs to.
func show(s *fallback.Status, named bool) modelState {
	m := modelState{ID: s.Model.ID, Name: s.Model.Name, Tools: s.Tools, Current: s.Current, FailureCount: s.FailureCount,
		Available: s.Available, Provider: s.Model.Provider, Quota: windows(s.Quota, named),
		Reason: text(s.Reason), LastError: text(s.LastError),
		Position: s.Position, Recent: s.Recent, Today: today{s.Requests, s.Tokens}, LastErrorAt: moment(s.LastErrorAt), Vision: s.Model.Vision, JSONSchema: s.Model.JSONSchema}
	if s.Model.Context > 0 {
		m.Context = &s.Model.Context
	}
	if s.Model.Off != "" {
		m.Advice = text(s.Model.Why)
	}
	m.AvailableAt = moment(s.AvailableAt)
	if s.SuccessRate >= 0 {
		rate := math.Round(s.SuccessRate*1000) / 1000
		m.SuccessRate = &rate
	}
	if s.TTFTp50 > 0 {
		p50, p95 := s.TTFTp50.Milliseconds(), s.TTFTp95.Milliseconds()
		m.TTFT.P50, m.TTFT.P95 = &p50, &p95
	}
	return m
}

// moment is a time in whole seconds, rounded up: who comes back then is not too early.
func moment(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	return text(t.Add(time.Second - 1).UTC().Truncate(time.Second).Format(time.RFC3339))
}

func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// explain answers POST /api/chat/explain: a chat body in, who would be asked and why not the others out. No provider hears
// of it.
func (p *Proxy) explain(ctx *fasthttp.RequestCtx, s *Settings, who caller) {
	x := p.begin(ctx, s, who)
	defer x.release()
	defer p.leave(x)
	if e := x.read(ctx); e != nil {
		refuse(ctx, e)
		return
	}
	type candidate struct {
		ID          string  `json:"id"`
		Provider    string  `json:"provider"`
		Skipped     bool    `json:"skipped"`
		Reason      *string `json:"reason"`
		Detail      *string `json:"detail"`
		AvailableAt *string `json:"available_at"`
	}
	now := time.Now()
	out := struct {
		Need       map[string]any `json:"need"`
		Task       *string        `json:"task"`
		Decisions  []string       `json:"decisions"` // why the candidates come in this order
		First      *string        `json:"first"`
		Candidates []candidate    `json:"candidates"`
	}{Need: need(&x.walk.Need), Task: text(x.walk.Ask.Task), Candidates: []candidate{},
		Decisions: append([]string{}, p.pool.Decisions(now, x.walk.Need, x.walk.Ask)...)}
	for _, c := range p.pool.Explain(now, x.walk.Need, x.walk.Ask) {
		row := candidate{ID: c.Model.ID, Provider: c.Model.Provider, Skipped: c.Skip != "", Reason: text(c.Skip), Detail: text(c.Detail)}
		row.AvailableAt = moment(c.Ready)
		if out.First == nil && c.Skip == "" {
			out.First = &c.Model.ID
		}
		out.Candidates = append(out.Candidates, row)
	}
	writeJSON(ctx, fasthttp.StatusOK, out)
}

func need(n *fallback.Need) map[string]any {
	return map[string]any{"tools": n.Tools, "tool_choice": n.ToolChoice, "vision": n.Vision, "json_schema": n.JSONSchema,
		"no_train": n.NoTrain, "tokens": n.Tokens}
}

func (p *Proxy) healthz(ctx *fasthttp.RequestCtx, _ *Settings, _ caller) {
	writeJSON(ctx, fasthttp.StatusOK, map[string]string{"status": "ok"})
}

// readyz says whether requests make sense: there is a usable key that was not refused, a model that is not paused, and freefall is not stopping.
func (p *Proxy) readyz(ctx *fasthttp.RequestCtx, s *Settings, _ caller) {
	switch {
	case p.draining.Load():
		ctx.Response.Header.Set("Retry-After", "1")
		refuse(ctx, stopping())
	case !p.pool.Ready():
		refuse(ctx, noKey(s))
	case !p.pool.Hopeful():
		refuse(ctx, &openai.Error{Status: 503, Type: "server_error", Code: codeExhausted,
			Message: "no model can be asked before something is changed, such as a key that was refused or a model that is paused: see GET /api/chat/models"})
	default:
		writeJSON(ctx, fasthttp.StatusOK, map[string]string{"status": "ready"})
	}
}

func writeJSON(ctx *fasthttp.RequestCtx, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		refuse(ctx, &openai.Error{Status: 500, Type: "server_error", Code: "internal_error", Message: "the state could not be written"})
		return
	}
	ctx.SetStatusCode(status)
	ctx.Response.Header.SetContentType("application/json")
	ctx.Response.Header.Set("Cache-Control", "no-store")
	ctx.Response.SetBodyRaw(append(body, '\n'))
}
