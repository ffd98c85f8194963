package dashboard

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"path"
	"sync"
)

//go:embed static
var static embed.FS

// Policy is the page's Content-Security-Policy: its own files and its own server, and no code or style that stands in the page.
const Policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// File is a static file as it is served.
type File struct {
	Type string
	ETag string
	Body []byte
	Gzip []byte
}

// Find is the file of a path of the site: "/" or "/assets/NAME". nil = there is none.
func Find(at string) *File { return files()[at] }

var types = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml", ".txt": "text/plain; charset=utf-8",
}

// files are packed when the first one is asked for: many a freefall is never looked at.
var files = sync.OnceValue(func() map[string]*File {
	entries, err := fs.ReadDir(static, "static")
	if err != nil {
		panic("BUG: the page is not embedded: " + err.Error())
	}
	all := map[string]*File{}
	for _, e := range entries {
		body, err := static.ReadFile("static/" + e.Name())
		if err != nil {
			panic("BUG: the page is not embedded: " + err.Error())
		}
		at := "/assets/" + e.Name()
		if e.Name() == "index.html" {
			at = "/"
		}
		sum := sha256.Sum256(body)
		all[at] = &File{Type: types[path.Ext(e.Name())], ETag: `"` + hex.EncodeToString(sum[:8]) + `"`, Body: body, Gzip: pack(body)}
	}
	return all
})

func pack(body []byte) []byte {
	var out bytes.Buffer
	w, _ := gzip.NewWriterLevel(&out, gzip.BestCompression)
	_, _ = w.Write(body)
	_ = w.Close()
	return out.Bytes()
}
