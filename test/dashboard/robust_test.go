package dashboard_test

import (
	"fmt"
	"testing"
	"time"

	"freefall/test/dashboard/browser"
)

// streams is how often the page has asked for events.
const streams = `performance.getEntriesByType("resource").filter((r) => r.name.endsWith("/api/events")).length`

// A tab that nobody looks at lets its stream go, since a browser grants a site six; looked at again, it knows everything at once.
func TestAHiddenTabLetsGo(t *testing.T) {
	p := demo(t, 0)
	page := open(t, p, "/", browser.View{})
	page.has("#live", "Live")
	page.eval(`(() => {
		window.hide = (yes) => {
			Object.defineProperty(document, "hidden", {configurable: true, get: () => yes});
			document.dispatchEvent(new Event("visibilitychange"));
		};
		window.hide(true);
	})()`)
	page.until(streams + ` === 1`) // it is counted when it has ended
	ask(t, p, "")
	time.Sleep(400 * time.Millisecond) // a tab that listened would have drawn it
	if text := page.text("#requests tbody"); text != "" {
		t.Errorf("a hidden tab hears of %s", text)
	}
	page.eval(`window.hide(false)`)
	page.has("#requests tbody", "answered")
	page.has("#live", "Live")
}

// A machine that was asleep has a dead connection that nobody told it of: the jump of the clock does.
func TestASleepingLaptop(t *testing.T) {
	p := demo(t, 0)
	page := open(t, p, "/", browser.View{})
	page.has("#live", "Live")
	control(t, p, limited)
	ask(t, p, "")
	page.has(row(gemini), "back in 0:")
	page.eval(`(() => {
		const now = Date.now.bind(Date);
		Date.now = () => now() + 3600e3;
	})()`)
	page.until(streams + ` === 1`) // the old stream was let go
	page.has("#live", "Live")
	ask(t, p, "")
	page.until(`document.querySelectorAll("#requests tbody tr").length === 2`)
	page.has(row(gemini), "back in 0:") // by freefall's clock, though the machine's is an hour ahead
}

// What is shown does not grow with what happens: thousands of requests later the page has as many nodes, countdowns and parts.
func TestNothingGrows(t *testing.T) {
	p := demo(t, 200)
	page := open(t, p, "/", browser.View{})
	page.until(`document.querySelectorAll("#requests tbody tr").length === 200`)
	nodes := func() (n int) {
		t.Helper()
		if err := page.Eval(`document.querySelectorAll("*").length`, &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := nodes()
	first := page.text("#requests tbody tr:last-child button")
	page.until(fmt.Sprintf(`document.querySelector("#requests tbody tr:last-child button").innerText > %q`, first))
	for n := 0; n < 1500; {
		if err := page.Eval(`fetch("/api/chat/history").then((r) => r.json()).then((h) => h.models.reduce((n, m) => n + m.answers, 0))`, &n); err != nil {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	if after := nodes(); after > before*3/2 {
		t.Errorf("%d nodes, and after 1,500 answers %d", before, after)
	}
}

// No window is too narrow or too wide, in either language: nothing hangs over, and what is to be read stands in it.
func TestEveryWidth(t *testing.T) {
	p := demo(t, 2)
	control(t, p, limited)
	ask(t, p, "")
	for _, width := range []int64{320, 390, 768, 1024, 1110, 1280, 1920, 3840} {
		for _, path := range []string{"/?lang=en", "/?lang=ko"} {
			t.Run(fmt.Sprint(width, path[len("/?lang="):]), func(t *testing.T) {
				page := open(t, p, path, browser.View{Width: width, Height: 900, Phone: width < 500})
				page.until(`document.querySelectorAll("#models tbody tr").length >= 5 && document.querySelector("#history .chart")`)
				page.until(`document.documentElement.scrollWidth <= document.documentElement.clientWidth`)
				var over []string
				err := page.Eval(`[...document.querySelectorAll("main h1, main h2, .fact, .fact *, .tile, .tile *, .pill, #models .name, #models .actions button, .tabs button")]
					.filter((n) => n.checkVisibility() && n.getBoundingClientRect().width > 0)
					.filter((n) => { const r = n.getBoundingClientRect(); return r.left < -1 || r.right > innerWidth + 1; }).map((n) => n.outerHTML.slice(0, 120))`, &over)
				if err != nil || len(over) > 0 {
					t.Errorf("%v %q", err, over)
				}
			})
		}
	}
}
