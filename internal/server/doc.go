// Package server reads the requests of clients and writes the answers, with fasthttp's codec and its RequestCtx.
//
// fasthttp's own server keeps the buffer of a request's head until its answer has ended, which may be minutes and is then most of
// what a stream takes. Here a connection holds a goroutine and what that needs: the buffer of the head goes back when the body has been
// read, the context when the head of a streamed answer is written, and between requests there is neither.
//
// One goroutine serves a connection from its first byte to its last. Nothing is read ahead of what a request consists of but into
// its own buffer, so a request in a pipeline is found there when its turn comes.
package server
