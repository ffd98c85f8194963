// Package proxy is HTTP in and HTTP out: it takes OpenAI requests, walks them along a chain of models, and relays the first
// good answer.
//
// One request is one straight line. A route's codec reads the body; the walk asks the fallback.Pool for an attempt, try sends
// it through internal/upstream up to the commit point (the first event that bears content, or the whole body) and gives a
// verdict; the walk picks again or hands the open reply to the relay. Nothing of an attempt reaches the client before its
// commit point, and nothing after it is hidden.
//
// The goroutine that serves a connection (internal/server) does all of this; there is none per attempt or stream. A client that
// leaves is told by the connection (internal/upstream), which cancels the exchange's flow in whatever phase it is.
package proxy
