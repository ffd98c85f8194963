package openai

import (
	"time"

	"github.com/tidwall/gjson"

	"freefall/fallback"
)

// embeddingKeys are guarded beside those of a chat body.
var embeddingKeys = newKeySet("input")

// ParseEmbedding reads the body of a request for embeddings, as strictly as ParseChat reads that of a chat. It is never streamed.
func ParseEmbedding(body []byte) (*Request, *Error) {
	p := chatParser{req: &Request{Body: body}, s: scanner{body: body}}
	r := p.req
	var own seenKeys
	inInput, numbers := false, 0
	for p.s.next() {
		if p.s.depth > 1 {
			switch {
			case inInput && p.s.kind == '0': // texts may come as the numbers of their tokens
				numbers++
			case inInput:
				p.count()
			}
			continue
		}
		name, e := embeddingKeys.admit(&p.s.key, &own)
		if e != nil {
			return nil, e
		}
		if inInput = name == "input"; inInput {
			if !p.isOneOf(`"[`) {
				return nil, wrongType("input", "a string or an array")
			}
			p.count()
		}
		if e := p.value(); e != nil {
			return nil, e
		}
		p.s.looks = 0
	}
	switch {
	case p.s.err != nil:
		return nil, p.s.err
	case !own.has(embeddingKeys["input"]):
		return nil, refuse("missing_required_parameter", "input", `"input" is missing; send a string or an array of strings`)
	case !r.seen.has(chatKeys["model"]):
		r.asIs = spliceFirst(body, p.s.start)
	}
	p.end()
	r.Stream = false
	r.Need = fallback.Need{Kind: fallback.Embedding, Tokens: p.text.tokens() + numbers}
	return r, nil
}

// CompleteEmbedding gives the verdict on an answer to a request for embeddings.
func CompleteEmbedding(d *Dialect, status int, header func(name string) string, body []byte, _ string, now time.Time) ([]byte, fallback.Outcome) {
	body = unmarked(body)
	o := Classify(d, status, header, body, now)
	if o.Class == fallback.OK && !hasContent(gjson.GetBytes(body, "data.0.embedding")) {
		o = streamFault("an answer without embeddings")
	}
	return body, o
}
