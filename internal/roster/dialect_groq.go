package roster

import (
	"freefall/fallback"
	"freefall/internal/openai"
)

var groq = &Dialect{
	Name:    "groq",
	BaseURL: "https://api.groq.com/openai/v1",
	Hosts:   []string{"api.groq.com"},
	KeyVars: []string{"GROQ_API_KEY"},

	// Of an organization and a model.
	Models: map[string]Limits{
		"llama-3.3-70b-versatile": {RPM: 30, RPD: 1000, TPM: 12_000, TPD: 100_000, DayResets: rolling, Fills: groqFills},
		"openai/gpt-oss-120b":     {RPM: 30, RPD: 1000, TPM: 8_000, TPD: 200_000, DayResets: rolling, Fills: groqFills},
		"openai/gpt-oss-20b":      {RPM: 30, RPD: 1000, TPM: 8_000, TPD: 200_000, DayResets: rolling, Fills: groqFills},
		"qwen/qwen3.6-27b":        {RPM: 30, RPD: 1000, TPM: 8_000, TPD: 200_000, DayResets: rolling, Fills: groqFills},
		"llama-3.1-8b-instant":    {RPM: 30, RPD: 14_400, TPM: 6_000, DayResets: rolling, Fills: groqFills},
		"groq/compound":           {RPM: 30, RPD: 250, TPM: 70_000, DayResets: rolling, Fills: groqFills},
	},
	Model: Limits{DayResets: rolling, Fills: groqFills},
	From:  "console.groq.com, rate limits; cheahjs/free-llm-api-resources",
	Read:  "2026-07-18",
	Burns: true, // openrouter.ai/docs, streaming, 2026-08-22

	Training:     fallback.NeverTrains,
	TrainingFrom: "Groq Services Agreement, 2025-10-15, 4.2; console.groq.com/docs/your-data",

	Edits: openai.Edits{Drop: []string{"logprobs", "top_logprobs", "logit_bias"}},
	Notes: []string{
		"Keys of one organization share its limits: give them one `account`.",
		"Tokens read from its cache are not counted.",
	},
}

// groqFills are the windows whose reset, in the headers of each answer, is when all that is missing will have come: 30 of
// 14,400 a day are back after three minutes.
const groqFills = "rpd tpm tpd"
