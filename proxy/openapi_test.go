package proxy

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
)

// The document lists the routes, all of them and no others; the page and its files are for people.
func TestOpenAPIListsTheRoutes(t *testing.T) {
	want := map[string]bool{}
	for i := range routes {
		r := &routes[i]
		path := r.path
		if path == "/" || strings.HasPrefix(path, "/assets/") {
			continue
		}
		if !r.cookie() && slices.ContainsFunc([]string{"/chat/", "/completions", "/responses", "/messages", "/embeddings", "/models"},
			func(prefix string) bool { return strings.HasPrefix(path, prefix) }) {
			path = "/v1" + path
		}
		want[r.method+" "+strings.Replace(path, "*", "{id}", 1)] = true
	}
	inBubble(t, plan{models: chain("a")}, func(w *world) {
		var doc struct {
			OpenAPI string
			Paths   map[string]map[string]struct {
				Summary   string
				Responses map[string]json.RawMessage
			}
		}
		got := w.do("GET", "/openapi.json", "")
		if err := json.Unmarshal([]byte(got.body), &doc); err != nil || got.header.Get("Content-Type") != "application/json" || doc.OpenAPI != "3.1.0" {
			t.Fatalf("%v %v", err, got.header)
		}
		told := map[string]bool{}
		for path, methods := range doc.Paths {
			for method, op := range methods {
				told[strings.ToUpper(method)+" "+path] = true
				if op.Summary == "" || len(op.Responses) == 0 {
					t.Errorf("%s %s says nothing", method, path)
				}
			}
		}
		if !maps.Equal(told, want) {
			t.Errorf("the document has\n%q\nthe routes are\n%q", slices.Sorted(maps.Keys(told)), slices.Sorted(maps.Keys(want)))
		}
	})
}
