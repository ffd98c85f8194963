package fallback_test

import (
	"testing"

	"freefall/fallback"
)

func TestNeeds(t *testing.T) {
	able := chain("all")[0]
	able.Context = 8000
	for _, c := range []struct {
		name    string
		row     func(*fallback.Model)
		request string
		skip    string
	}{
		{"all of it", nil, "tools choice vision schema tokens=8000", ""},
		{"no tools", func(r *fallback.Model) { r.Tools = false }, "tools", "no_tools"},
		{"no tools, none needed", func(r *fallback.Model) { r.Tools = false }, "vision schema", ""},
		{"no vision", func(r *fallback.Model) { r.Vision = false }, "vision", "no_vision"},
		{"no vision, none needed", func(r *fallback.Model) { r.Vision = false }, "tools", ""},
		{"no schema", func(r *fallback.Model) { r.JSONSchema = false }, "schema", "no_json_schema"},
		{"too large", nil, "tokens=8001", "context_length"},
		{"an unknown window takes any size", func(r *fallback.Model) { r.Context = 0 }, "tokens=100000000", ""},
		{"an embedding", func(r *fallback.Model) { r.Kind = fallback.Embedding }, "plain", "kind"},
		{"many texts to embed", func(r *fallback.Model) { r.Kind = fallback.Embedding }, "embed tokens=8001", ""},
		{"a chat", nil, "embed", "kind"},
		{"unproven", func(r *fallback.Model) { r.Proof = fallback.Unproven }, "plain", "not_free"},
		{"off", func(r *fallback.Model) { r.Off = "limit_zero" }, "plain", "limit_zero"},
		{"off is said before unproven", func(r *fallback.Model) { r.Off, r.Proof = "no_key", fallback.Unproven }, "plain", "no_key"},
		{"no keys", func(r *fallback.Model) { r.Keys = nil }, "plain", "no_key"},
		{"no keys is said before unproven", func(r *fallback.Model) { r.Keys, r.Proof = nil, fallback.Unproven }, "plain", "no_key"},
		{"keyless", func(r *fallback.Model) { r.Keys = keys(""); r.Keys = []fallback.Key{{}} }, "plain", ""},
		{"local", func(r *fallback.Model) { r.Proof = fallback.ProvenLocal }, "plain", ""},
		{"the operator's word", func(r *fallback.Model) { r.Proof = fallback.ProvenPlan }, "plain", ""},
		{"paid and allowed", func(r *fallback.Model) { r.Proof, r.USDPerDay = fallback.AllowedPaid, 1 }, "plain", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			row := able
			if c.row != nil {
				c.row(&row)
			}
			p := byPriority([]fallback.Model{row})
			need, ask := ask(c.request)
			if got := p.Explain(t0, need, ask)[0]; got.Skip != c.skip || got.Unfit != (c.skip != "") {
				t.Errorf("skipped for %q, unfit %v; want %q", got.Skip, got.Unfit, c.skip)
			}
			want := "all=ok"
			if c.skip != "" {
				want = "none"
			}
			play(t, p, []step{{0, c.request, want, ""}})
		})
	}
}

// A refusal that names a feature is remembered for it, through other answers and a new configuration.
func TestRefusedFeatures(t *testing.T) {
	for outcome, request := range map[string]string{"notools": "tools", "nochoice": "choice", "novision": "vision", "noschema": "schema"} {
		t.Run(outcome, func(t *testing.T) {
			p := byPriority(chain("A B"))
			steps := []step{
				{100 * h, request, "B=ok", "A 0 ready"},
				{100 * h, "plain", "A=ok", "A 0 ready"},
			}
			play(t, p, append([]step{{0, request, "A=" + outcome + " B=ok", "A 0 ready"}}, steps...))
			p.Reconfigure(fallback.Config{Models: chain("A B"), Order: fallback.Priority})
			play(t, p, steps)
			if row := p.Snapshot(t0)[0]; row.Tools != (outcome != "notools") {
				t.Errorf("supports tools: %v", row.Tools)
			}
		})
	}
}
