package roster

import (
	"freefall/fallback"
	"freefall/internal/openai"
)

var google = &Dialect{
	Name:    "google",
	BaseURL: "https://generativelanguage.googleapis.com/v1beta/openai",
	Hosts:   []string{"generativelanguage.googleapis.com"},
	KeyVars: []string{"GEMINI_API_KEY", "GOOGLE_API_KEY"},

	// Of a project and a model.
	Models: map[string]Limits{
		"gemini-3.5-flash":      {RPM: 5, RPD: 20, TPM: 250_000, DayResets: pacific},
		"gemini-3-flash":        {RPM: 5, RPD: 20, TPM: 250_000, DayResets: pacific},
		"gemini-2.5-flash":      {RPM: 5, RPD: 20, TPM: 250_000, DayResets: pacific},
		"gemini-3.1-flash-lite": {RPM: 15, RPD: 500, TPM: 250_000, DayResets: pacific},
		"gemma-3-27b-it":        {RPM: 30, RPD: 14_400, TPM: 15_000, DayResets: pacific},
	},
	Model: Limits{DayResets: pacific},
	From:  "cheahjs/free-llm-api-resources; the day by ai.google.dev, rate limits",
	Read:  "2026-07-18",
	Burns: true, // openrouter.ai/docs, streaming, 2026-08-22

	Training: fallback.MayTrain,
	TrainingFrom: "Gemini API Additional Terms of Service, 2026-03-23: what is sent to unpaid services improves products and may be read by people; " +
		"not in the EEA, Switzerland and the United Kingdom",

	Edits: openai.Edits{Drop: []string{"min_p", "repetition_penalty", "logit_bias", "logprobs", "top_logprobs"}, IncludeUsage: true,
		SignCalls: true, NameResults: true, PlainSchemas: true},
	Notes: []string{
		"Keys of one project share its limits: give them one `account`.",
		"JSON schema words such as `$schema` and `additionalProperties` in tools are refused: schemas are sent in the words that it knows.",
	},
}

const pacific = "00:00 America/Los_Angeles"
