package roster

import "freefall/fallback"

var cerebras = &Dialect{
	Name:    "cerebras",
	BaseURL: "https://api.cerebras.ai/v1",
	Hosts:   []string{"api.cerebras.ai"},
	KeyVars: []string{"CEREBRAS_API_KEY"},

	// Of an organization and a model.
	Models: map[string]Limits{
		"gpt-oss-120b": {RPM: 30, RPH: 900, RPD: 14_400, TPM: 60_000, TPH: 1_000_000, TPD: 1_000_000, DayResets: rolling, Fills: "all"},
	},
	Model:    Limits{DayResets: rolling, Fills: "all"},
	From:     "Cerebras docs, rate limits; cheahjs/free-llm-api-resources",
	Read:     "2026-07-18",
	Reserves: true,

	Training:     fallback.NeverTrains,
	TrainingFrom: "support.cerebras.net, \"Does Cerebras retain my data?\", 2025-07-11: neither prompts nor answers are kept",

	Notes: []string{
		"Keys of one organization share its limits: give them one `account`.",
		"A large `max_completion_tokens` alone is a limit: it is counted before the answer begins.",
	},
}
