package openai

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
)

// contentParts is the content of an item: a text, or parts of which some are none.
type contentParts struct {
	parts []contentPart
	shown bool // there is more than text
}

// contentPart is a text, or what is shown: an image, a file, a sound.
type contentPart struct {
	text string
	what *gjson.Result // nil = a text
}

// readContent reads the content of an item. The place of what is wrong is told from there on.
func readContent(content gjson.Result) (p contentParts, e *Error) {
	switch {
	case content.Type == gjson.String:
		p.parts = []contentPart{{text: content.Str}}
		return p, nil
	case !sent(content):
		return p, nil
	case !content.IsArray():
		return p, refuse("invalid_type", "", "content must be a string or an array of parts")
	}
	for i, part := range elements(content) {
		if e := p.add(part); e != nil {
			return p, e.at(nth(i))
		}
	}
	return p, nil
}

func (p *contentParts) add(part gjson.Result) *Error {
	switch kind := part.Get("type").Str; kind {
	case "input_text", "output_text", "text":
		p.parts = append(p.parts, contentPart{text: part.Get("text").String()})
		return nil
	case "refusal":
		p.parts = append(p.parts, contentPart{text: part.Get("refusal").String()})
		return nil
	case "input_image":
		if part.Get("image_url").Type != gjson.String {
			return refuse("unsupported_value", "", `freefall stores no files: send the image in "image_url", as a URL or a data URL`)
		}
	case "input_file":
		if part.Get("file_data").Type != gjson.String {
			return refuse("unsupported_value", "", `freefall stores and fetches no files: send the file in "file_data", as a data URL`)
		}
	case "input_audio":
		if !part.Get("input_audio").IsObject() {
			return refuse("invalid_type", "", `"input_audio" must be an object`)
		}
	default:
		return refuse("unsupported_value", "", fmt.Sprintf("freefall asks chat models, which know no parts of type %+.60q: leave it out", kind))
	}
	what := part // only what is shown is kept whole
	p.parts, p.shown = append(p.parts, contentPart{what: &what}), true
	return nil
}

// plain is the text alone.
func (p *contentParts) plain() string {
	if len(p.parts) == 1 {
		return p.parts[0].text
	}
	var all strings.Builder
	texts := 0
	for _, part := range p.parts {
		if part.what != nil {
			continue
		}
		if texts++; texts > 1 {
			all.WriteByte('\n')
		}
		all.WriteString(part.text)
	}
	return all.String()
}

// write writes the content of a chat message. Many models take lists only where there is something to see.
func (p *contentParts) write(w *writer) {
	if !p.shown {
		w.text(p.plain())
		return
	}
	w.open('[')
	for _, part := range p.parts {
		part.write(w)
	}
	w.close(']')
}

func (part contentPart) write(w *writer) {
	w.open('{')
	defer w.close('}')
	if part.what == nil {
		w.say("type", "text")
		w.say("text", part.text)
		return
	}
	switch kind := part.what.Get("type").Str; kind {
	case "input_image":
		w.say("type", "image_url")
		w.key("image_url")
		w.open('{')
		w.set("url", part.what.Get("image_url").Raw)
		if d := part.what.Get("detail"); d.Str == "low" || d.Str == "high" {
			w.say("detail", d.Str)
		}
		w.close('}')
	case "input_file":
		w.say("type", "file")
		w.key("file")
		w.open('{')
		w.carryAs("file_data", part.what.Get("file_data"))
		w.carryAs("filename", part.what.Get("filename"))
		w.close('}')
	default:
		w.say("type", kind)
		w.set(kind, part.what.Get(kind).Raw)
	}
}

// at gives the error with its place further out.
func (e *Error) at(place string) *Error {
	if e != nil {
		e.Param = place + e.Param
	}
	return e
}

func nth(i int) string { return "[" + strconv.Itoa(i) + "]" }
