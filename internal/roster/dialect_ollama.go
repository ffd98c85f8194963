package roster

import (
	"time"

	"freefall/fallback"
	"freefall/internal/openai"
)

var ollama = &Dialect{
	Name:       "ollama",
	BaseURL:    "http://localhost:11434/v1",
	Hosts:      []string{"localhost:11434", "127.0.0.1:11434", "[::1]:11434"},
	Local:      true,
	FirstToken: time.Minute, // the first request loads the model

	Training:     fallback.NeverTrains,
	TrainingFrom: "your own machine",

	Edits: openai.Edits{IncludeUsage: true},
	Notes: []string{
		"Models whose tag ends with `cloud` run at ollama.com, whatever the address: they do not count as local, and their privacy is that of `ollama-cloud`.",
	},
}
