package proxy

import (
	"fmt"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"freefall/fallback"
	"freefall/internal/openai"
)

// History keeps what came of attempts, by hour and model.
type History interface {
	// Count adds an attempt that has ended. It is called while a client waits, and must not block. ttft is zero when there was
	// no content; fellOver says that the request came here from another model.
	Count(at time.Time, m *fallback.Model, o *fallback.Outcome, ttft time.Duration, fellOver bool)
	// Hours tells of all hours that begin in that time.
	Hours(from, to time.Time) (Past, error)
}

// Past is what came of attempts in some hours.
type Past struct {
	Hours []HourRow // by hour
	Sums  []HourRow // of all these hours together, by model; without an hour
	Cut   bool      // there were too many rows: the oldest hours are missing
}

// HourRow is what came of the attempts at one model in one hour.
type HourRow struct {
	Hour            time.Time // when it began
	Provider, Model string

	Attempts, Answers, Faults, Limits int64
	Fallovers                         int64
	InputTokens, OutputTokens         int64

	TTFTp50, TTFTp95, TTFTMax time.Duration // zero = none
}

// noHistory is what a Proxy has that was given none.
type noHistory struct{}

func (noHistory) Count(time.Time, *fallback.Model, *fallback.Outcome, time.Duration, bool) {}

func (noHistory) Hours(time.Time, time.Time) (Past, error) { return Past{}, nil }

const maxHours = 720

// pastModel is a model in an hour of GET /api/chat/history.
type pastModel struct {
	ID           string `json:"id"`
	Provider     string `json:"provider"`
	Attempts     int64  `json:"attempts"`
	Answers      int64  `json:"answers"`
	Faults       int64  `json:"faults"`
	Limits       int64  `json:"limits"`
	Fallovers    int64  `json:"fallovers"`
	InputTokens  int64  `json:"input_tokens"`
	OutputTokens int64  `json:"output_tokens"`
	TTFT         struct {
		P50 *int64 `json:"p50"`
		P95 *int64 `json:"p95"`
		Max *int64 `json:"max"`
	} `json:"ttft_ms"`
}

type pastHour struct {
	Hour   string      `json:"hour"`
	Models []pastModel `json:"models"`
}

// past answers GET /api/chat/history: what came of attempts in the last hours, oldest first; the running one is the last.
func (p *Proxy) past(ctx *fasthttp.RequestCtx, s *Settings, who caller) {
	if e := s.mayWatch(who); e != nil {
		refuse(ctx, e)
		return
	}
	hours, e := askedHours(ctx.QueryArgs())
	if e != nil {
		refuse(ctx, e)
		return
	}
	now := time.Now()
	from := now.UTC().Truncate(time.Hour).Add(-time.Duration(hours-1) * time.Hour)
	past, err := p.history.Hours(from, now.Add(1))
	if err != nil {
		ctx.Response.Header.Set("Retry-After", "1")
		refuse(ctx, &openai.Error{Status: 503, Type: "server_error", Code: "history_unavailable", Message: "the history cannot be read at the moment"})
		return
	}
	out := struct {
		Hours []*pastHour `json:"hours"`
		Cut   bool        `json:"cut,omitempty"` // the oldest hours are missing: there are too many models in them

		Models []pastSum `json:"models,omitempty"` // of all hours together
		Day    *grant    `json:"day,omitempty"`    // what all accounts together grant in a day

		Roster []changeState `json:"roster,omitempty"` // models that joined, left, were parked or came back, by time
	}{Hours: []*pastHour{}, Cut: past.Cut}
	if len(past.Sums) > 0 {
		out.Models, out.Day = p.sums(now, past.Sums)
	}
	for _, x := range p.changes.Since(from) {
		out.Roster = append(out.Roster, x.state())
	}
	var hour *pastHour
	for i := range past.Hours {
		r := &past.Hours[i]
		at := r.Hour.UTC().Format(time.RFC3339)
		if hour == nil || hour.Hour != at {
			hour = &pastHour{Hour: at}
			out.Hours = append(out.Hours, hour)
		}
		hour.Models = append(hour.Models, r.shown())
	}
	writeJSON(ctx, fasthttp.StatusOK, out)
}

func askedHours(args *fasthttp.Args) (int, *openai.Error) {
	if !args.Has("hours") {
		return 24, nil
	}
	n, err := strconv.Atoi(string(args.Peek("hours")))
	if err != nil || n < 1 || n > maxHours {
		return 0, &openai.Error{Status: 400, Type: "invalid_request_error", Param: "hours", Code: "bad_request",
			Message: fmt.Sprintf("hours is a number from 1 to %d", maxHours)}
	}
	return n, nil
}

func (r *HourRow) shown() pastModel {
	m := pastModel{ID: r.Model, Provider: r.Provider, Attempts: r.Attempts, Answers: r.Answers, Faults: r.Faults, Limits: r.Limits,
		Fallovers: r.Fallovers, InputTokens: r.InputTokens, OutputTokens: r.OutputTokens}
	if r.TTFTMax > 0 {
		p50, p95, most := r.TTFTp50.Milliseconds(), r.TTFTp95.Milliseconds(), r.TTFTMax.Milliseconds()
		m.TTFT.P50, m.TTFT.P95, m.TTFT.Max = &p50, &p95, &most
	}
	return m
}
