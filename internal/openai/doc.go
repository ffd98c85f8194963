// Package openai is the wire format that clients and providers share, and where their dialects part.
//
// On the way up, ParseChat reads a request body once. The pass is the whole JSON check and keeps what the choice of a
// model needs: the wanted model, whether a stream is asked for, tools, images, size. The bytes stay as they came;
// Request.Outgoing gives them for one upstream, with the value of "model" put in between two untouched halves.
//
// A body has one meaning or it is refused: a key that freefall reads, removes or adds may stand there once, in its one
// spelling, because readers differ in which of two they believe. What could spend money upstream never goes up.
//
// On the way down, the package reads a provider's answer and says what it came to, in the words of package fallback.
//
// It keeps no state, does no I/O and knows no HTTP library.
package openai
