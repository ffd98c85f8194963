// Package shared makes several replicas one: they draw from the same windows, counted in Redis, and what one learns of models and accounts
// the others know soon.
//
// Nobody depends on it. Redis is asked once before each call, and once for a client with a share, for 100 ms at most. When Redis does not answer each replica goes by its own counts, and tells
// what it has drawn when Redis is back. What is written there are names of windows and accounts, numbers, and the rows of the state, with the
// last error of each model: no key, no prompt, nothing that a client has sent. All of it expires.
package shared
