package roster

import (
	"time"

	"freefall/fallback"
	"freefall/internal/openai"
)

var llamacpp = &Dialect{
	Name:       "llamacpp",
	BaseURL:    "http://localhost:8080/v1",
	Local:      true,
	FirstToken: time.Minute, // a long prompt takes its time on a machine of one's own

	Training:     fallback.NeverTrains,
	TrainingFrom: "your own machine",

	Edits: openai.Edits{IncludeUsage: true},
}
