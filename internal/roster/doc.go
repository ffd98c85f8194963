// Package roster knows who is there: the providers' dialects as data, and the proof that a model costs nothing.
//
//	dialect := roster.Find(provider.Dialect, provider.BaseURL)
//	proof, why := roster.Prove(roster.Claim{Provider: "openrouter", Dialect: dialect, Free: "auto", BaseURL: url, ID: id})
//
//	training := roster.Training(claim) // may what is sent be trained on
//
//	meters := roster.NewMeters(transport, pool.Observe, log) // what providers themselves count of an account
//
// Every number here is a default that models.yaml overrides: free tiers change from month to month. Where a number comes
// from, and when it was read, stands beside it.
package roster
