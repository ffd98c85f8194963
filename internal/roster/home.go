package roster

import (
	"encoding/json"
	"io"
	"strings"
	"sync"
	"time"

	"freefall/internal/upstream"
)

// Neighbour is a model server on this machine.
type Neighbour struct {
	Dialect string
	Addr    string // HOST:PORT
}

// Neighbours are where such servers usually are.
func Neighbours() []Neighbour {
	return []Neighbour{{ollama.Name, "127.0.0.1:11434"}, {llamacpp.Name, "127.0.0.1:8080"}}
}

const (
	lookTime   = 300 * time.Millisecond // a server on this machine answers at once, or is not worth a slow start
	lookAnswer = 1 << 20
)

// Look gives those that are there, in their order. Anybody may listen on these ports: what does not answer like the server that is
// looked for is passed over.
func Look(places []Neighbour) []Neighbour { return look(places, lookTime) }

func look(places []Neighbour, within time.Duration) (found []Neighbour) {
	t := upstream.New(upstream.Config{})
	defer func() { _ = t.Close() }()
	until := time.Now().Add(within)
	there := make([]bool, len(places))
	var looking sync.WaitGroup
	for i, place := range places {
		looking.Go(func() { there[i] = place.answers(t, until) })
	}
	looking.Wait()
	for i, place := range places {
		if there[i] {
			found = append(found, place)
		}
	}
	return found
}

func (n Neighbour) answers(t *upstream.Transport, until time.Time) bool {
	path, is := "/v1/models", isLlamacpp
	if n.Dialect == ollama.Name {
		path, is = "/", isOllama
	}
	var flow upstream.Flow
	flow.SetDeadline(until)
	reply, err := t.Do(&flow, &upstream.Request{Method: "GET", URL: "http://" + n.Addr + path, Local: true})
	if err != nil {
		return false
	}
	defer reply.Close()
	body, err := io.ReadAll(io.LimitReader(reply, lookAnswer))
	return err == nil && reply.Status == 200 && is(body)
}

func isOllama(body []byte) bool { return strings.TrimSpace(string(body)) == "Ollama is running" }

// isLlamacpp looks at who owns the listed models: a gateway before a llama.cpp lists others as well.
func isLlamacpp(body []byte) bool {
	var list struct {
		Data []struct {
			Owner string `json:"owned_by"`
		}
	}
	if json.Unmarshal(body, &list) != nil {
		return false
	}
	for _, m := range list.Data {
		if m.Owner != llamacpp.Name {
			return false
		}
	}
	return len(list.Data) > 0
}
