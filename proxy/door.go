package proxy

import (
	"io"
	"time"

	"github.com/valyala/fasthttp"

	"freefall/fallback"
	"freefall/internal/openai"
	"freefall/internal/server"
)

// door is a way into the walk: what its clients send, and in whose words they are answered.
type door struct {
	parse func(body []byte) (*openai.Request, *openai.Error)
	judge judge
	api   openai.API // nil: what is parsed is what the clients send, and they get what a provider says
}

// judge gives the verdict on a whole answer, and a good one as the client is to see it.
type judge func(d *openai.Dialect, status int, header func(name string) string, body []byte, model string, now time.Time) ([]byte, fallback.Outcome)

var (
	chatDoor      = chatIn(nil)
	textDoor      = chatIn(openai.Text)
	responsesDoor = chatIn(openai.Responses)
	messagesDoor  = chatIn(openai.Messages)
	embeddingDoor = door{parse: openai.ParseEmbedding, judge: openai.CompleteEmbedding}
)

// chatIn is a door for chats, in the words of that API; nil is chat completions itself.
func chatIn(api openai.API) door { return door{openai.ParseChat, openai.Complete, api} }

// serve makes the door a route.
func (d *door) serve(p *Proxy, ctx *fasthttp.RequestCtx, s *Settings, who caller) {
	p.answer(ctx, s, who, d)
}

// parse reads the body that came, or what it is translated to.
func (x *exchange) parse(body []byte) (e *openai.Error) {
	if x.door.api != nil {
		if body, x.words, e = x.door.api.Translate(body); e != nil {
			return e
		}
		if e = x.swap(len(body)); e != nil {
			return e
		}
	}
	x.req, e = x.door.parse(body)
	return e
}

// swap lets go of the body that came, for one of so many bytes that was made of it.
func (x *exchange) swap(made int) *openai.Error {
	x.proxy.bodies.give(x.held)
	x.held = 0
	x.giveBack()
	room := x.proxy.bodies.take
	if made <= firstBody { // small ones have room of their own
		room = x.proxy.bodies.begin
	}
	if !room(made) {
		return noRoom()
	}
	x.held = made
	return nil
}

// worded gives a whole answer, or all events of one, in the words of the client's API.
func (x *exchange) worded(answer []byte) []byte {
	switch {
	case x.words == nil:
		return answer
	case x.req.Stream:
		return openai.NewTranslation(x.words).Stream(answer)
	}
	return x.words.Whole(answer)
}

// streamed is what the server relays to the client.
func (x *exchange) streamed(r *reply) server.Streamed {
	if x.words == nil {
		return r
	}
	return &interpreted{r, openai.NewTranslation(x.words)}
}

// interpreted is a reply that the client gets in the words of its API.
type interpreted struct {
	*reply
	to *openai.Translation
}

func (i *interpreted) WriteTo(w io.Writer) (int64, error) {
	return i.reply.WriteTo(interpreter{w, i.to})
}

type interpreter struct {
	io.Writer
	to *openai.Translation
}

// Write takes whole events.
func (i interpreter) Write(events []byte) (int, error) {
	if _, err := i.Writer.Write(i.to.Stream(events)); err != nil {
		return 0, err
	}
	return len(events), nil
}
