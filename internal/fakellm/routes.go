package fakellm

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// list is GET /models, in pages when offset or limit is given. It needs no key.
func (x *exchange) list() {
	if x.scriptedRoute("/models") {
		return
	}
	x.server.mu.Lock()
	models := slices.Clone(x.server.models)
	x.server.mu.Unlock()
	query := x.r.URL.Query()
	if query.Get("supported_parameters") == "tools" {
		models = slices.DeleteFunc(models, func(m Model) bool { return !m.Tools })
	}
	page, links := paged(models, x.r.URL, query)
	data := []any{}
	for _, m := range page {
		data = append(data, x.entry(m))
	}
	body := map[string]any{"object": "list", "data": data}
	if !x.server.options.OpenAI {
		body["total_count"], body["links"] = len(models), links
	}
	x.send(http.StatusOK, map[string]string{"content-type": "application/json"}, encode(body))
}

// scriptedRoute plays the script of a route that is no chat.
func (x *exchange) scriptedRoute(name string) bool {
	x.server.mu.Lock()
	t := x.server.nextTurn(name, time.Now())
	x.server.mu.Unlock()
	if t != nil {
		x.step = t.step
		x.play()
	}
	return t != nil
}

// paged cuts the list. links.next is null on the last page.
func paged(models []Model, u *url.URL, query url.Values) ([]Model, map[string]any) {
	if !query.Has("offset") && !query.Has("limit") {
		return models, map[string]any{"next": nil}
	}
	number := func(name string, absent int) int {
		if n, err := strconv.Atoi(query.Get(name)); err == nil && n >= 0 {
			return n
		}
		return absent
	}
	from := min(number("offset", 0), len(models))
	to := min(from+max(min(number("limit", 500), 1000), 1), len(models))
	if to == len(models) {
		return models[from:to], map[string]any{"next": nil}
	}
	query.Set("offset", strconv.Itoa(to))
	return models[from:to], map[string]any{"next": u.Path + "?" + query.Encode()}
}

// entry is a model as the list shows it.
func (x *exchange) entry(m Model) any {
	const created = 1740000000
	if x.server.options.OpenAI {
		return map[string]any{"id": m.ID, "object": "model", "created": created, "owned_by": m.host()}
	}
	price := strconv.FormatFloat(m.Price, 'f', -1, 64)
	return map[string]any{
		"id": m.ID, "canonical_slug": strings.TrimSuffix(m.ID, ":free"), "name": m.name(), "created": created,
		"description": "A simulated model.", "context_length": orNull(m.Context),
		"architecture": map[string]any{"input_modalities": inputs(m), "output_modalities": []string{"text"},
			"modality": strings.Join(inputs(m), "+") + "->text", "tokenizer": "Other", "instruct_type": nil},
		"pricing": map[string]string{"prompt": price, "completion": price, "request": "0", "image": "0"},
		"top_provider": map[string]any{"context_length": orNull(m.Context), "max_completion_tokens": orNull(m.MaxOutput),
			"is_moderated": false},
		"per_request_limits": nil, "supported_parameters": parameters(m), "default_parameters": map[string]any{},
		"expiration_date": orNull(m.Expires),
	}
}

func inputs(m Model) []string {
	if m.Vision {
		return []string{"text", "image"}
	}
	return []string{"text"}
}

func parameters(m Model) []string {
	list := []string{"max_tokens", "temperature", "top_p", "seed", "stop"}
	if m.Tools {
		list = append(list, "tools", "tool_choice")
	}
	if m.JSONSchema {
		list = append(list, "response_format", "structured_outputs")
	}
	if m.Reasoning {
		list = append(list, "reasoning", "include_reasoning")
	}
	return list
}

// orNull is v, or null when v is the zero value.
func orNull[T comparable](v T) any {
	var zero T
	if v == zero {
		return nil
	}
	return v
}

// key is GET /key: the account's own counter of the day, which is its limit with the longest window.
func (x *exchange) key() {
	if !x.admitted() || x.scriptedRoute("/key") {
		return
	}
	data := map[string]any{"label": "sk-or-v1-sim...ple", "limit": nil, "limit_remaining": nil, "limit_reset": nil, "usage": 0,
		"usage_daily": 0, "usage_weekly": 0, "usage_monthly": 0, "byok_usage": 0, "include_byok_in_limit": false,
		"is_free_tier": true, "is_management_key": false, "expires_at": nil,
		"rate_limit": map[string]any{"requests": -1, "interval": "10s", "note": "This field is deprecated and safe to ignore."}}
	if day, ok := x.server.day(x.account); ok {
		data["free_model_daily_requests"] = map[string]int{"limit": day.Requests, "used": day.Used, "remaining": day.Remaining}
	}
	x.send(http.StatusOK, map[string]string{"content-type": "application/json"}, encode(map[string]any{"data": data}))
}

// day is the use of the account's longest limit.
func (s *Server) day(account string) (Use, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var longest *limiter
	for _, l := range s.limits {
		if l.Scope == Account && (longest == nil || l.Per > longest.Per) {
			longest = l
		}
	}
	if longest == nil {
		return Use{}, false
	}
	return longest.use(longest.key(account, ""), time.Now()), true
}
