package fakellm

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Equal texts have equal vectors of length 1, whatever stands beside them and in either encoding; others have others.
func TestEmbeddings(t *testing.T) {
	s := New(Options{Models: []Model{{ID: "e"}}, OpenAI: true, Keyless: true})
	defer s.Close()
	ask := func(body string) (status int, vectors []json.RawMessage) {
		t.Helper()
		rec := httptest.NewRecorder()
		s.ServeHTTP(rec, httptest.NewRequest(http.MethodPost, "/v1/embeddings", strings.NewReader(body)))
		var got struct {
			Data []struct{ Embedding json.RawMessage }
		}
		if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil {
			t.Fatalf("%s: %v in %s", body, err, rec.Body)
		}
		for _, d := range got.Data {
			vectors = append(vectors, d.Embedding)
		}
		return rec.Code, vectors
	}
	_, one := ask(`{"model":"e","input":"one"}`)
	_, two := ask(`{"model":"e","input":["two","one"],"stream":true}`)
	if len(one) != 1 || len(two) != 2 || !bytes.Equal(one[0], two[1]) || bytes.Equal(two[0], two[1]) {
		t.Errorf("%s and %s", one, two)
	}
	_, packed := ask(`{"model":"e","input":"one","encoding_format":"base64","dimensions":3}`)
	var text string
	if err := json.Unmarshal(packed[0], &text); err != nil {
		t.Fatal(err)
	}
	if raw, err := base64.StdEncoding.DecodeString(text); err != nil || len(raw) != 12 {
		t.Errorf("%q: %v", text, err)
	}
	if _, tokens := ask(`{"model":"e","input":[1,2,3]}`); len(tokens) != 1 {
		t.Errorf("%d vectors of one text", len(tokens))
	}
	for _, body := range []string{`{"model":"e"}`, `{"model":"e","input":null}`, `{"model":"e","input":[]}`, `{"model":"x","input":"a"}`} {
		if status, _ := ask(body); status != http.StatusBadRequest {
			t.Errorf("%s: %d", body, status)
		}
	}
}
