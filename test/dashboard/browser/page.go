package browser

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Chrome starts a browser. It ends with the returned function.
func Chrome(dir string) (context.Context, func(), error) {
	path := ""
	for _, name := range []string{os.Getenv("CHROMIUM"), "chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); name != "" && err == nil {
			path = found
			break
		}
	}
	if path == "" {
		return nil, nil, fmt.Errorf("there is no Chromium: apt-get install chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.UserDataDir(dir),
		chromedp.Flag("no-sandbox", os.Getuid() == 0), chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("lang", "en-US"),
		chromedp.Flag("disable-component-update", true))
	alloc, endAlloc := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, end := chromedp.NewContext(alloc)
	stop := func() {
		end()
		endAlloc()
	}
	if err := begin(ctx); err != nil {
		stop()
		return nil, nil, err
	}
	return ctx, stop, nil
}

// begin opens the tab of a context. It ends with the context that it began with, so that one has no bound of its own.
func begin(ctx context.Context) error {
	done := make(chan error, 1)
	go func() { done <- chromedp.Do(ctx, chromedp.Navigate("about:blank")) }()
	select {
	case err := <-done:
		return err
	case <-time.After(time.Minute):
		return errors.New("Chromium does not open a tab")
	}
}

// View is how a page is looked at.
type View struct {
	Width, Height int64
	Scale         float64 // pixels of the screen to one of the page; 0 = 1
	Dark, Phone   bool
	Language      string // "" = en-US
}

// Page is a tab with what went wrong in it.
type Page struct {
	ctx context.Context

	mu      sync.Mutex // guards all below
	trouble []string
	asked   []string // addresses
	expects []string // parts of what may go wrong
}

// Open shows the address in a tab of its own with a storage of its own. The tab ends with the returned function.
func Open(browser context.Context, url string, v View) (*Page, func(), error) {
	p := &Page{}
	ctx, end := chromedp.NewContext(browser, chromedp.WithNewBrowserContext(), chromedp.WithListener(p.hear))
	p.ctx = ctx
	if err := begin(ctx); err != nil {
		return p, end, err
	}
	if err := p.prepare(v); err != nil {
		return p, end, err
	}
	return p, end, within(ctx, 30*time.Second, chromedp.Navigate(url))
}

// prepare makes the tab look as it is meant to, and tell what goes wrong in it.
func (p *Page) prepare(v View) error {
	scheme := "light"
	if v.Dark {
		scheme = "dark"
	}
	if v.Width == 0 {
		v.Width, v.Height = 1440, 1000
	}
	size := emulation.SetDeviceMetricsOverrideParams{Width: v.Width, Height: v.Height, DeviceScaleFactor: cmp.Or(v.Scale, 1), Mobile: v.Phone}
	look := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
	agent := emulation.SetUserAgentOverrideParams{UserAgent: "Mozilla/5.0 (freefall's tests)", AcceptLanguage: cmp.Or(v.Language, "en-US")}
	steps := []func(context.Context) error{
		call(network.Enable, network.EnableParams{}), call(log.Enable, cdp.Empty{}), call(runtime.Enable, cdp.Empty{}),
		call(emulation.SetDeviceMetricsOverride, size), call(emulation.SetEmulatedMedia, look), call(emulation.SetUserAgentOverride, agent),
	}
	ctx, cancel := context.WithTimeout(p.ctx, 30*time.Second)
	defer cancel()
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func call[P, R any](cmd cdp.Command[P, R], params P) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, cmd, params)
		return err
	}
}

// within runs the steps within a bound.
func within(ctx context.Context, bound time.Duration, steps ...chromedp.Action[chromedp.Void]) error {
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	return chromedp.Do(ctx, steps...)
}

func (p *Page) hear(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			text += " " + e.ExceptionDetails.Exception.Description
		}
		p.trouble = append(p.trouble, "exception: "+text)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			var words []string
			for _, a := range e.Args {
				words = append(words, string(a.Value)+a.Description)
			}
			p.trouble = append(p.trouble, "console: "+strings.Join(words, " "))
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			p.trouble = append(p.trouble, "log: "+e.Entry.Text+" "+e.Entry.URL)
		}
	case *network.EventRequestWillBeSent:
		p.asked = append(p.asked, e.Request.URL)
	}
}

// Expect says that trouble with these words in it is part of the test.
func (p *Page) Expect(words ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expects = append(p.expects, words...)
}

// Trouble is what the console complained of, and what was asked for at other places than origin.
func (p *Page) Trouble(origin string) (out []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range p.trouble {
		if !p.expected(t) {
			out = append(out, t)
		}
	}
	for _, url := range p.asked {
		if !strings.HasPrefix(url, origin+"/") && !strings.HasPrefix(url, "data:") && url != "about:blank" {
			out = append(out, "asked elsewhere: "+url)
		}
	}
	return out
}

func (p *Page) expected(trouble string) bool {
	for _, words := range p.expects {
		if strings.Contains(trouble, words) {
			return true
		}
	}
	return false
}

// Eval gives what an expression comes to; promises are awaited.
func (p *Page) Eval(expression string, out any) error {
	ctx, cancel := context.WithTimeout(p.ctx, 30*time.Second)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string]("(async () => JSON.stringify(await ("+expression+")) ?? 'null')()", chromedp.EvalAwaitPromise))
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal([]byte(text), out)
}

// Inject runs a script in the page.
func (p *Page) Inject(script string) error {
	ctx, cancel := context.WithTimeout(p.ctx, 30*time.Second)
	defer cancel()
	_, err := chromedp.Run(ctx, chromedp.Evaluate[bool](script+"\n;true"))
	return err
}

// Picture is what the tab shows, as PNG.
func (p *Page) Picture() ([]byte, error) {
	ctx, cancel := context.WithTimeout(p.ctx, 30*time.Second)
	defer cancel()
	return chromedp.Run(ctx, chromedp.CaptureScreenshot())
}

// Press types a key, such as kb.Escape.
func (p *Page) Press(keys string) error {
	return within(p.ctx, 10*time.Second, chromedp.KeyEvent(keys))
}

// Text is what stands in the first element of that selector, "" if there is none.
func (p *Page) Text(selector string) (string, error) {
	var text string
	err := p.Eval(fmt.Sprintf(`document.querySelector(%q)?.innerText ?? ""`, selector), &text)
	return text, err
}

// Until waits until an expression is true.
func (p *Page) Until(bound time.Duration, expression string) error {
	for end := time.Now().Add(bound); ; time.Sleep(40 * time.Millisecond) {
		var yes bool
		err := p.Eval("Boolean("+expression+")", &yes) // it fails while another page is being loaded
		if yes {
			return nil
		}
		if time.Now().After(end) {
			return errors.Join(fmt.Errorf("not within %v: %s", bound, expression), err)
		}
	}
}
