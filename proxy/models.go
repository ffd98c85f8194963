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
	created := p.born.Unix()
	auto := listedModel{ID: "freefall/auto", Object: "model", Created: created, OwnedBy: "freefall"}
	rows := p.pool.Snapshot(time.Now())
	var out []listedModel
	seen := map[string]int{}
	for i := range rows {
		m := rows[i].Model
		auto.Tools = auto.Tools || rows[i].Tools
		auto.Available = auto.Available || rows[i].Available
		if at, ok := seen[m.ID]; ok {
			out[at].Available = out[at].Available || rows[i].Available
			continue
		}
		seen[m.ID] = len(out)
		out = append(out, p.asListed(m.ID, &rows[i]))
	}
	names := []listedModel{auto}
	for _, chain := range p.pool.Chains() {
		named := auto
		named.ID = "freefall/" + chain
		names = append(names, named)
	}
	return append(names, out...)
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
