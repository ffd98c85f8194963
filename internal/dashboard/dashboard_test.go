package dashboard

import (
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestFiles(t *testing.T) {
	for at, file := range files() {
		r, err := gzip.NewReader(bytes.NewReader(file.Gzip))
		if err != nil {
			t.Fatal(err)
		}
		unpacked, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(unpacked, file.Body) {
			t.Errorf("%s: what is packed is something else: %v", at, err)
		}
		if file.Type == "" || len(file.ETag) != 18 {
			t.Errorf("%s: type %q, tag %s", at, file.Type, file.ETag)
		}
	}
	if page := Find("/"); page == nil || !strings.HasPrefix(page.Type, "text/html") {
		t.Error("there is no page")
	}
	for _, at := range []string{"", "/assets/", "/assets/index.html", "/assets/../dashboard.go", "/index.html"} {
		if Find(at) != nil {
			t.Errorf("%q is served", at)
		}
	}
}

// own gives the files that are not somebody else's.
func own(t *testing.T, ext string) map[string]string {
	t.Helper()
	out := map[string]string{}
	entries, err := fs.ReadDir(static, "static")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if path.Ext(e.Name()) == ext && !strings.HasPrefix(e.Name(), "uplot-") {
			text, err := static.ReadFile("static/" + e.Name())
			if err != nil {
				t.Fatal(err)
			}
			out[e.Name()] = string(text)
		}
	}
	return out
}

// What the page loads is there: files by their names, and words that modules take from each other.
func TestNothingIsMissing(t *testing.T) {
	loads := regexp.MustCompile(`(?:href|src)="(/assets/[^"]+)"|from "\./([^"]+)"`)
	all := own(t, ".js")
	all["index.html"] = string(Find("/").Body)
	for name, text := range all {
		for _, m := range loads.FindAllStringSubmatch(text, -1) {
			at := m[1]
			if at == "" {
				at = "/assets/" + m[2]
			}
			if Find(at) == nil {
				t.Errorf("%s loads %s, which is not there", name, at)
			}
		}
	}
}

// Nothing in the page is markup made of text, and nothing in it comes from elsewhere.
func TestNoMarkupOfText(t *testing.T) {
	bad := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser|srcdoc|setAttribute\("style"|https?://`)
	harmless := strings.NewReplacer("http://www.w3.org/2000/svg", "")
	for _, ext := range []string{".js", ".css", ".html", ".svg"} {
		for name, text := range own(t, ext) {
			if found := bad.FindString(harmless.Replace(text)); found != "" {
				t.Errorf("%s: %s", name, found)
			}
		}
	}
	if inline := regexp.MustCompile(`<style|style="|<script>|\son\w+="`).Find(Find("/").Body); inline != nil {
		t.Errorf("the page has inline code or style: %s", inline)
	}
}

var entry = regexp.MustCompile(`(?:^|[{,\s])(\w+): "((?:[^"\\]|\\.)*)"`)

// words reads one of the dictionaries in text.js.
func words(t *testing.T, text, name string) map[string]string {
	t.Helper()
	_, rest, ok := strings.Cut(text, "const "+name+" = {")
	block, _, end := strings.Cut(rest, "\n};")
	if !ok || !end {
		t.Fatal("text.js has no words in " + name)
	}
	out := map[string]string{}
	for _, m := range entry.FindAllStringSubmatch(block, -1) {
		if _, twice := out[m[1]]; twice {
			t.Errorf("%s: %s stands there twice", name, m[1])
		}
		out[m[1]] = m[2]
	}
	return out
}

func TestWords(t *testing.T) {
	scripts := own(t, ".js")
	en, ko := words(t, scripts["text.js"], "en"), words(t, scripts["text.js"], "ko")
	value := regexp.MustCompile(`\{\w+\}`)
	values := func(s string) []string { return slices.Sorted(slices.Values(value.FindAllString(s, -1))) }
	for name := range maps.Keys(en) {
		if ko[name] == "" {
			t.Errorf("%s is missing in Korean", name)
		} else if a, b := values(en[name]), values(ko[name]); !slices.Equal(a, b) {
			t.Errorf("%s: %v in English, %v in Korean", name, a, b)
		}
	}
	for name := range maps.Keys(ko) {
		if en[name] == "" {
			t.Errorf("%s is missing in English", name)
		}
	}
	used := regexp.MustCompile(`\b(?:t|head|fact|box|tile)\("(\w+)"|data-(?:text|label)="(\w+)"`)
	scripts["index.html"] = string(Find("/").Body)
	for file, text := range scripts {
		for _, m := range used.FindAllStringSubmatch(text, -1) {
			name := m[1] + m[2]
			if _, ok := en[name]; !ok && !strings.HasSuffix(name, "_") {
				t.Errorf("%s says %s, for which there are no words", file, name)
			}
		}
	}
}
