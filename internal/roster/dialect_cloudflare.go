package roster

import (
	"freefall/fallback"
	"freefall/internal/openai"
)

var cloudflare = &Dialect{
	Name:    "cloudflare",
	BaseURL: "https://api.cloudflare.com/client/v4/accounts/${CLOUDFLARE_ACCOUNT_ID}/ai/v1",
	Hosts:   []string{"api.cloudflare.com"},
	KeyVars: []string{"CLOUDFLARE_API_TOKEN", "CLOUDFLARE_API_KEY"},

	Account: Limits{DayResets: "00:00 UTC"}, // of neurons, which no window here counts

	Training:     fallback.NeverTrains,
	TrainingFrom: "developers.cloudflare.com/workers-ai/platform/data-usage, 2026-11-22: not without explicit consent",

	Edits: openai.Edits{Drop: []string{"min_p", "logit_bias", "logprobs", "top_logprobs"}},
	Notes: []string{
		"10,000 neurons a day for all models together (developers.cloudflare.com, 2026-07-18); when they are spent it says so, and rests until 00:00 UTC.",
		"Answers are short unless the client sends `max_tokens`.",
	},
}
