// Command shots takes the pictures of the README: the dashboard of a freefall with three clients before the simulated provider.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"time"

	"freefall/test/dashboard/browser"
)

func main() {
	out := flag.String("out", filepath.Join("..", "..", "docs", "images"), "folder of the pictures")
	program := flag.String("freefall", "", "a built freefall; without one it is built")
	flag.Parse()
	if err := take(*out, *program); err != nil {
		fmt.Fprintln(os.Stderr, "shots:", err)
		os.Exit(1)
	}
}

const (
	largest = 240 << 10
	admin   = "shots-admin"

	first  = "google/gemini-2.0-flash-exp:free"
	second = "deepseek/deepseek-chat-v3-0324:free"
)

// calm is a provider without limits or outages of its own, whose models take each their time.
const calm = `{"reset": true, "limits": [], "script": {
	"` + first + `": [{"kind": "slow", "first": "240ms", "always": true}],
	"` + second + `": [{"kind": "slow", "first": "410ms", "always": true}],
	"*": [{"kind": "slow", "first": "180ms", "always": true}]}}`

// limited has a model refuse for so long, and then be as before.
func limited(model, rest string) string {
	return `{"script": {"` + model + `": [{"kind": "limit", "limit": {"scope": "upstream", "requests": 0, "per": "` + rest + `", "hint": true}, "for": "` + rest + `"},
		{"kind": "slow", "first": "240ms", "always": true}]}}`
}

// story is what happens at the provider before the pictures are taken: something to ask why about, and something that went wrong.
var story = []struct {
	order string
	last  time.Duration
}{
	{"{}", 6 * time.Second}, // nothing
	{limited(first, "5s"), 8 * time.Second},
	{`{"script": {"` + second + `": [{"kind": "raw", "status": 503, "body": "{\"error\": {\"message\": \"Provider returned error\", \"code\": 503}}", "headers": {"Content-Type": "application/json"}},
		{"kind": "slow", "first": "410ms", "always": true}]}}`, 6 * time.Second},
	{limited(first, "40s"), 4 * time.Second},
}

// config is the shipped chain with three clients and an admin.
func config(upstream string) string {
	return `data_dir: ""
admin_key: ` + admin + `
routing: {stick: 2s}
clients: [{name: ana, key: shots-ana, rpd: 200}, {name: n8n, key: shots-n8n}, {name: bo, key: shots-bo, rpd: 50}]
providers:
  openrouter: {base_url: "` + upstream + `/api/v1", dialect: openrouter, keys: [sk-or-demo-1], limits: {rpd: 1000}, discover: {approve: manual}}
models:
  - {id: "` + first + `", name: Gemini 2.0 Flash Experimental, supports_tools: true}
  - {id: "` + second + `", name: DeepSeek Chat V3, supports_tools: true}
  - {id: "google/gemini-1.5-flash:free", name: Gemini 1.5 Flash, supports_tools: true}
  - {id: "google/gemini-1.5-flash-8b:free", name: Gemini 1.5 Flash 8B, supports_tools: true}
  - {id: "meta-llama/llama-3.2-3b-instruct:free", name: Llama 3.2 3B Instruct, supports_tools: false}
`
}

func take(out, program string) error {
	dir, err := os.MkdirTemp("", "shots")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if program == "" {
		if program, err = browser.Build(context.Background(), dir); err != nil {
			return err
		}
	}
	demo, err := browser.Demo(program, 0)
	if err != nil {
		return err
	}
	defer demo.Stop()
	freefall, err := browser.Serve(program, dir, config(demo.Upstream))
	if err != nil {
		return err
	}
	defer freefall.Stop()
	chrome, end, err := browser.Chrome(filepath.Join(dir, "profile"))
	if err != nil {
		return err
	}
	defer end()
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	if err := demo.Control(calm); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go ask(ctx, freefall)
	for _, s := range story {
		if err := demo.Control(s.order); err != nil {
			return err
		}
		time.Sleep(s.last)
	}
	for _, shot := range []struct {
		name string
		view browser.View
	}{
		{"light", browser.View{Width: 1280, Height: 850}},
		{"dark", browser.View{Width: 1280, Height: 850, Dark: true}},
		{"phone", browser.View{Width: 400, Height: 860, Dark: true, Phone: true, Scale: 1.5}},
	} {
		if err := one(chrome, freefall.URL, filepath.Join(out, shot.name+".png"), shot.view); err != nil {
			return fmt.Errorf("%s: %w", shot.name, err)
		}
	}
	return nil
}

// ask has the clients ask, some more than others, until the context ends.
func ask(ctx context.Context, p *browser.Program) {
	turns := []string{"shots-ana", "shots-n8n", "shots-ana", "shots-bo", "shots-ana", "shots-n8n", "shots-ana"}
	for n := 0; ctx.Err() == nil; n++ {
		stream := n%2 == 0
		body := fmt.Sprintf(`{"model": "auto", "stream": %v, "messages": [{"role": "user", "content": "Tell me something short."}]}`, stream)
		go func() { _ = p.Ask(body, turns[n%len(turns)]) }() // one that fails is shown
		time.Sleep(300 * time.Millisecond)
	}
}

// signIn is what the form does.
const signIn = `fetch("/login", {method: "POST", headers: {"Content-Type": "application/json"}, body: '{"key": "` + admin + `"}'}).then(() => { location.reload() })`

func one(chrome context.Context, url, path string, view browser.View) error {
	page, end, err := browser.Open(chrome, url+"/", view)
	defer end()
	if err != nil {
		return err
	}
	if err := page.Eval(signIn, nil); err != nil {
		return err
	}
	if err := page.Until(10*time.Second, `document.querySelectorAll("#models tbody tr").length >= 5 && document.querySelectorAll("#requests tbody tr").length >= 5`); err != nil {
		return err
	}
	time.Sleep(1200 * time.Millisecond)
	picture, err := page.Picture()
	if err != nil {
		return err
	}
	if picture, err = small(picture); err != nil {
		return err
	}
	fmt.Printf("%s: %d KB\n", path, len(picture)>>10)
	return os.WriteFile(path, picture, 0o644)
}

// small is the same picture in fewer bytes: a browser packs in a hurry.
func small(picture []byte) ([]byte, error) {
	img, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&out, img); err != nil {
		return nil, err
	}
	if out.Len() > largest {
		return nil, fmt.Errorf("%d KB, more than the %d KB that a README bears", out.Len()>>10, largest>>10)
	}
	return out.Bytes(), nil
}
