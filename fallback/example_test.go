package fallback_test

import (
	"fmt"
	"time"

	"freefall/fallback"
)

// One request meets a limit and is answered by the next model; the one after it goes there at once.
func Example() {
	key := []fallback.Key{{Account: "mine"}}
	pool := fallback.New(fallback.Config{Models: []fallback.Model{
		{Provider: "openrouter", ID: "google/gemini-2.0-flash-exp:free", Proof: fallback.ProvenListed, Keys: key},
		{Provider: "openrouter", ID: "deepseek/deepseek-chat-v3-0324:free", Proof: fallback.ProvenListed, Keys: key},
	}})
	try := func(a *fallback.Attempt) fallback.Outcome { // stands for the round trip to a provider
		if a.Model.ID == "google/gemini-2.0-flash-exp:free" {
			return fallback.Outcome{Class: fallback.RateLimited, Action: fallback.NextModel, Target: fallback.TargetPair,
				Until: fallback.UntilRetryAfter, RetryAfter: 41 * time.Second, Stated: true, Status: 429}
		}
		return fallback.Outcome{Class: fallback.OK, Action: fallback.PassThrough, Status: 200}
	}
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for request := range 2 {
		walk := fallback.Walk{Ask: fallback.Ask{Model: "gpt-4o"}}
		for {
			attempt, ok := pool.Pick(now, &walk)
			if !ok {
				fmt.Println("nobody is left:", pool.Exhausted(now, &walk).Ready)
				break
			}
			outcome := try(attempt)
			effect := attempt.End(now, outcome)
			fmt.Printf("request %d: %s: %v, failure_count %d\n", request+1, attempt.Model.ID, outcome.Class, effect.FailureCount)
			if outcome.Class == fallback.OK {
				break
			}
		}
	}
	for _, row := range pool.Snapshot(now) {
		fmt.Printf("%s: available %v, current %v\n", row.Model.ID, row.Available, row.Current)
	}
	// Output:
	// request 1: google/gemini-2.0-flash-exp:free: rate_limited, failure_count 1
	// request 1: deepseek/deepseek-chat-v3-0324:free: ok, failure_count 0
	// request 2: deepseek/deepseek-chat-v3-0324:free: ok, failure_count 0
	// google/gemini-2.0-flash-exp:free: available false, current false
	// deepseek/deepseek-chat-v3-0324:free: available true, current true
}
