package openai

import (
	"encoding/json"
	"strings"
	"testing"
)

// checkFrames holds any output against what every client relies on, whatever the chunks say.
func checkFrames(t *testing.T, stream string) {
	t.Helper()
	var ended string
	var identity, models, usage []string
	for stream != "" {
		frame, rest, ok := strings.Cut(stream, "\n\n")
		stream = rest
		data, isData := strings.CutPrefix(frame, "data: ")
		switch {
		case frame == ": keep-alive" && ended == "":
			continue
		case !ok || !isData || strings.ContainsAny(data, "\r\n") || ended != "":
			t.Fatalf("frame %q (whole: %v) after %q", frame, ok, ended)
		case data == "[DONE]":
			ended = data
			continue
		}
		var c map[string]json.RawMessage
		if err := json.Unmarshal([]byte(data), &c); err != nil {
			t.Fatalf("%v in %q", err, data)
		}
		if _, isError := c["error"]; isError && len(c) == 1 {
			ended = data
			continue
		}
		identity = append(identity, string(c["id"])+" "+string(c["created"]))
		if model, named := c["model"]; named { // an event that names none passes as it came
			models = append(models, string(model))
		}
		checkChoices(t, data, c["choices"])
		if identity[0] != identity[len(identity)-1] || len(models) > 0 && models[0] != models[len(models)-1] {
			t.Fatalf("identities %q of %q", identity, models)
		}
		if strings.HasPrefix(string(c["usage"]), "{") {
			usage = append(usage, data)
		}
		if len(usage) > 1 || len(usage) == 1 && usage[0] != data {
			t.Fatalf("usage is not once and last: %q, then %q", usage, data)
		}
	}
	if ended == "" {
		t.Fatal("the stream has no end")
	}
}

// checkChoices holds the choices of a chunk to what every client looks at first.
func checkChoices(t *testing.T, data string, raw json.RawMessage) {
	t.Helper()
	var choices []struct {
		Index *int
		Delta *struct{}
	}
	if err := json.Unmarshal(raw, &choices); err != nil {
		t.Fatalf("%v in %q", err, data)
	}
	for _, c := range choices {
		if c.Index == nil || c.Delta == nil {
			t.Fatalf("a choice without index or delta: %q", data)
		}
	}
}
