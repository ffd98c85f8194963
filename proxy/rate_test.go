package proxy

import (
	"strings"
	"testing"
	"time"

	"freefall/fallback"
)

// A stream that begins too slowly is given up for the next model before the client has seen anything of it.
func TestMinRate(t *testing.T) {
	drip := func(p *upPeer) {
		p.say(openStream, role)
		for range 20 {
			p.say(word("x"))
			time.Sleep(200 * time.Millisecond)
		}
		p.say(final)
	}
	for name, c := range map[string]struct {
		a     func(*upPeer)
		trail string
		text  string
		after time.Duration // until the answer begins
	}{
		"too slow": {drip, "a=timeout; b=ok", "of b", time.Second},
		"quick":    {func(p *upPeer) { p.say(openStream, role, word("twelve of twelve"), final) }, "a=ok", "twelve of twelve", 0},
		"quick enough": {func(p *upPeer) {
			p.say(openStream, role, word("seven.."))
			time.Sleep(900 * time.Millisecond)
			p.say(word("twelve"))
			time.Sleep(5 * time.Second)
			p.say(word(" and more"), final)
		}, "a=ok", "seven..twelve and more", 900 * time.Millisecond},
		"short, and at its end": {func(p *upPeer) { p.say(openStream, role, word("yes"), final) }, "a=ok", "yes", 0},
		"tools": {func(p *upPeer) {
			p.say(openStream, piece(`{"role":"assistant","tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"clock","arguments":""}}]}`, "null"))
			p.say(piece(`{"tool_calls":[{"index":0,"function":{"arguments":"{\"zone\":1}"}}]}`, "null"))
			time.Sleep(3 * time.Second)
			p.say(piece(`{}`, `"tool_calls"`), inChunk("data: [DONE]\n\n"), endStream)
		}, "a=ok", "", 0},
		"cut within its first second":  {func(p *upPeer) { p.say(openStream, role, word("half")); _ = p.Close() }, "a=upstream_fault; b=ok", "of b", 0},
		"slow, and silent before that": {func(p *upPeer) { time.Sleep(15 * time.Second); drip(p) }, "a=timeout; b=ok", "of b", 16 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inMemory(t, enginePlan{}, func(e *engine) {
				e.route.MinRate = 12
				e.provide(each(func(p *upPeer, model, _ string) {
					if model == "a" {
						c.a(p)
						return
					}
					p.say(openStream, role, word("of b"), final)
				}))
				v := e.visit()
				defer v.Close()
				begun := time.Now()
				v.ask(true, "hello")
				resp, err := v.begin()
				if err != nil {
					e.Fatal(err)
				}
				if took := time.Since(begun); took < c.after || took > c.after+time.Millisecond {
					e.Errorf("it began after %v, want %v", took, c.after)
				}
				got, err := whole(resp)
				if err != nil || got.trail() != c.trail || got.text() != c.text || !strings.HasSuffix(got.body, "data: [DONE]\n\n") {
					e.Errorf("%v, %q, want %q: %s", err, got.trail(), c.trail, got.body)
				}
				if n, _ := e.failures("a"); n != strings.Count(c.trail, "a=timeout")+strings.Count(c.trail, "a="+fallback.UpstreamFault.String()) {
					e.Errorf("%d failures", n)
				}
			})
		})
	}
}
