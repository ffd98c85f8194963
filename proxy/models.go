package proxy

import (
	"time"

	"github.com/valyala/fasthttp"

	"freefall/fallback"
	"freefall/internal/openai"
)

// listedModel is a model as OpenAI's list shows it, with what a chooser wants to know.
type listedModel struct {
	ID        string   `json:"id"`
	Object    string   `json:"object"`
	Created   int64    `json:"created"`
	OwnedBy   string   `json:"owned_by"`
	Context   *int     `json:"context_length"`
	Tools     bool     `json:"supports_tools"`
	Available bool     `json:"available"`
	Strengths []string `json:"strengths,omitempty"`
}

// listed are the names a client may ask for: freefall/auto and the chains first, then the models, each id once.
func (p *Proxy) listed() []listedModel {
	now := time.Now()
	rows := p.pool.Snapshot(now)
	var out []listedModel
	seen := map[string]int{}
	for i := range rows {
		m := rows[i].Model
		if at, ok := seen[m.ID]; ok {
			out[at].Available = out[at].Available || rows[i].Available
			continue
		}
		seen[m.ID] = len(out)
		out = append(out, p.asListed(m.ID, &rows[i]))
	}
	var names []listedModel
	for _, chain := range append([]string{"auto"}, p.pool.Chains()...) {
		names = append(names, p.asChain(now, "freefall/"+chain))
	}
	return append(names, out...)
}

// asChain is a name that stands for several models: what they can do together.
func (p *Proxy) asChain(now time.Time, name string) listedModel {
	out := listedModel{ID: name, Object: "model", Created: p.born.Unix(), OwnedBy: "freefall"}
	for _, c := range p.pool.Explain(now, fallback.Need{}, fallback.Ask{Model: name}) {
		out.Tools = out.Tools || c.Model.Tools
		out.Available = out.Available || c.Skip == ""
	}
	return out
}

// asListed is a row under one of its names.
func (p *Proxy) asListed(name string, row *fallback.Status) listedModel {
	m := row.Model
	out := listedModel{ID: name, Object: "model", Created: p.born.Unix(), OwnedBy: m.Provider, Tools: row.Tools, Available: row.Available, Strengths: m.Strengths}
	if m.Context > 0 {
		out.Context = &m.Context
	}
	return out
}

// models answers GET /v1/models.
func (p *Proxy) models(ctx *fasthttp.RequestCtx, _ *Settings, _ caller) {
	writeJSON(ctx, fasthttp.StatusOK, struct {
		Object string        `json:"object"`
		Data   []listedModel `json:"data"`
	}{"list", p.listed()})
}

// oneModel answers GET /v1/models/{id}; ids hold slashes and colons. What chats may name is found: provider/id, too.
func (p *Proxy) oneModel(ctx *fasthttp.RequestCtx, _ *Settings, _ caller) {
	id, _ := ctx.UserValue(restKey).(string)
	for _, m := range p.listed() {
		if m.ID == id {
			writeJSON(ctx, fasthttp.StatusOK, m)
			return
		}
	}
	rows := p.pool.Snapshot(time.Now())
	for i := range rows {
		if m := rows[i].Model; m.Provider+"/"+m.ID == id {
			writeJSON(ctx, fasthttp.StatusOK, p.asListed(id, &rows[i]))
			return
		}
	}
	refuse(ctx, &openai.Error{Status: 404, Type: "invalid_request_error", Param: "model", Code: "model_not_found",
		Message: "there is no model " + openai.Clean(id, 200) + "; GET /v1/models lists the names"})
}
