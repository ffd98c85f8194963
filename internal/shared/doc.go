// Package shared makes several replicas one: they draw from the same windows, counted in Redis, and what one learns of models and accounts
// the others know soon.
//
// Nobody depends on it. A request asks Redis once, for 100 ms at most. When Redis does not answer each replica goes by its own counts, and tells
// what it has drawn when Redis is back. What is written there are names of windows and accounts as the state has them, and numbers: no key, no
// prompt, nothing that a client has sent. All of it expires.
package shared
