package dashboard_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"freefall/test/dashboard/browser"
)

const (
	gemini   = "google/gemini-2.0-flash-exp:free"
	deepseek = "deepseek/deepseek-chat-v3-0324:free"
	soon     = 5 * time.Second
	hello    = `{"model": "auto", "messages": [{"role": "user", "content": "Hello"}]}`
	calm     = `{"reset": true, "limits": [], "script": {"` + gemini + `": [{"kind": "ok", "always": true}], "*": [{"kind": "ok", "always": true}]}}`
	limited  = `{"script": {"` + gemini + `": [{"kind": "limit", "limit": {"scope": "upstream", "requests": 0, "per": "50s", "hint": true}, "for": "50s"}]}}`
)

var (
	program string
	chrome  context.Context
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "dashboard")
	if err != nil {
		return failed(err)
	}
	defer os.RemoveAll(dir)
	bound, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	if program, err = browser.Build(bound, dir); err != nil {
		return failed(err)
	}
	ctx, end, err := browser.Chrome(filepath.Join(dir, "profile"))
	if err != nil {
		return failed(err)
	}
	defer end()
	chrome = ctx
	return m.Run()
}

func failed(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// demo is a freefall demo in calm weather.
func demo(t *testing.T, traffic int) *browser.Program {
	t.Helper()
	p, err := browser.Demo(program, traffic)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	control(t, p, calm)
	return p
}

func control(t *testing.T, p *browser.Program, order string) {
	t.Helper()
	if err := p.Control(order); err != nil {
		t.Fatal(err)
	}
}

func ask(t *testing.T, p *browser.Program, key string) {
	t.Helper()
	if err := p.Ask(hello, key); err != nil {
		t.Fatal(err)
	}
}

// tab is a page whose console must stay silent.
type tab struct {
	*browser.Page
	t *testing.T
}

// open shows a page that knows the state, or knows that it may not.
func open(t *testing.T, p *browser.Program, path string, v browser.View) tab {
	t.Helper()
	page, end, err := browser.Open(chrome, p.URL+path, v)
	t.Cleanup(func() {
		for _, trouble := range page.Trouble(p.URL) {
			t.Error(trouble)
		}
		end()
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := page.Until(2*soon, `["live", "polling", "denied"].includes(document.querySelector("#live").dataset.kind)`); err != nil {
		t.Fatal(err)
	}
	return tab{page, t}
}

// until waits for an expression to be true.
func (p tab) until(expression string) {
	p.t.Helper()
	if err := p.Until(soon, expression); err != nil {
		text, _ := p.Text("main")
		p.t.Fatalf("%v\nthe page:\n%s", err, text)
	}
}

func (p tab) eval(expression string) {
	p.t.Helper()
	if err := p.Eval(expression, nil); err != nil {
		p.t.Fatal(err)
	}
}

func (p tab) click(selector string) {
	p.t.Helper()
	p.until(fmt.Sprintf("document.querySelector(%q)", selector))
	p.eval(fmt.Sprintf("document.querySelector(%q).click()", selector))
}

func (p tab) press(key string) {
	p.t.Helper()
	if err := p.Press(key); err != nil {
		p.t.Fatal(err)
	}
}

func (p tab) text(selector string) string {
	p.t.Helper()
	text, err := p.Text(selector)
	if err != nil {
		p.t.Fatal(err)
	}
	return text
}

// has waits for words in an element.
func (p tab) has(selector string, words ...string) {
	p.t.Helper()
	for _, w := range words {
		if err := p.Until(soon, fmt.Sprintf("(document.querySelector(%q)?.innerText ?? '').includes(%q)", selector, w)); err != nil {
			p.t.Fatalf("%s does not say %q but:\n%s\nthe page:\n%s", selector, w, p.text(selector), p.text("body"))
		}
	}
}

func row(id string) string { return fmt.Sprintf(`#models tr[data-id="%s"]`, id) }

// pool is a models.yaml of two clients and an admin before the demo's simulated provider.
func pool(upstream string) string {
	return `data_dir: ""
admin_key: k-admin
clients: [{name: ana, key: k-ana, rpd: 20}, {name: bo, key: k-bo}]
providers:
  openrouter: {base_url: "` + upstream + `/api/v1", dialect: openrouter, keys: [sk-or-demo-1], limits: {rpd: 1050}, discover: off}
models:
  - {id: "` + gemini + `", name: Gemini 2.0 Flash Experimental, supports_tools: true}
  - {id: "` + deepseek + `", name: DeepSeek Chat V3, supports_tools: true}
`
}

func serve(t *testing.T, config string) *browser.Program {
	t.Helper()
	p, err := browser.Serve(program, t.TempDir(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return p
}

// The first of the three answers: which model answers now, and why not the first one.
func TestWhichModelAnswersNow(t *testing.T) {
	p := demo(t, 0)
	control(t, p, limited)
	ask(t, p, "")
	page := open(t, p, "/", browser.View{})
	page.has("#hero h1", "DeepSeek Chat V3")
	page.has("#why", "Why not Gemini 2.0 Flash Experimental?", "Rate limit reached", "back in 0:")
	was := page.text("#why .count")
	page.until(fmt.Sprintf("document.querySelector('#why .count').innerText !== %q", was))
	if now := page.text("#why .count"); now >= was {
		t.Errorf("the countdown goes from %q to %q", was, now)
	}
	page.until(`document.title.startsWith("DeepSeek Chat V3")`)
	page.until(`document.querySelector("#announce").textContent.includes("DeepSeek Chat V3")`)
}

// The second: what is left until when.
func TestWhatIsLeftUntilWhen(t *testing.T) {
	before := demo(t, 0)
	p := serve(t, pool(before.Upstream))
	for range 4 {
		ask(t, p, "k-bo")
	}
	page := open(t, p, "/", browser.View{})
	signIn(page)
	page.has("#left", "1,046", "requests left today", "of 1,050")
	page.until(`/\d\d:\d\d/.test(document.querySelector("#lasts").innerText)`)
	page.has("#lasts", "48 requests an hour")
	page.has("#quota", "requests / day", "1,046 left", "yours")
	page.until(`/resets (today |tomorrow )?\d\d:\d\d|more in \d+:\d\d/.test(document.querySelector("#quota").innerText)`) // the latter in the last hour and a half of a day
	page.has(row(gemini), "1,046 left")
}

// The third: who spent it.
func TestWhoSpentIt(t *testing.T) {
	before := demo(t, 0)
	p := serve(t, pool(before.Upstream))
	ask(t, p, "k-bo")
	for range 3 {
		ask(t, p, "k-ana")
	}
	page := open(t, p, "/", browser.View{})
	signIn(page)
	page.has("#spent", "4", "answers today", "ana", "75%", "bo", "25%")
	page.has("#clients", "ana", "3 answers", "17 left", "yours", "bo", "1 answer")
	if text := page.text("#clients"); strings.Index(text, "ana") > strings.Index(text, "bo\n") {
		t.Errorf("who spent most is not the first:\n%s", text)
	}
	page.has("#requests tbody", "ana", "bo")
}

// signIn shows the admin key by the form.
func signIn(page tab) {
	page.t.Helper()
	page.has("#hero h1", "asks for a key")
	page.click("#sign")
	page.until(`document.querySelector("#login[open] #login-admin")`)
	page.eval(`document.querySelector("#login-admin").value = "k-admin"`)
	page.click("#login button[type=submit]")
	page.until(`!document.querySelector("#login").open && document.querySelectorAll("#models tbody tr").length === 2`)
}

func TestSignInRefusesAWrongKey(t *testing.T) {
	before := demo(t, 0)
	p := serve(t, pool(before.Upstream))
	page := open(t, p, "/", browser.View{})
	page.Expect("401")
	page.click("#sign")
	page.until(`document.querySelector("#login[open] #login-admin")`)
	page.eval(`document.querySelector("#login-admin").value = "k-wrong"`)
	page.click("#login button[type=submit]")
	page.has("#login .problem", "not the admin key")
	page.eval(`(document.querySelector("#login-admin").value = "", document.querySelector("#login-client").value = "k-nobody")`)
	page.click("#login button[type=submit]")
	page.has("#login .problem", "does not know that key")
	page.eval(`(document.querySelector("#login-admin").value = "", document.querySelector("#login-client").value = "k-ana")`)
	page.click("#login button[type=submit]")
	page.has("#hero h1", "Gemini 2.0 Flash Experimental")
	page.until(`document.querySelectorAll("#models .actions button:not([hidden])").length === 0`)
	page.has("#history", "admin key")
}

// A model goes to its limit, and its row turns within a second.
func TestARowTurnsWithinASecond(t *testing.T) {
	p := demo(t, 0)
	page := open(t, p, "/", browser.View{})
	page.has("#live", "Live")
	page.has(row(gemini), "available")
	control(t, p, limited)
	ask(t, p, "")
	answered := time.Now()
	page.until(fmt.Sprintf(`document.querySelector('%s').dataset.kind === "limit"`, row(gemini)))
	if took := time.Since(answered); took > time.Second {
		t.Errorf("the row turned after %v", took)
	}
	page.has(row(gemini), "at its limit", "back in 0:", "Rate limit reached")
	page.has("#hero h1", "DeepSeek Chat V3")
	page.has("#switches", "Gemini 2.0 Flash Experimental", "rate limit", "DeepSeek Chat V3")
	page.until(fmt.Sprintf(`document.querySelector('%s .heartbeat .limit').getAttribute("d") !== ""`, row(gemini)))
	page.eval(fmt.Sprintf(`document.querySelector('%s details').open = true`, row(gemini)))
	page.has(row(gemini), "temporarily rate-limited upstream")
}

func TestDrillDown(t *testing.T) {
	p := demo(t, 0)
	control(t, p, limited)
	control(t, p, `{"script": {"*": [{"kind": "slow", "first": "40ms", "always": true}]}}`)
	ask(t, p, "")
	page := open(t, p, "/", browser.View{})
	page.has("#requests tbody", "answered", "DeepSeek Chat V3", "rate limit")
	page.eval(`document.querySelector("#requests tbody button").focus()`)
	page.press("\r")
	page.until(`document.querySelector("#drill").open`)
	page.until(`document.querySelectorAll("#drill .timeline .run").length === 2`)
	page.has("#drill", "Gemini 2.0 Flash Experimental", "429", "temporarily rate-limited", "DeepSeek Chat V3", "answered")
	page.until(`document.querySelector("#drill .run[data-kind=ok]").getBoundingClientRect().width > document.querySelector("#drill .run[data-kind=limit]").getBoundingClientRect().width`)
	page.press("\x1b")
	page.until(`!document.querySelector("#drill").open && document.activeElement.closest("#requests tbody")`)
}

// Names and errors are text, whatever is in them.
func TestHostileNamesStayText(t *testing.T) {
	before := demo(t, 0)
	name := `<img src=x onerror=alert(1)><b>bold</b>`
	config := strings.ReplaceAll(pool(before.Upstream), "DeepSeek Chat V3", `"`+name+`"`)
	config = strings.ReplaceAll(config, "admin_key: k-admin\n", "")
	p := serve(t, config)
	control(t, before, `{"script": {"`+gemini+`": [{"kind": "raw", "status": 503, "body": "{\"error\": {\"message\": \"<svg onload=alert(3)> & <iframe src=//evil>\"}}", "headers": {"Content-Type": "application/json"}}]}}`)
	ask(t, p, "k-ana")
	page := open(t, p, "/", browser.View{})
	page.click("#sign")
	page.until(`document.querySelector("#login[open] #login-client")`)
	page.eval(`document.querySelector("#login-client").value = "k-ana"`)
	page.click("#login button[type=submit]")
	page.has(row(deepseek), name)
	page.eval(fmt.Sprintf(`document.querySelector('%s details').open = true`, row(gemini)))
	page.has(row(gemini), "<svg onload=alert(3)>")
	page.click("#requests tbody button")
	page.has("#drill", name, "<svg onload=alert(3)>")
	page.press("\x1b")
	if err := p.Ask(strings.Replace(hello, "auto", "<iframe src=//evil>", 1), "k-ana"); err != nil {
		t.Fatal(err)
	}
	page.until(`document.querySelectorAll("#requests tbody tr").length === 2`)
	page.click("#requests tbody button")
	page.has("#drill", "<iframe src=//evil>")
	page.until(`document.querySelectorAll("main img, main script, main iframe, main b, dialog img, dialog b, dialog iframe, [onerror], [onload]").length === 0`)
}

func TestPauseAndResume(t *testing.T) {
	p := demo(t, 0)
	page := open(t, p, "/", browser.View{})
	page.click(row(gemini) + ` button[title="Pause"]`)
	page.has(row(gemini), "paused")
	page.has("#hero h1", "DeepSeek Chat V3")
	page.has("#why", "Paused by a person")
	page.click(row(gemini) + ` button[title="Resume"]`)
	page.has(row(gemini), "available")
	page.has("#hero h1", "Gemini 2.0 Flash Experimental")
	page.has("#why", "It is the first choice")
}

func TestTryAndExplain(t *testing.T) {
	p := demo(t, 0)
	page := open(t, p, "/", browser.View{})
	page.has("#start", "Three steps to the first answer")
	page.click("#try button[type=submit]")
	page.has("#try .verdict", "Gemini 2.0 Flash Experimental answered after", "1 attempt", "first token after")
	page.has("#try .answer", "Say hello")
	page.until(`document.querySelector("#start").hidden`)
	control(t, p, limited)
	ask(t, p, "")
	page.eval(`document.querySelector("#explain input[type=checkbox]").click()`) // tools: the backup has none
	page.click("#explain button[type=submit]")
	page.has("#explain .verdict", "DeepSeek Chat V3 would be asked first")
	page.has("#explain .candidates", "Cannot call tools", "Rate limit reached")
	page.has("#history", "Answers")
}

// A restart of freefall is survived, and what was before it is still there to read.
func TestRestart(t *testing.T) {
	before := demo(t, 0)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	config := strings.ReplaceAll(strings.ReplaceAll(pool(before.Upstream), "admin_key: k-admin\n", ""), "clients:", "# clients:")
	again := func() *browser.Program {
		p, err := browser.ServeAt(program, t.TempDir(), addr, config)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Stop)
		return p
	}
	p := again()
	ask(t, p, "")
	page := open(t, p, "/", browser.View{})
	page.Expect("ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED", "503")
	page.has("#live", "Live")
	page.has("#requests tbody", "answered")
	p.Stop()
	page.has("#live", "Reconnecting")
	page.has("#requests tbody", "answered")
	p = again()
	if err := page.Until(15*time.Second, `document.querySelector("#live").innerText.includes("Live")`); err != nil {
		t.Fatal(err)
	}
	ask(t, p, "")
	page.until(`document.querySelectorAll("#requests tbody tr").length === 2`)
}

// Under load the page stays small and draws ten times a second at most.
func TestBounded(t *testing.T) {
	p := demo(t, 200)
	page := open(t, p, "/", browser.View{})
	page.until(`document.querySelectorAll("#requests tbody tr").length >= 150`)
	var batches, rows, switches int
	page.eval(`(window.batches = 0, new MutationObserver(() => window.batches++).observe(document.querySelector("#requests tbody"), {childList: true}), 1)`)
	if err := page.Eval(`new Promise((done) => setTimeout(() => done(window.batches), 3000))`, &batches); err != nil {
		t.Fatal(err)
	}
	if batches == 0 || batches > 33 {
		t.Errorf("drawn %d times in 3 s", batches)
	}
	if err := page.Eval(`document.querySelectorAll("#requests tbody tr").length`, &rows); err != nil || rows != 200 {
		t.Errorf("%d requests are in the page, %v", rows, err)
	}
	if err := page.Eval(`document.querySelectorAll("#switches li").length`, &switches); err != nil || switches > 40 {
		t.Errorf("%d switches are in the page, %v", switches, err)
	}
}

// However often something changes, ten drawings a second show it.
func TestDrawsTenTimesASecond(t *testing.T) {
	p := demo(t, 0)
	page := open(t, p, "/", browser.View{})
	page.until(`document.querySelectorAll("#models tbody tr").length >= 5`)
	var seen struct{ Drawn, Took float64 }
	err := page.Eval(`new Promise((done) => {
		const find = document.querySelector("#models input[type=search]");
		let drawn = 0;
		new MutationObserver(() => drawn++).observe(document.querySelector("#models tbody"), {childList: true});
		const timer = setInterval(() => {
			find.value = drawn % 2 ? "flash" : "llama"; // each drawing has something else to show
			find.dispatchEvent(new Event("input"));
		}, 3);
		const begun = performance.now(), took = () => (performance.now() - begun) / 1000;
		const look = setInterval(() => { // a busy machine takes longer for as many
			if (took() < 1.5 || drawn < 12 && took() < 15) return;
			clearInterval(timer);
			clearInterval(look);
			done({Drawn: drawn, Took: took()});
		}, 50);
	})`, &seen)
	if err != nil || seen.Drawn < 12 || seen.Drawn > 10*seen.Took+2 {
		t.Errorf("drawn %v times in %v s, %v", seen.Drawn, seen.Took, err)
	}
}

func TestManyModels(t *testing.T) {
	before := demo(t, 0)
	var config strings.Builder
	config.WriteString(`data_dir: ""
providers:
  openrouter: {base_url: "` + before.Upstream + `/api/v1", dialect: openrouter, keys: [sk-or-demo-1], discover: off}
models:
`)
	for i := range 200 {
		fmt.Fprintf(&config, "  - {id: \"lab/model-%d:free\", name: Model %d, supports_tools: %v}\n", i, i, i%2 == 0)
	}
	p := serve(t, config.String())
	page := open(t, p, "/", browser.View{})
	page.until(`document.querySelectorAll("#models tbody tr").length === 200`)
	page.eval(`(() => { const f = document.querySelector("#models input[type=search]"); f.value = "model 19"; f.dispatchEvent(new Event("input")); })()`)
	page.until(`document.querySelectorAll("#models tbody tr").length === 11`)
	page.has("#models .filters", "11 of 200")
	page.click("#models .filters input[type=checkbox]")
	page.until(`document.querySelectorAll("#models tbody tr").length === 5`)
}

func TestLanguageAndTheme(t *testing.T) {
	p := demo(t, 0)
	page := open(t, p, "/", browser.View{Language: "ko-KR"})
	page.until(`document.documentElement.lang === "ko"`)
	page.has("#models-title", "모델")
	page.click("#lang")
	page.until(`document.documentElement.lang === "en" && location.search === "?lang=en"`)
	page.has("#models-title", "Models")
	page.eval(`location.href = "/"`)
	page.until(`location.search === "" && document.documentElement.lang === "en"`)
	light := `getComputedStyle(document.body).backgroundColor === "rgb(244, 246, 249)"`
	page.until(light + ` && document.querySelector("#theme svg")`)
	page.click("#theme")
	page.click("#theme")
	page.until(`document.documentElement.dataset.theme === "dark" && !(` + light + `)`)
	page.eval(`location.reload()`)
	page.until(`document.documentElement.dataset.theme === "dark" && document.querySelector("#models tbody tr")`)
}

// Everything can be reached with the keyboard alone, in order, and is seen to have the focus.
func TestKeyboard(t *testing.T) {
	p := demo(t, 0)
	ask(t, p, "")
	page := open(t, p, "/", browser.View{})
	page.has("#requests tbody", "answered")
	var names, visited []string
	var unseen string
	err := page.Eval(`(() => {
		const usable = [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]")]
			.filter((n) => n.tabIndex >= 0 && !n.disabled && n.checkVisibility({visibilityProperty: true}) && !n.closest("dialog"));
		window.visited = [];
		window.unseen = "";
		document.addEventListener("focusin", (e) => {
			window.visited.push(usable.indexOf(e.target) + " " + (e.target.id || e.target.innerText || e.target.ariaLabel || e.target.type));
			if (getComputedStyle(e.target).outlineStyle === "none") window.unseen += " " + e.target.outerHTML.slice(0, 80);
		});
		return usable.map((n, i) => i + " " + (n.id || n.innerText || n.ariaLabel || n.type));
	})()`, &names)
	if err != nil || len(names) < 40 {
		t.Fatalf("%d things to use, %v", len(names), err)
	}
	for range names {
		page.press("\t")
	}
	if err := page.Eval(`window.visited`, &visited); err != nil || !slices.Equal(visited, names) {
		t.Errorf("the keyboard meets\n%q\nof\n%q, %v", visited, names, err)
	}
	if err := page.Eval(`window.unseen`, &unseen); err != nil || unseen != "" {
		t.Errorf("nobody sees that these have the focus: %s, %v", unseen, err)
	}

	page.eval(`document.activeElement.blur()`)
	page.eval(`document.querySelector(".skip").focus()`)
	page.until(`document.activeElement.matches(".skip") && document.activeElement.getBoundingClientRect().top >= 0`)
	page.press("\r")
	page.until(`location.hash === "#models"`)
	page.eval(`document.querySelector("#requests tbody button").focus()`)
	page.press("\r")
	page.until(`document.querySelector("#drill").open && document.activeElement.closest("#drill")`)
}

// pause has a person take a model out of the chain.
func pause(t *testing.T, p *browser.Program, id string) {
	t.Helper()
	if err := p.Pause(id); err != nil {
		t.Fatal(err)
	}
}

// quoted is a value as JavaScript writes it.
func quoted(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}
