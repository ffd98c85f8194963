package roster

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

// served is a server on this machine that answers each path so.
func served(t *testing.T, answers map[string]string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, ok := answers[r.Method+" "+r.URL.Path]
		switch {
		case !ok:
			w.WriteHeader(404)
		case strings.HasPrefix(answer, "http://"):
			http.Redirect(w, r, answer, http.StatusFound)
		}
		fmt.Fprint(w, answer)
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// What stands on a usual port is taken only when it answers like the server that usually stands there.
func TestLook(t *testing.T) {
	recorded, err := os.ReadFile("../fakellm/testdata/llamacpp/models.json")
	if err != nil {
		t.Fatal(err)
	}
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	real := served(t, map[string]string{"GET /": "Ollama is running", "GET /v1/models": string(recorded)})
	tests := []struct {
		name, dialect, addr string
		want                bool
	}{
		{"ollama", "ollama", real, true},
		{"llama.cpp", "llamacpp", real, true},
		{"a line feed", "ollama", served(t, map[string]string{"GET /": "Ollama is running\n"}), true},
		{"nobody", "ollama", closed.Addr().String(), false},
		{"nobody", "llamacpp", closed.Addr().String(), false},
		{"a page", "ollama", served(t, map[string]string{"GET /": "<html>Ollama is running</html>"}), false},
		{"a page", "llamacpp", served(t, map[string]string{"GET /v1/models": "<html></html>"}), false},
		{"another server", "llamacpp", served(t, map[string]string{"GET /v1/models": `{"data":[{"id":"m","owned_by":"vllm"}]}`}), false},
		{"a gateway", "llamacpp", served(t, map[string]string{"GET /v1/models": `{"data":[{"id":"freefall/auto","owned_by":"freefall"},{"id":"m","owned_by":"llamacpp"}]}`}), false},
		{"no models", "llamacpp", served(t, map[string]string{"GET /v1/models": `{"data":[]}`}), false},
		{"other types", "llamacpp", served(t, map[string]string{"GET /v1/models": `{"data":{"owned_by":"llamacpp"}}`}), false},
		{"brackets", "llamacpp", served(t, map[string]string{"GET /v1/models": strings.Repeat("[", 1<<20)}), false},
		{"endless", "llamacpp", served(t, map[string]string{"GET /v1/models": string(recorded) + strings.Repeat(" ", 2<<20)}), true},
		{"an error", "ollama", served(t, nil), false},
		{"sent elsewhere", "ollama", served(t, map[string]string{"GET /": "http://" + real + "/"}), false},
	}
	for _, tt := range tests {
		n := Neighbour{tt.dialect, tt.addr}
		if found := Look([]Neighbour{n}); (len(found) == 1 && found[0] == n) != tt.want {
			t.Errorf("%s as %s: %v", tt.name, tt.dialect, found)
		}
	}
	if found := Look([]Neighbour{{"ollama", real}, {"llamacpp", closed.Addr().String()}, {"llamacpp", real}}); len(found) != 2 || found[0].Dialect != "ollama" {
		t.Errorf("found %v", found)
	}
}

// Who takes the connection and says nothing holds a start up for as long as it is bounded.
func TestLookIsBounded(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	begun := time.Now()
	addr := silent.Addr().String()
	if found := look([]Neighbour{{"ollama", addr}, {"llamacpp", addr}, {"ollama", addr}}, 20*time.Millisecond); len(found) > 0 {
		t.Errorf("found %v", found)
	}
	if took := time.Since(begun); took > lookTime {
		t.Errorf("it took %v", took)
	}
}
