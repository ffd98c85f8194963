// Package fallback decides which model answers a request, and learns from what came of it.
//
// A Pool holds the rows of a chain: models in order of priority, each at one provider with that provider's keys. For every
// request a Walk asks the pool, again and again, for the right to try one model once:
//
//	walk := fallback.Walk{Need: need, Ask: fallback.Ask{Model: "gpt-4o"}}
//	for {
//		attempt, ok := pool.Pick(time.Now(), &walk)
//		if !ok {
//			return exhausted(pool.Exhausted(time.Now(), &walk))
//		}
//		outcome := try(attempt.Model, attempt.Key)
//		attempt.End(time.Now(), outcome)
//		if outcome.Class == fallback.OK {
//			return nil
//		}
//	}
//
// The package is pure: no clock, no chance, no I/O, no goroutine. Time is an argument, and what is available is computed when
// somebody asks; nothing sleeps in order to wake up again.
//
// Two things keep a model from being asked. Its health: faults and limits count up to the breaker's number and then the
// model rests, is tried once when the cooldown is over, and counts down with each success. And rests: a limit rests exactly
// what it speaks of (one model with one key, the model, a key, an account, a provider) until the moment it names.
package fallback
