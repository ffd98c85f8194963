package roster

import (
	"freefall/fallback"
	"freefall/internal/openai"
)

var cohere = &Dialect{
	Name:    "cohere",
	BaseURL: "https://api.cohere.ai/compatibility/v1",
	Hosts:   []string{"api.cohere.ai", "api.cohere.com"},
	KeyVars: []string{"COHERE_API_KEY", "CO_API_KEY"},

	// A trial key.
	Account: Limits{RPM: 20},
	From:    "docs.cohere.com, rate limits",
	Read:    "2026-07-18",

	Training:     fallback.MayTrain,
	TrainingFrom: "cohere.com/data-usage-policy, 2024-09-13: the switch against it is for paying customers",

	Edits: openai.Edits{Drop: []string{"top_k", "min_p", "repetition_penalty", "logit_bias", "logprobs", "top_logprobs"}},
	Notes: []string{
		"1,000 calls a month beside; when they are spent it says so.",
		"`reasoning_effort` knows `none` and `high` only.",
	},
}
