package roster

import "freefall/fallback"

var ollamaCloud = &Dialect{
	Name:    "ollama-cloud",
	BaseURL: "https://ollama.com/v1",
	Hosts:   []string{"ollama.com", "www.ollama.com"},
	KeyVars: []string{"OLLAMA_API_KEY"},

	Account: Limits{Concurrency: 1}, // one model at a time
	From:    "ollama.com/pricing",
	Read:    "2026-09-11",

	Training:     fallback.NeverTrains,
	TrainingFrom: "docs.ollama.com and ollama.com/privacy, 2026-04-11: prompts and answers are not kept and not trained on",

	Notes: []string{
		"Windows of about 5 hours and 7 days, or of a month, whose sizes are not published; when one is spent it says so.",
	},
}
