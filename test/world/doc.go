// Command world lets schedulers live through a simulated day: seven providers with the limits of real free tiers, a day of
// random requests, and whatever else a day brings. Time is virtual, so a day takes seconds.
//
//	world                    all scenarios; a table; ends with 1 when freefall misses what it must reach
//	world -short             a few of them, for CI
//	world -scenario burst -v one of them, and for each lost request what the candidates said
//	world -random 60         so many worlds that are drawn from the seed: a line for each, and the worst ones
//	world -binary PATH       the real binary, before simulated providers on loopback, for some twenty seconds
//
// All schedulers of a table see the same requests, and the same fortunes: what a call of a request to a route would come to
// (how long it takes, whether it fails) is drawn from the seed, the request and the route, never from a stream that depends
// on what was asked before. The world counts what it grants itself, exactly, with code of its own (window.go); nothing of
// freefall's counting is used.
//
// # The all-knowing
//
// Two lines of the table know more than any scheduler can.
//
// The bound (bound.go) is the largest number of requests that could have been answered at all, found as a maximum flow over every
// request of the day, every limit and every outage. No schedule exceeds it, since all that it leaves out would only lower it: the
// sliding of windows is relaxed to minutes of the clock, hours, turns and days; where tokens are counted only the smallest
// requests are placed, where places are held only the quickest. That makes it too high where the day is overloaded: nobody serves
// the small requests alone.
//
// The all-knowing (seer.go) is a schedule that really takes place, in the same world: it looks at the providers' own counters, knows
// what each single call would come to, and spends the quota of days as the flow does. Freefall is measured by its successes. How
// far it is from the bound is how far it may be from the best there is.
//
// # Errors in front of room
//
// They are counted in three ways (leftover.go). At that very moment: a fitting route would have answered. For a second before: it would have
// all that time, so that everybody could know. And one too many: one more could have been answered beside all that were, because nobody
// else needed the room, or because who took it could have gone elsewhere. Only the last must not be: at overload each error of the
// first two kinds that is spared one client is another's. A route that failed, and waits for the end of its cooldown, has no room in it.
// All three look at the moment of the error. Room that came and went while a request waited is in none of them: only the share of
// the all-knowing shows it.
//
// # Fairness
//
// The world is not made for anybody. Requests that find room are not told so: clocks differ by up to 200 ms, the way to a provider
// takes 5 to 80 ms, and some limits nobody states (NVIDIA's; those of the hosts behind OpenRouter, which change every ten
// minutes). Limits that a provider fills continuously, as Groq and Cerebras do, are as they are, although models.yaml has no word
// for them but windows that slide.
package main
