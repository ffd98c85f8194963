package dashboard_test

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"freefall/test/dashboard/browser"
)

// countTokens asks the page.
const countTokens = `fetch("/api/chat/history").then((r) => r.json()).then((h) => h.models.reduce((n, m) => n + m.input_tokens + m.output_tokens, 0))`

// The history adds up: how much of the free quota was used, and what the same tokens would have cost, with where the price is from.
func TestHistoryAddsUp(t *testing.T) {
	before := demo(t, 0)
	p := serve(t, `data_dir: ""
providers:
  openrouter: {base_url: "`+before.Upstream+`/api/v1", dialect: openrouter, keys: [sk-or-demo-1], limits: {rpd: 1000}, discover: {approve: manual}}
models:
  - {id: "`+deepseek+`", name: DeepSeek Chat V3}
  - {id: "google/gemini-1.5-flash:free", name: Gemini 1.5 Flash}
`)
	for range 3 {
		ask(t, p, "")
	}
	page := open(t, p, "/", browser.View{})
	tile := func(name string) string { return `#history [data-sum="` + name + `"]` }
	page.has(tile("sumAnswers"), "3", "of 3 attempts")
	page.has(tile("chartFallovers"), "0")
	page.has(tile("quotaUsed"), "0.3%", "3 of 1,000 requests")
	var tokens float64
	if err := page.Eval(countTokens, &tokens); err != nil || tokens < 30 {
		t.Fatalf("%v tokens, %v", tokens, err)
	}
	page.has(tile("wouldCost"), "$0.0000", "and cost nothing") // half a dollar for a million, of some dozens
	row := `#history tr[data-id="` + deepseek + `"]`
	page.has("#history .legend", "DeepSeek Chat V3") // by its name, though the state came after the history
	page.has(row, "3", "of 1,000 requests a day", "$0.50 in, $0.50 out: "+strings.TrimSuffix(deepseek, ":free")+" at openrouter")

	pause(t, p, deepseek) // it has a paid form in the list, and the next one has none
	ask(t, p, "")
	page.eval(`location.reload()`)
	page.has(tile("sumAnswers"), "4")
	page.has(tile("wouldCost"), "$0.0000", "tokens without a known price")
	page.has(`#history tr[data-id="google/gemini-1.5-flash:free"]`, "unknown", "openrouter lists no paid form")

	page.click(`#history .group button:nth-child(3)`)
	page.until(`document.querySelector("#history .group button:nth-child(3)").getAttribute("aria-pressed") === "true"`)
	page.has(tile("quotaUsed"), "<0.1%", "4 of 30,000 requests")
}

// Where no limit and no price is known, the page says so and makes nothing up.
func TestHistoryInventsNothing(t *testing.T) {
	before := demo(t, 0)
	p := serve(t, `data_dir: ""
providers:
  home: {base_url: "`+before.Upstream+`/api/v1", dialect: openai, free: plan, keys: [sk-or-demo-1], discover: off}
models:
  - {id: "`+deepseek+`", name: DeepSeek Chat V3, provider: home}
`)
	ask(t, p, "")
	page := open(t, p, "/", browser.View{})
	page.has(`#history [data-sum="quotaUsed"]`, "unknown", "no limit of a day is known")
	page.has(`#history [data-sum="wouldCost"]`, "unknown", "tokens without a known price")
	page.has(`#history tbody tr`, "unknown", "home lists no paid form")
}

// The steps to the first answer lead from the key to the question, and are gone when it was answered.
func TestFirstSteps(t *testing.T) {
	before := demo(t, 0)
	config := `data_dir: ""
providers:
  openrouter: {base_url: "` + before.Upstream + `/api/v1", dialect: openrouter, keys: ["${A_KEY_THAT_IS_NOT_SET}"], discover: off}
models:
  - {id: "` + gemini + `", name: Gemini 2.0 Flash Experimental}
`
	page := open(t, serve(t, config), "/", browser.View{})
	page.has("#hero h1", "No model can be asked yet")
	page.has("#start", "Three steps to the first answer", "Set a provider's key", "Point your SDK here", "/v1", "Ask something")
	page.until(`document.querySelectorAll("#start li[data-done]").length === 0`)

	p := serve(t, strings.Replace(config, "${A_KEY_THAT_IS_NOT_SET}", "sk-or-demo-1", 1))
	page = open(t, p, "/", browser.View{})
	page.until(`document.querySelectorAll("#start li[data-done]").length === 1`)
	ask(t, p, "")
	page.until(`document.querySelector("#start").hidden`)
}

// Each program is told where to go, and no key that was typed in is written into what is copied.
func TestConnect(t *testing.T) {
	before := demo(t, 0)
	p := serve(t, pool(before.Upstream))
	page := open(t, p, "/", browser.View{})
	page.click("#sign")
	page.until(`document.querySelector("#login[open] #login-client")`)
	page.eval(`document.querySelector("#login-client").value = "k-ana"`)
	page.click("#login button[type=submit]")
	page.has("#hero h1", "Gemini 2.0 Flash Experimental")
	var names []string
	if err := page.Eval(`[...document.querySelectorAll("#connect [role=tab]")].map((t) => t.innerText)`, &names); err != nil || len(names) < 8 {
		t.Fatalf("%q, %v", names, err)
	}
	page.eval(`document.querySelector("#connect [role=tab]").focus()`)
	for _, name := range names {
		page.until(`document.activeElement.innerText === ` + quoted(name) + ` && document.activeElement.getAttribute("aria-selected") === "true"`)
		page.has("#connect [role=tabpanel]", p.URL+"/v1", "YOUR_CLIENT_KEY")
		if text := page.text("#connect"); strings.Contains(text, "k-ana") {
			t.Errorf("%s: the key stands there:\n%s", name, text)
		}
		page.press(kb.ArrowRight)
	}
	page.until(`document.activeElement.innerText === ` + quoted(names[0]))
	page.eval(`navigator.clipboard.writeText = async (text) => { window.copied = text }`)
	page.click("#connect .snippet button")
	page.until(`window.copied?.startsWith("curl ` + p.URL + `/v1/chat/completions")`)

	open := open(t, before, "/", browser.View{})
	open.has("#connect [role=tabpanel]", before.URL+"/v1", "Bearer any")
}

// Models are found by what they can do.
func TestFilters(t *testing.T) {
	p := demo(t, 0)
	page := open(t, p, "/", browser.View{})
	page.until(`document.querySelectorAll("#models tbody tr").length === 5`)
	shown := func(n int, what string) {
		t.Helper()
		page.until(`document.querySelectorAll("#models tbody tr").length === ` + quoted(n) + ` && document.querySelector("#models .filters").innerText.includes(` + quoted(what) + `)`)
	}
	boxes := `#models .filters label:nth-of-type(`
	page.click(boxes + `1) input`) // tools
	shown(4, "4 of 5")
	page.click(boxes + `2) input`) // images
	shown(3, "3 of 5")
	page.click(boxes + `1) input`)
	page.click(boxes + `2) input`)
	page.eval(`(() => { const s = document.querySelector("#models select"); s.value = "1000000"; s.dispatchEvent(new Event("change")); })()`)
	shown(3, "3 of 5")
	page.has(row(gemini), "1M")
}

// A key that its provider refuses is seen to be the one, and its sister to go on; no key is shown.
func TestKeysAreWellOrNot(t *testing.T) {
	before := demo(t, 0)
	p := serve(t, `data_dir: ""
providers:
  openrouter: {base_url: "`+before.Upstream+`/api/v1", dialect: openrouter, keys: [sk-or-nobody-knows-this, sk-or-demo-1], discover: off}
models:
  - {id: "`+gemini+`", name: Gemini 2.0 Flash Experimental}
`)
	control(t, before, `{"script": {"`+gemini+`": [{"kind": "raw", "status": 401, "body": "{\"error\": {\"message\": \"No auth credentials found\", \"code\": 401}}", "headers": {"Content-Type": "application/json"}}]}}`)
	ask(t, p, "")
	page := open(t, p, "/", browser.View{})
	page.has("#quota .keys [data-kind=parked]", "key 1 …this", "key was refused", "configuration changes")
	page.has("#quota .keys [data-kind=available]", "key 2", "good")
	if text := page.text("#quota"); strings.Contains(text, "nobody-knows") {
		t.Errorf("a key is shown:\n%s", text)
	}
}
