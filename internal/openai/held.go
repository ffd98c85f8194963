package openai

import (
	"bytes"
	"fmt"
	"math/bits"
	"time"

	"github.com/tidwall/gjson"
)

// hold keeps a chunk back.
func (s *ChatStream) hold(dst, data []byte) []byte {
	if s.goesOn {
		return dst
	}
	s.held = appendFrame(s.held, data)
	if len(s.held) > maxHeld {
		return s.fail(dst, streamFault("too much came before the first content"))
	}
	return dst
}

// introduce says who speaks, for choices whose provider does not: helpers of SDKs fail without. It is an event of its own, so that what
// the provider sent stays as it came.
func (s *ChatStream) introduce(dst []byte, nameless uint64) []byte {
	if s.goesOn {
		return dst
	}
	for ; nameless != 0; nameless &= nameless - 1 {
		role := fmt.Appendf(nil, `{"object":"chat.completion.chunk","model":"","choices":[{"index":%d,"delta":{"role":"assistant","content":""},"finish_reason":null}]}`, bits.TrailingZeros64(nameless))
		if s.state == Content {
			dst = s.write(dst, role)
		} else {
			s.held = appendFrame(s.held, role)
		}
	}
	return dst
}

// commit passes the commit point: what was held back goes first.
func (s *ChatStream) commit(dst []byte, now time.Time) []byte {
	s.state = Content
	s.ids.settle(now, s.opt.Model)
	return s.Held(dst)
}

// Held appends what was held back. After an outcome that IsEmpty this is a stream to its end, in case that it must be the
// answer.
func (s *ChatStream) Held(dst []byte) []byte {
	for rest := s.held; len(rest) > 0; {
		var frame []byte
		frame, rest, _ = bytes.Cut(rest, []byte("\n\n"))
		dst = s.write(dst, frame[len("data: "):])
	}
	if s.over() {
		dst = s.writeEnd(dst)
	}
	return dst
}

// write appends a chunk that was kept.
func (s *ChatStream) write(dst, data []byte) []byte {
	c, _ := readChunk(data)
	return appendFrame(dst, s.ids.stamp(data, &c))
}

func (s *ChatStream) writeEnd(dst []byte) []byte {
	if len(s.usage) > 0 {
		dst = s.write(dst, s.usage)
	}
	return append(dst, doneEvent...)
}

// noteUsage takes the token counts of a chunk, and keeps them as the last chunk of the answer if the client asked.
func (s *ChatStream) noteUsage(data []byte, c *chunk) {
	if !c.usage && c.usageIn == "" {
		return
	}
	v := evidence{doc: gjson.ParseBytes(data)}
	v.usage(&s.outcome)
	if !c.usage {
		readUsage(&s.outcome, v.doc.Get(c.usageIn))
	}
	if !s.opt.IncludeUsage {
		return
	}
	if !c.usage {
		data = without(with(data, "usage", v.doc.Get(c.usageIn).Raw), "x_groq")
	}
	if c.choices != 0 {
		data = with(data, "choices", "[]")
	}
	s.usage = append(s.usage[:0], data...)
}
