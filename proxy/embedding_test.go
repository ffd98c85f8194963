package proxy

import (
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"freefall/fallback"
	"freefall/internal/fakellm"
)

// vectorModels are the chat model a, the embedding model e at two providers, and another one.
func vectorModels() []fallback.Model {
	rows := chain("a", "e", "e", "f")
	for i := range rows[1:] {
		rows[i+1].Kind = fallback.Embedding
	}
	rows[2].Provider = "q"
	return rows
}

// A request for embeddings falls over to the same model elsewhere, and never to another one: an index is of one model.
func TestEmbeddingsFallOver(t *testing.T) {
	inBubble(t, plan{models: vectorModels()}, func(w *world) {
		p, q := w.fakes["p"], w.fakes["q"]
		p.Script("e", fakellm.Raw(429, map[string]string{"Retry-After": "60"}, `{"error":{"message":"slow down"}}`))
		got := w.do("POST", "/v1/embeddings", `{"model":"text-embedding-3-small","input":["one","two"],"encoding_format":"base64","stream":true}`)
		g := gjson.Parse(got.body)
		if got.status != 200 || got.trail() != "e=rate_limited; e=ok" || len(g.Get("data").Array()) != 2 || g.Get("data.1.embedding").Type != gjson.String ||
			g.Get("usage.prompt_tokens").Int() == 0 || got.header.Get(headerProvider) != "q" || got.header.Get("Content-Type") != "application/json" {
			t.Errorf("%d %s %s", got.status, got.trail(), got.body)
		}
		asked := q.Requests()
		if up := asked[len(asked)-1]; string(up.Body) != `{"model":"e","input":["one","two"],"encoding_format":"base64","stream":true}` || up.Path != "/v1/embeddings" {
			t.Errorf("up went %s to %s", up.Body, up.Path)
		}

		q.Script("e", fakellm.Fault(500), fakellm.Raw(200, nil, `{"choices":[{"message":{"content":"no vector"}}]}`))
		for range 2 {
			got = w.do("POST", "/v1/embeddings", `{"input":"one"}`, "X-Freefall-Max-Wait", "0s")
			if got.status != 429 || got.err().Code != codeExhausted || got.header.Get("Retry-After") == "" {
				t.Errorf("%d %s", got.status, got.body)
			}
		}
		if got := w.do("POST", "/v1/embeddings", `{"model":"f","input":[1,2,3]}`); got.status != 200 || got.trail() != "f=ok" {
			t.Errorf("%d %s %s", got.status, got.trail(), got.body)
		}
		if p.Hits("a")+q.Hits("a") != 0 || p.Hits("f") != 1 {
			t.Error("another model was asked")
		}
	})
}

// What is no request for embeddings is refused before anybody is asked, and a chat model gives none.
func TestWrongEmbeddings(t *testing.T) {
	inBubble(t, plan{models: vectorModels()}, func(w *world) {
		for body, code := range map[string]string{
			`{"model":"e"}`:                       "missing_required_parameter",
			`{"model":"e","input":null}`:          "invalid_type",
			`{"model":"e","input":{"a":"b"}}`:     "invalid_type",
			`{"input":"a","input":"b"}`:           "duplicate_key",
			`{"input":"a","\u0049nput":"b"}`:      "misspelled_key",
			`{"input":"a","model":"e","Model":1}`: "misspelled_key",
			`{"input":"a"`:                        "invalid_json",
			`{"input":"a","model":"a"}`:           "unsupported_feature",
		} {
			if got := w.do("POST", "/v1/embeddings", body); got.status != 400 || got.err().Code != code {
				t.Errorf("%s: %d %s", body, got.status, got.body)
			}
		}
		if got := w.chat(strings.Replace(plainBody, "auto", "e", 1)); got.status != 200 || got.trail() != "a=ok" {
			t.Errorf("a chat that names an embedding model: %d %s", got.status, got.body)
		}
		if n := len(w.fakes["q"].Requests()); n != 0 {
			t.Errorf("%d calls were made", n)
		}
	})
}
