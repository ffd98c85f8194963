package dashboard_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"freefall/test/dashboard/browser"
)

// axe-core finds nothing serious, in any look of the page.
func TestAccessible(t *testing.T) {
	p := demo(t, 5)
	control(t, p, limited)
	for _, look := range []struct {
		name, path string
		view       browser.View
		then       string // what is opened
	}{
		{"light", "/", browser.View{}, ""},
		{"dark", "/", browser.View{Dark: true}, ""},
		{"phone", "/", browser.View{Width: 390, Height: 840, Phone: true}, ""},
		{"tablet", "/", browser.View{Width: 820, Height: 1100, Dark: true}, ""},
		{"korean", "/?lang=ko", browser.View{Dark: true}, ""},
		{"a request", "/", browser.View{}, `document.querySelector("#requests tbody button").click()`},
		{"explained", "/", browser.View{}, `document.querySelector("#explain button[type=submit]").click()`},
		{"a month", "/", browser.View{Dark: true}, `document.querySelector("#history .group button:last-child").click()`},
	} {
		t.Run(look.name, func(t *testing.T) {
			page := open(t, p, look.path, look.view)
			page.until(`document.querySelectorAll("#requests tbody tr").length > 3 && document.querySelector("#history .chart")`)
			if look.then != "" {
				page.eval(look.then)
				time.Sleep(50 * time.Millisecond)
			}
			page.accessible()
		})
	}
}

// Nor in what asks for a key.
func TestSignInIsAccessible(t *testing.T) {
	p := serve(t, pool(demo(t, 0).Upstream))
	for _, view := range []browser.View{{}, {Dark: true, Width: 390, Height: 840, Phone: true}} {
		page := open(t, p, "/", view)
		page.has("#hero h1", "asks for a key")
		if text := page.text("main"); strings.Contains(text, "Nobody has been answered") {
			t.Errorf("what is not told is told as nothing:\n%s", text)
		}
		page.accessible()
		page.click("#sign")
		page.until(`document.querySelector("#login[open] #login-admin")`)
		page.accessible()
	}
}

// accessible has axe-core look at the page as it is.
func (p tab) accessible() {
	p.t.Helper()
	axe, err := os.ReadFile(filepath.Join("node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		p.t.Fatalf("%v; run: npm ci", err)
	}
	if err := p.Inject(string(axe)); err != nil {
		p.t.Fatal(err)
	}
	var found []struct {
		ID, Impact, Help string
		Nodes            []string
	}
	err = p.Eval(`axe.run(document, {resultTypes: ["violations"]}).then((r) => r.violations.filter((v) => v.impact === "serious" || v.impact === "critical")
		.map((v) => ({ID: v.id, Impact: v.impact, Help: v.help, Nodes: v.nodes.slice(0, 4).map((n) => n.html.slice(0, 160) + " " + n.failureSummary)})))`, &found)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, v := range found {
		p.t.Errorf("%s, %s: %s\n%s", v.ID, v.Impact, v.Help, strings.Join(v.Nodes, "\n"))
	}
	if p.Until(time.Second, `document.documentElement.scrollWidth <= document.documentElement.clientWidth`) != nil {
		p.t.Error("the page is wider than the window")
	}
}
