package proxy

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"
)

// Many clients say a part of something, right or wrong, and leave wherever they are. Those between them that stay get their own
// answers, all of them; no model is blamed, and nothing is left.
func TestAStormOfClients(t *testing.T) {
	const stormy, calm, times = 12, 4, 25
	eachWorld(t, enginePlan{}, func(e *engine) {
		e.provide(each(func(p *upPeer, _, body string) {
			if text := contentOf(body); strings.Contains(body, `"stream":true`) {
				p.say(openStream, role, word(text), word(text), final)
			} else {
				p.say(wholeAnswer(text))
			}
		}))
		var all sync.WaitGroup
		for client := range stormy {
			all.Go(func() {
				chance := rand.New(rand.NewPCG(uint64(client), 7))
				for range times {
					e.visit().storm(e, chance)
				}
			})
		}
		for client := range calm {
			all.Go(func() {
				v := e.visit()
				defer v.Close()
				for i := range times {
					want := fmt.Sprintf("token%dof%d", i, client)
					v.ask(i%2 == 0, want)
					got, err := v.rest()
					if n := strings.Count(got.body, "token"); err != nil || got.status != 200 || n == 0 || n != strings.Count(got.body, want) {
						e.Errorf("client %d, request %d: %v, %d %s", client, i, err, got.status, got.body)
						return
					}
				}
			})
		}
		all.Wait()
		e.quiet()
		e.soon("all clients gone", func() bool { return e.proxy.server.Open() == 0 })
		if n, ok := e.failures("a"); n != 0 || !ok {
			e.Errorf("failure_count %d, available %t", n, ok)
		}
	})
}

// storm says some requests, of which the last may be cut anywhere, hears a part of what is answered, and leaves.
func (v *visitor) storm(e *engine, chance *rand.Rand) {
	chat := func(stream bool) string {
		return post(fmt.Sprintf(`{"model":"a","stream":%t,"messages":[{"role":"user","content":"other"}]}`, stream))
	}
	words := []string{chat(true), chat(false), "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", post("{"), "nonsense\r\n\r\n", "\x16\x03\x01",
		head("POST /v1/chat/completions HTTP/1.1", "Transfer-Encoding: chunked") + "5\r\n{\"mod\r\n", head("POST /nowhere HTTP/1.1", "Content-Length: 300000"),
		head("POST /v1/chat/completions HTTP/1.1", "Expect: 100-continue", "Content-Length: 9"), head("HEAD / HTTP/1.1"), "\r\n\r\n",
		head("GET /healthz HTTP/1.1", "Transfer-Encoding: chunked"), "2\r\nok\r\n0\r\nX-Late: other\r\n\r\n"}
	var text strings.Builder
	for range 1 + chance.IntN(3) {
		text.WriteString(words[chance.IntN(len(words))])
	}
	say := text.String()
	if chance.IntN(2) == 0 {
		say = say[:chance.IntN(len(say))]
	}
	cut := chance.IntN(len(say) + 1)
	v.say(say[:cut])
	time.Sleep(time.Duration(chance.IntN(300)) * time.Microsecond)
	v.say(say[cut:])
	if chance.IntN(2) == 0 {
		_ = v.SetReadDeadline(time.Now().Add(time.Duration(chance.IntN(3000)) * time.Microsecond))
		_, _ = io.CopyN(io.Discard, v, chance.Int64N(2000))
	}
	leavings[chance.IntN(e.ways())].now(v)
}
