package roster

import (
	"freefall/fallback"
	"freefall/internal/openai"
)

var mistral = &Dialect{
	Name:    "mistral",
	BaseURL: "https://api.mistral.ai/v1",
	Hosts:   []string{"api.mistral.ai"},
	KeyVars: []string{"MISTRAL_API_KEY"},

	// The Experiment plan, of a workspace: about one request a second.
	Account: Limits{RPS: 1},
	Model:   Limits{TPM: 500_000},
	From:    "cheahjs/free-llm-api-resources, Experiment plan",
	Read:    "2026-07-18",
	Burns:   true, // openrouter.ai/docs, streaming, 2026-08-22

	Training:     fallback.MayTrain,
	TrainingFrom: "help.mistral.ai/en/articles/323757, 2026-11-22: the free plan may; its console has a switch against it",

	Edits: openai.Edits{
		Drop:   []string{"top_k", "min_p", "repetition_penalty", "logit_bias", "logprobs", "top_logprobs", "reasoning_effort"},
		Rename: [][2]string{{"seed", "random_seed"}},
		// Ids of tool calls are refused otherwise.
		ShortIDs: true,
	},
	Notes: []string{
		"Unknown parameters are refused with 422.",
		"1,000,000,000 tokens a month for each model beside.",
	},
}
