// Package upstream does one round trip to a provider: it finds or dials a connection, writes one request, reads the head of
// the answer, and hands out an open [Reply]. It knows nothing of models and JSON and tries nothing twice, but for one silent
// redial when a kept connection turns out to be dead before a byte of the answer came.
//
//	t := upstream.New(upstream.Config{})
//	defer t.Close()
//
//	var f upstream.Flow                        // one exchange; Cancel ends it from any goroutine, in every phase
//	f.SetDeadline(time.Now().Add(time.Minute)) // covers everything from now on, and may be moved between reads
//	reply, err := t.Do(&f, &upstream.Request{Method: "POST", URL: "https://openrouter.ai/api/v1/chat/completions",
//		Header: []upstream.Header{{Name: "Authorization", Value: "Bearer ..."}}, Body: [3][]byte{body}})
//	if err != nil {
//		return err // *Error: the phase, and whether the provider may have seen the request
//	}
//	defer reply.Close()
//	n, err := reply.Read(buf)
//
// All of an exchange happens in the goroutine that calls Do and Read. A cancelled flow wakes it by a deadline in the past and
// never closes anything itself, so that Cancel cannot block; the owner closes.
//
// The answer is not trusted: its head, the sizes and trailers of its chunks and the count of interim answers are bounded,
// redirects are ordinary answers, a compressed body is an error, and the address that a name led to is checked before the
// connection is made.
//
// The other half looks the other way: [Watch] wraps the listener that clients connect to and tells, for each [Conn], when its
// client has left.
package upstream
