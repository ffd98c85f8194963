package openai

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"freefall/fallback"
)

// allSamples are the samples of both files.
func allSamples(t testing.TB) []sample { return append(readSamples(t), readRefusals(t)...) }

// judged gives the verdict on a sample with another body.
func (s *sample) judged(d *Dialect, body string) fallback.Outcome {
	return Classify(d, s.Status, s.header, []byte(body), s.now())
}

// document is the body as JSON, nil when it is none.
func (s *sample) document() (doc any) {
	if json.Unmarshal([]byte(s.Body), &doc) != nil {
		return nil
	}
	return doc
}

func asJSON(doc any) string {
	b, err := json.Marshal(doc)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// wrappings are what gateways put around the answer of somebody else.
var wrappings = []struct {
	name string
	wrap func(doc any) string
}{
	{"list", func(doc any) string { return asJSON([]any{doc}) }},
	{"error in error", func(doc any) string { return asJSON(map[string]any{"error": doc}) }},
	{"message", func(doc any) string { return asJSON(map[string]any{"error": map[string]any{"message": asJSON(doc)}}) }},
	{"detail", func(doc any) string { return asJSON(map[string]any{"detail": doc}) }},
	{"errors", func(doc any) string { return asJSON(map[string]any{"errors": []any{doc}, "success": false}) }},
	{"event", func(doc any) string { return "data: " + asJSON(doc) + "\n\n" }},
	{"blanks", func(doc any) string {
		b, _ := json.MarshalIndent(doc, "\t", "  ")
		return "\ufeff\r\n " + string(b) + "\r\n"
	}},
}

// What a gateway wraps around an answer changes nothing of what it says of limits, keys and models.
func TestWrappingsKeepTheVerdict(t *testing.T) {
	wrapped := 0
	for _, s := range allSamples(t) {
		doc := s.document()
		if doc == nil || s.Status < 400 {
			continue
		}
		want := s.judged(s.dialect(), s.Body)
		for _, w := range wrappings {
			got := s.judged(s.dialect(), w.wrap(doc))
			if brief(got) != brief(want) {
				t.Errorf("%s as %s:\n\tgot  %s\n\twant %s", s.ID, w.name, brief(got), brief(want))
			}
			wrapped++
		}
	}
	if wrapped < 1500 {
		t.Errorf("only %d were wrapped", wrapped)
	}
}

// Letters in another case say the same.
func TestCaseKeepsTheVerdict(t *testing.T) {
	for _, s := range allSamples(t) {
		if s.document() != nil || s.Status < 400 {
			continue
		}
		want := s.judged(s.dialect(), s.Body)
		if got := s.judged(s.dialect(), strings.ToUpper(s.Body)); brief(got) != brief(want) {
			t.Errorf("%s in capitals:\n\tgot  %s\n\twant %s", s.ID, brief(got), brief(want))
		}
	}
	for _, s := range allSamples(t) {
		doc := s.document()
		if doc == nil || s.Status < 400 {
			continue
		}
		want := s.judged(s.dialect(), s.Body)
		for name, change := range map[string]func(string) string{"capitals": strings.ToUpper, "small letters": strings.ToLower} {
			if got := s.judged(s.dialect(), asJSON(withMessages(doc, change))); got.Class != want.Class || got.Target != want.Target || got.Until != want.Until {
				t.Errorf("%s in %s:\n\tgot  %s\n\twant %s", s.ID, name, brief(got), brief(want))
			}
		}
	}
}

// withMessages changes the texts of a document, not what only looks like one: names, codes, documents.
func withMessages(doc any, change func(string) string) any {
	switch d := doc.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, value := range d {
			text, isText := value.(string)
			if _, nested := nestedDocument(text); isText && !nested && strings.Contains(text, " ") && !strings.Contains(text, "{'") {
				out[key] = change(text)
			} else {
				out[key] = withMessages(value, change)
			}
		}
		return out
	case []any:
		var out []any
		for _, value := range d {
			out = append(out, withMessages(value, change))
		}
		return out
	}
	return doc
}

// Whoever's dialect is believed to be spoken: what is the provider's matter never becomes the client's, and what never heals is not
// asked again in a minute.
func TestDialectsKeepTheDirection(t *testing.T) {
	for _, s := range allSamples(t) {
		own := s.judged(s.dialect(), s.Body)
		for name, d := range dialects {
			got := s.judged(d, s.Body)
			if got.Class != own.Class && got.Class != fallback.RateLimited && own.Class != fallback.RateLimited || (got.Action == fallback.ReturnToClient) != (own.Action == fallback.ReturnToClient) {
				t.Errorf("%s spoken by %s: %s, at home %s", s.ID, name, brief(got), brief(own))
			}
			if own.Until == fallback.UntilConfigChange && got.Until != fallback.UntilConfigChange {
				t.Errorf("%s spoken by %s rests until %s", s.ID, name, got.Until)
			}
		}
	}
}

// Whatever the texts: statuses that speak of a limit, of money, of keys, of absence or of an outage are nothing that the client gets.
func TestStatusesAreNeverTheClients(t *testing.T) {
	var texts []string
	for _, s := range allSamples(t) {
		texts = append(texts, s.Body)
	}
	for _, status := range []int{401, 402, 404, 408, 410, 412, 429, 498, 500, 502, 503, 504, 522, 529} {
		for _, body := range texts {
			o := Classify(nil, status, nil, []byte(body), noon)
			if o.Action == fallback.ReturnToClient || o.Action == fallback.OnceThenReturn {
				t.Errorf("%d %s: %s", status, body, brief(o))
			}
			if status == 429 && o.Target == fallback.TargetProvider {
				t.Errorf("a 429 rests the provider: %s", body)
			}
		}
	}
}

// A text or a page in the place of the document loses the typed words, never the direction.
func TestPlainFormsKeepTheDirection(t *testing.T) {
	for _, s := range allSamples(t) {
		if s.document() == nil || s.Status < 401 || s.Status == 422 {
			continue
		}
		own := s.judged(s.dialect(), s.Body)
		for _, body := range []string{own.Message, fmt.Sprintf("<html><head><title>%d</title></head><body>%s</body></html>", s.Status, own.Message), ""} {
			got := s.judged(s.dialect(), body)
			if got.Action == fallback.OnceThenReturn || got.Action == fallback.ReturnToClient && own.Action != fallback.ReturnToClient {
				t.Errorf("%s as %.20q: %s, own %s", s.ID, body, brief(got), brief(own))
			}
		}
	}
}

// Refusals in words of gateways and hosts that the tables did not know.
func TestMoreWordsOfRefusals(t *testing.T) {
	for _, tt := range []struct {
		status int
		body   string
		want   string
	}{
		{403, `{"code":403,"reason":"NOT_ENOUGH_BALANCE","message":"not enough balance","metadata":{}}`, "payment_required"},
		{429, `{"error":{"message":"Budget has been exceeded! Current cost: 5.0, Max budget: 5.0","type":"budget_exceeded","param":null,"code":"400"}}`, "quota_exhausted"},
		{400, `{"error":{"message":"Prohibited content detected. Please modify your input","type":"content_policy","code":"content_filtered"}}`, "content_policy"},
		{400, `{"error":{"message":"The request holds harmful content"}}`, "content_policy"},
		{403, `{"error":{"message":"Your account was banned because it produced harmful content"}}`, "auth"},
		{400, `{"error":{"message":"This account is suspended for prohibited content"}}`, "auth"},
	} {
		if got := Classify(nil, tt.status, nil, []byte(tt.body), noon).Class.String(); got != tt.want {
			t.Errorf("%d %s: %s, want %s", tt.status, tt.body, got, tt.want)
		}
	}
}

// The same words where they mean something else: quoted from the client, beside another reason, in an answer.
func TestWordsThatOnlySeemToRefuse(t *testing.T) {
	answer := `{"id":"a","object":"chat.completion","created":1,"model":"m","code":%s,"msg":"ok","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"Error 429: too many images, template error, n_ctx exceeded"}}]}`
	for _, tt := range []struct {
		status int
		body   string
		want   string
	}{
		{400, msg(`Invalid value: "too many images: template error, exceed n_ctx, is incompatible with all"`), "invalid_request request once none none -"},
		{400, `{"error":{"message":"Input should be a valid list","param":"messages[0].tool_calls","code":"list_type"}}`, "invalid_request request return none none -"},
		{403, msg(`Forbidden: "the prompt is too long to fit"`), "auth key next key config_change -"},
		{403, `{"model":"m","message":"Forbidden"}`, "auth key next key config_change -"},
		{403, `{}`, "auth key next key config_change -"},
		{403, msg("This key can only be used from registered addresses"), "auth key next key config_change -"},
		{429, `{"error":{"message":"Too many tokens in the prompt","code":"token_limit_exceeded"}}`, "context_length request free none none -"},
		{429, msg("Error from provider (Acme): Rate limit exceeded"), "rate_limited model-upstream next model backoff -"},
		{400, msg("This model does not support image input, nor too many tools"), "unsupported_feature model free none none - vision"},
		{200, fmt.Sprintf(answer, "200"), "ok none pass none none -"},
		{200, fmt.Sprintf(answer, `"429"`), "ok none pass none none -"},
		{200, `{"code":429,"data":[{"object":"embedding"}]}`, "ok none pass none none -"},
	} {
		if got := brief(Classify(nil, tt.status, nil, []byte(tt.body), noon)); got != tt.want {
			t.Errorf("%d %s\n\tgot  %s\n\twant %s", tt.status, tt.body, got, tt.want)
		}
	}
}
