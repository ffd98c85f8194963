package roster

import (
	"freefall/fallback"
	"freefall/internal/openai"
)

var dialects = []*Dialect{
	{
		Name:    "openrouter",
		BaseURL: "https://openrouter.ai/api/v1",
		Hosts:   []string{"openrouter.ai"},
		KeyVars: []string{"OPENROUTER_API_KEY"},
		Listed:  true,
		// usage.cost in answers and streams; openrouter.ai's OpenAPI file of 2026-08-22.
		TellsCost: true,
		// One counter for all :free ids. 1000 a day after 10 credits were ever bought; openrouter.ai/docs limits,
		// 2026-08-22; developersdigest.tech/rate-limits/openrouter, 2026-10-17.
		Account: Limits{RPM: 20, RPD: 50, DayResets: "00:00 UTC"},
		Read:    "2026-10-17",
		// Attempts that a model's host turned away count toward the day: free-coding-models 0.5.92; openrouter.ai's own docs of
		// 2026-08-22 do not say.
		Counting: fallback.CountsUpstream,
	},
	{
		Name:    "google",
		BaseURL: "https://generativelanguage.googleapis.com/v1beta/openai",
		Hosts:   []string{"generativelanguage.googleapis.com"},
		KeyVars: []string{"GEMINI_API_KEY", "GOOGLE_API_KEY"},
		// Per project and model. cheahjs/free-llm-api-resources, 2026-07-18; the day is Pacific by ai.google.dev.
		Models: map[string]Limits{
			"gemini-3.5-flash":      {RPM: 5, RPD: 20, TPM: 250_000, DayResets: pacific},
			"gemini-3-flash":        {RPM: 5, RPD: 20, TPM: 250_000, DayResets: pacific},
			"gemini-2.5-flash":      {RPM: 5, RPD: 20, TPM: 250_000, DayResets: pacific},
			"gemini-3.1-flash-lite": {RPM: 15, RPD: 500, TPM: 250_000, DayResets: pacific},
			"gemma-3-27b-it":        {RPM: 30, RPD: 14_400, TPM: 15_000, DayResets: pacific},
		},
		Model: Limits{DayResets: pacific},
		Read:  "2026-07-18",
		Edits: openai.Edits{Drop: []string{"min_p", "repetition_penalty", "logit_bias", "logprobs", "top_logprobs"}, IncludeUsage: true},
	},
	{
		Name:    "groq",
		BaseURL: "https://api.groq.com/openai/v1",
		Hosts:   []string{"api.groq.com"},
		KeyVars: []string{"GROQ_API_KEY"},
		// Per organization and model, days roll. console.groq.com and public lists, 2026-06-04 to 2026-07-18.
		Models: map[string]Limits{
			"llama-3.3-70b-versatile": {RPM: 30, RPD: 1000, TPM: 12_000, TPD: 100_000, DayResets: rolling},
			"openai/gpt-oss-120b":     {RPM: 30, RPD: 1000, TPM: 8_000, TPD: 200_000, DayResets: rolling},
			"openai/gpt-oss-20b":      {RPM: 30, RPD: 1000, TPM: 8_000, TPD: 200_000, DayResets: rolling},
			"qwen/qwen3.6-27b":        {RPM: 30, RPD: 1000, TPM: 8_000, TPD: 200_000, DayResets: rolling},
			"llama-3.1-8b-instant":    {RPM: 30, RPD: 14_400, TPM: 6_000, DayResets: rolling},
			"groq/compound":           {RPM: 30, RPD: 250, TPM: 70_000, DayResets: rolling},
		},
		Model: Limits{DayResets: rolling},
		Read:  "2026-07-18",
		Edits: openai.Edits{Drop: []string{"logprobs", "top_logprobs", "logit_bias"}},
	},
	{
		Name:    "cerebras",
		BaseURL: "https://api.cerebras.ai/v1",
		Hosts:   []string{"api.cerebras.ai"},
		KeyVars: []string{"CEREBRAS_API_KEY"},
		// Per organization and model, a token bucket, which a sliding window never overdraws. cheahjs/free-llm-api-resources,
		// 2026-07-18.
		Models: map[string]Limits{
			"gpt-oss-120b": {RPM: 30, RPD: 14_400, TPM: 60_000, TPD: 1_000_000, DayResets: rolling},
		},
		Model: Limits{DayResets: rolling},
		Read:  "2026-07-18",
	},
	{
		Name:    "mistral",
		BaseURL: "https://api.mistral.ai/v1",
		Hosts:   []string{"api.mistral.ai"},
		KeyVars: []string{"MISTRAL_API_KEY"},
		// Experiment plan, per workspace: about one request a second. cheahjs/free-llm-api-resources, 2026-07-18.
		Account: Limits{RPM: 60},
		Model:   Limits{TPM: 500_000},
		Read:    "2026-07-18",
		Edits: openai.Edits{
			Drop:   []string{"top_k", "min_p", "repetition_penalty", "logit_bias", "logprobs", "top_logprobs", "reasoning_effort"},
			Rename: [][2]string{{"seed", "random_seed"}},
		},
	},
	{
		Name:    "nvidia",
		BaseURL: "https://integrate.api.nvidia.com/v1",
		Hosts:   []string{"integrate.api.nvidia.com"},
		KeyVars: []string{"NVIDIA_API_KEY"},
		// Per key and model; nominal, lower for models in demand. diegosouzapw/OmniRoute#6846, 2026-07-18.
		Model: Limits{RPM: 40},
		Read:  "2026-07-18",
		Edits: openai.Edits{WithTools: [][2]string{{"parallel_tool_calls", "false"}}},
	},
	{
		Name:    "cloudflare",
		BaseURL: "https://api.cloudflare.com/client/v4/accounts/${CLOUDFLARE_ACCOUNT_ID}/ai/v1",
		Hosts:   []string{"api.cloudflare.com"},
		KeyVars: []string{"CLOUDFLARE_API_TOKEN", "CLOUDFLARE_API_KEY"},
		// 10,000 neurons a day for all models together, which no window of ours counts. developers.cloudflare.com, 2026-07-18.
		Account: Limits{DayResets: "00:00 UTC"},
		Edits:   openai.Edits{Drop: []string{"min_p", "logit_bias", "logprobs", "top_logprobs"}},
	},
	{
		Name:    "huggingface", // 0.10 USD of credits a month. huggingface.co/docs/inference-providers, 2026-07-18
		BaseURL: "https://router.huggingface.co/v1",
		Hosts:   []string{"router.huggingface.co"},
		KeyVars: []string{"HF_TOKEN"},
	},
	{
		Name:    "cohere",
		BaseURL: "https://api.cohere.ai/compatibility/v1",
		Hosts:   []string{"api.cohere.ai", "api.cohere.com"},
		KeyVars: []string{"COHERE_API_KEY", "CO_API_KEY"},
		// Trial key; 1000 calls a month beside. docs.cohere.com rate limits, 2026-07-18.
		Account: Limits{RPM: 20},
		Read:    "2026-07-18",
		Edits:   openai.Edits{Drop: []string{"top_k", "min_p", "repetition_penalty", "logit_bias", "logprobs", "top_logprobs"}},
	},
	{
		Name:    "zai", // Flash models are free, their limits unpublished. docs.z.ai, 2026-08-23
		BaseURL: "https://api.z.ai/api/paas/v4",
		Hosts:   []string{"api.z.ai"},
		KeyVars: []string{"ZAI_API_KEY"},
	},
	{
		Name:    "ollama-cloud",
		BaseURL: "https://ollama.com/v1",
		Hosts:   []string{"ollama.com", "www.ollama.com"},
		KeyVars: []string{"OLLAMA_API_KEY"},
		// One model at a time; the usage windows have no published numbers. ollama.com/pricing, 2026-09-11.
		Account: Limits{Concurrency: 1},
		Read:    "2026-09-11",
	},
	{
		Name:    "ollama",
		BaseURL: "http://localhost:11434/v1",
		Hosts:   []string{"localhost:11434", "127.0.0.1:11434", "[::1]:11434"},
		Local:   true,
		Edits:   openai.Edits{IncludeUsage: true},
	},
	{
		Name:    "llamacpp",
		BaseURL: "http://localhost:8080/v1",
		Local:   true,
		Edits:   openai.Edits{IncludeUsage: true},
	},
	{
		Name:    "openai", // what an unknown host is taken to speak; nothing there is free
		BaseURL: "https://api.openai.com/v1",
		Hosts:   []string{"api.openai.com"},
		Edits:   openai.Edits{IncludeUsage: true},
	},
}

const (
	pacific = "00:00 America/Los_Angeles"
	rolling = "rolling"
)
