// Command shots takes the pictures of the README: the dashboard of a demo under light traffic.
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
	settle  = 24 * time.Second // until the demo has had a limit and an outage
	largest = 200 << 10
)

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
	demo, err := browser.Demo(program, 2)
	if err != nil {
		return err
	}
	defer demo.Stop()
	chrome, end, err := browser.Chrome(filepath.Join(dir, "profile"))
	if err != nil {
		return err
	}
	defer end()
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	time.Sleep(settle)
	// Something to ask why about, whatever the weather is.
	if err := demo.Control(`{"script": {"google/gemini-2.0-flash-exp:free": [{"kind": "limit", "limit": {"scope": "upstream", "requests": 0, "per": "40s", "hint": true}, "for": "40s"}]}}`); err != nil {
		return err
	}
	time.Sleep(4 * time.Second)
	for _, shot := range []struct {
		name string
		view browser.View
	}{
		{"light", browser.View{Width: 1280, Height: 850}},
		{"dark", browser.View{Width: 1280, Height: 850, Dark: true}},
		{"phone", browser.View{Width: 400, Height: 860, Dark: true, Phone: true, Scale: 1.5}},
	} {
		if err := one(chrome, demo.URL, filepath.Join(out, shot.name+".png"), shot.view); err != nil {
			return fmt.Errorf("%s: %w", shot.name, err)
		}
	}
	return nil
}

func one(chrome context.Context, url, path string, view browser.View) error {
	page, end, err := browser.Open(chrome, url+"/", view)
	defer end()
	if err != nil {
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
