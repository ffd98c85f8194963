package roster

import "freefall/fallback"

var openrouter = &Dialect{
	Name:    "openrouter",
	BaseURL: "https://openrouter.ai/api/v1",
	Hosts:   []string{"openrouter.ai"},
	KeyVars: []string{"OPENROUTER_API_KEY"},

	Listed:    true,
	TellsCost: true, // usage.cost, in answers and in streams

	// One counter for all :free ids of an account.
	Account: Limits{RPM: 20, RPD: 50, DayResets: "00:00 UTC"},
	From:    "openrouter.ai/docs, limits; developersdigest.tech/rate-limits/openrouter",
	Read:    "2026-10-17",
	// Attempts that a model's host turned away count toward the day: free-coding-models 0.5.92; OpenRouter's own docs of
	// 2026-08-22 do not say.
	Counting: fallback.CountsUpstream,
	// openrouter.ai/docs, streaming, 2026-08-22: cancelling ends the call at some of the hosts behind it, not at others.
	Burns: true,

	Training:     fallback.MayTrain,
	TrainingFrom: "openrouter.ai/docs/guides/privacy, 2026-11-22: each host behind it has its own policy, and free ones may train; the account settings can exclude those",

	Notes: []string{
		"The day holds 1,000 requests once 10 credits were ever bought: write `limits: {rpm: 20, rpd: 1000}`. What `GET /key` tells of the day is believed anyway.",
		"A negative balance turns `:free` models off, too.",
	},
}
