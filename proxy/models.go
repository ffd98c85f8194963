package proxy

import (
	"time"

	"github.com/valyala/fasthttp"

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
		row := listedModel{ID: m.ID, Object: "model", Created: created, OwnedBy: m.Provider, Tools: rows[i].Tools, Available: rows[i].Available, Strengths: m.Strengths}
		if m.Context > 0 {
			row.Context = &m.Context
		}
		out = append(out, row)
	}
	names := []listedModel{auto}
	for _, chain := range p.pool.Chains() {
		named := auto
		named.ID = "freefall/" + chain
		names = append(names, named)
	}
	return append(names, out...)
}

// models answers GET /v1/models.
func (p *Proxy) models(ctx *fasthttp.RequestCtx, _ *Settings, _ caller) {
	writeJSON(ctx, fasthttp.StatusOK, struct {
		Object string        `json:"object"`
		Data   []listedModel `json:"data"`
	}{"list", p.listed()})
}

// oneModel answers GET /v1/models/{id}; ids hold slashes and colons.
func (p *Proxy) oneModel(ctx *fasthttp.RequestCtx, _ *Settings, _ caller) {
	id, _ := ctx.UserValue(restKey).(string)
	for _, m := range p.listed() {
		if m.ID == id {
			writeJSON(ctx, fasthttp.StatusOK, m)
			return
		}
	}
	refuse(ctx, &openai.Error{Status: 404, Type: "invalid_request_error", Param: "model", Code: "model_not_found",
		Message: "there is no model " + openai.Clean(id, 200) + "; GET /v1/models lists the names"})
}
