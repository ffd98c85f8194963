package roster

import (
	"freefall/fallback"
	"freefall/internal/openai"
)

// openAI is also what an unknown host is taken to speak. Nothing there is free.
var openAI = &Dialect{
	Name:    "openai",
	BaseURL: "https://api.openai.com/v1",
	Hosts:   []string{"api.openai.com"},

	Training:     fallback.NeverTrains,
	TrainingFrom: "openai.com, API data usage, 2026-05-24: not by default",

	Edits: openai.Edits{IncludeUsage: true},
	Notes: []string{
		"An unknown host is taken to speak like this one; what is known of its privacy is nothing.",
	},
}
