package proxy

import (
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"freefall/fallback"
)

const threeWords = "once upon a "

// breaks says some words and then what a broken stream does.
func breaks(p *upPeer, how string) {
	p.say(openStream, role, word("once upon "), word("a "))
	switch how {
	case "cut":
		_ = p.Close()
	case "stall":
		p.untilGone()
	case "error":
		p.say(inChunk(`data: {"error":{"code":502,"message":"provider disconnected"}}`+"\n\n"), endStream)
	case "no finish":
		p.say(inChunk("data: [DONE]\n\n"), endStream)
	}
}

// seamed asks a, which breaks off as it is told, and gives the answer and the request that b got.
func seamed(e *engine, request, how string, b func(*upPeer)) (got answer, second string) {
	e.Helper()
	asked := make(chan string, 9)
	e.provide(each(func(p *upPeer, model, body string) {
		if model == "a" {
			breaks(p, how)
			return
		}
		asked <- body
		b(p)
	}))
	v := e.visit()
	defer v.Close()
	v.post(request)
	got, err := v.rest()
	if err != nil {
		e.Errorf("%v %s", err, got.body)
	}
	e.quiet()
	select {
	case second = <-asked:
	default:
	}
	return got, second
}

func telling(p *upPeer) {
	p.say(openStream, role, word("time"), piece(`{"role":"assistant","content":"."}`, "null"), final)
}

// A text that breaks off goes on from another model: one stream, one id, one role, one end.
func TestATextGoesOn(t *testing.T) {
	for _, how := range []string{"cut", "stall", "error", "no finish"} {
		t.Run(how, func(t *testing.T) {
			inMemory(t, enginePlan{}, func(e *engine) {
				e.proxy.Reconfigure(Settings{Continue: true})
				got, second := seamed(e, streamOf(`"max_tokens":100`), how, telling)
				if got.text() != threeWords+"time." || !strings.HasSuffix(got.body, "data: [DONE]\n\n") || strings.Contains(got.body, "error") {
					e.Errorf("%s", got.body)
				}
				ids, roles := map[string]bool{}, 0
				for _, event := range got.events() {
					if event != "[DONE]" {
						ids[gjson.Get(event, "id").Raw+gjson.Get(event, "created").Raw] = true
						roles += strings.Count(event, `"role"`)
					}
				}
				if len(ids) != 1 || roles != 1 || strings.Count(got.body, "[DONE]") != 1 || strings.Count(got.body, `"stop"`) != 1 {
					e.Errorf("ids %v, %d roles: %s", ids, roles, got.body)
				}
				messages := gjson.Get(second, "messages").Array()
				if len(messages) != 3 || messages[1].Get("role").Str != "assistant" || messages[1].Get("content").Str != threeWords ||
					messages[2].Get("role").Str != "user" || gjson.Get(second, "max_tokens").Int() >= 100 || gjson.Get(second, "model").Str != "b" {
					e.Errorf("b was asked %s", second)
				}
				if n, _ := e.failures("a"); n != 1 {
					e.Errorf("a has %d failures", n)
				}
				if n, _ := e.failures("b"); n != 0 {
					e.Errorf("b has %d failures", n)
				}
				text := e.log.String()
				for _, want := range []string{"Switching from a to b", "The answer of a broke off and goes on from b", `"trail":"a=ok; b=ok"`} {
					if !strings.Contains(text, want) {
						e.Errorf("the log lacks %q:\n%s", want, text)
					}
				}
				if page := e.answerTo("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"); !strings.Contains(page.body, `freefall_seams_total{outcome="went_on"} 1`) {
					e.Error("the metrics do not tell of the seam")
				}
			})
		})
	}
}

// A model that answers whole where a stream was asked for goes on all the same.
func TestATextGoesOnWhole(t *testing.T) {
	inMemory(t, enginePlan{}, func(e *engine) {
		e.proxy.Reconfigure(Settings{Continue: true})
		got, _ := seamed(e, streamOf(`"n":1`), "cut", func(p *upPeer) { p.say(wholeAnswer("time.")) })
		if got.text() != threeWords+"time." || strings.Count(got.body, `"role"`) != 1 || !strings.HasSuffix(got.body, "data: [DONE]\n\n") {
			e.Errorf("%s", got.body)
		}
	})
}

// What cannot go on ends as it would without the setting: one error event, and no clean end.
func TestATextThatCannotGoOn(t *testing.T) {
	tools := `"tools":[{"type":"function","function":{"name":"clock","parameters":{"type":"object","properties":{}}}}]`
	for name, c := range map[string]struct {
		members string
		b       func(*upPeer)
		asked   bool // b is
		text    string
	}{
		"tools":            {tools, telling, false, threeWords},
		"an object":        {`"response_format":{"type":"json_object"}`, telling, false, threeWords},
		"two choices":      {`"n":2`, telling, false, threeWords},
		"logprobs":         {`"logprobs":true`, telling, false, threeWords},
		"b fails":          {`"n":1`, func(p *upPeer) { p.say(broken) }, true, threeWords},
		"b is empty":       {`"n":1`, func(p *upPeer) { p.say(openStream, role, final) }, true, threeWords},
		"b breaks off too": {`"n":1`, func(p *upPeer) { p.say(openStream, role, word("time")); _ = p.Close() }, true, threeWords + "time"},
	} {
		t.Run(name, func(t *testing.T) {
			inMemory(t, enginePlan{}, func(e *engine) {
				e.proxy.Reconfigure(Settings{Continue: true})
				got, second := seamed(e, streamOf(c.members), "cut", c.b)
				if got.text() != c.text || got.err().Message == "" || strings.Contains(got.body, "[DONE]") || strings.Count(got.body, `"error"`) != 1 {
					e.Errorf("%s", got.body)
				}
				if (second != "") != c.asked {
					e.Errorf("b was asked %q", second)
				}
				if n, _ := e.failures("a"); n != 1 {
					e.Errorf("a has %d failures", n)
				}
			})
		})
	}
	t.Run("not set", func(t *testing.T) {
		inMemory(t, enginePlan{}, func(e *engine) {
			if got, second := seamed(e, streamOf(`"n":1`), "cut", telling); second != "" || got.err().Message == "" {
				e.Errorf("%s", got.body)
			}
		})
	})
}

// Who leaves while the rest is sought leaves nothing behind, over sockets too.
func TestWhoLeavesAtASeam(t *testing.T) {
	eachWorld(t, enginePlan{}, func(e *engine) {
		e.proxy.Reconfigure(Settings{Continue: true})
		sought := make(chan bool, 1)
		e.provide(func(p *upPeer) {
			if model, ok := p.asked(); ok && model == "a" {
				_, _ = p.request()
				breaks(p, "cut")
				return
			}
			sought <- true
			p.untilGone()
		})
		v := e.visit()
		v.post(streamOf(`"n":1`))
		<-sought
		_ = v.Close()
		e.quiet()
		e.soon("all connections of the provider closed", func() bool { return e.open.Load() == 0 })
		if n, _ := e.failures("b"); n != 0 {
			e.Errorf("b has %d failures", n)
		}
	})
}

// A long answer is continued although the time of its search is long over, and not for ever.
func TestASeamHasItsOwnTime(t *testing.T) {
	inMemory(t, enginePlan{}, func(e *engine) {
		e.proxy.Reconfigure(Settings{Continue: true, Total: 15 * time.Second})
		begun := time.Now()
		got, _ := seamed(e, streamOf(`"n":1`), "stall", func(p *upPeer) { p.untilGone() }) // after 30 s
		if took := time.Since(begun); got.err().Code != fallback.Timeout.String() || took != 45*time.Second {
			e.Errorf("after %v: %s", took, got.body)
		}
	})
}

func streamOf(members string) string {
	return `{"model":"a","stream":true,"messages":[{"role":"user","content":"tell me a tale"}],` + members + `}`
}
