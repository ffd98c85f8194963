package openai

import (
	"fmt"
	"strings"

	"github.com/tidwall/gjson"
)

// contentParts is the content of an item: a text, or parts of which some are none.
type contentParts struct {
	parts  []string // as a chat message has them
	texts  []string
	others []string // those of parts that are no text
}

// plain is the text alone.
func (p *contentParts) plain() string { return strings.Join(p.texts, "\n") }

// json is the content of a chat message. Many models take lists only where there is something to see.
func (p *contentParts) json() string {
	if len(p.others) == 0 {
		return quoted(p.plain())
	}
	return "[" + strings.Join(p.parts, ",") + "]"
}

func readContent(at string, content gjson.Result) (p contentParts, e *Error) {
	switch {
	case content.Type == gjson.String:
		p.texts = []string{content.Str}
		return p, nil
	case !sent(content):
		return p, nil
	case !content.IsArray():
		return p, wrongType(at, "a string or an array of parts")
	}
	for i, part := range elements(content) {
		if e := p.add(nth(at, i), part); e != nil {
			return p, e
		}
	}
	return p, nil
}

func (p *contentParts) add(at string, part gjson.Result) *Error {
	switch kind := part.Get("type").Str; kind {
	case "input_text", "output_text", "text":
		p.text(part.Get("text").String())
	case "refusal":
		p.text(part.Get("refusal").String())
	case "input_image":
		return p.image(at, part)
	case "input_file":
		return p.file(at, part)
	case "input_audio":
		p.other(object("type", `"input_audio"`, "input_audio", orNull(part.Get("input_audio"))))
	default:
		return refuse("unsupported_value", at, fmt.Sprintf("freefall asks chat models, which know no parts of type %+.60q: leave it out", kind))
	}
	return nil
}

func (p *contentParts) text(s string) {
	p.texts = append(p.texts, s)
	p.parts = append(p.parts, object("type", `"text"`, "text", quoted(s)))
}

func (p *contentParts) other(part string) {
	p.others = append(p.others, part)
	p.parts = append(p.parts, part)
}

func (p *contentParts) image(at string, part gjson.Result) *Error {
	url := part.Get("image_url")
	if url.Type != gjson.String {
		return refuse("unsupported_value", at, `freefall stores no files: send the image in "image_url", as a URL or a data URL`)
	}
	image := []string{"url", url.Raw}
	if d := part.Get("detail"); d.Str == "low" || d.Str == "high" {
		image = append(image, "detail", d.Raw)
	}
	p.other(object("type", `"image_url"`, "image_url", object(image...)))
	return nil
}

func (p *contentParts) file(at string, part gjson.Result) *Error {
	data := part.Get("file_data")
	if data.Type != gjson.String {
		return refuse("unsupported_value", at, `freefall stores and fetches no files: send the file in "file_data", as a data URL`)
	}
	file := []string{"file_data", data.Raw}
	if name := part.Get("filename"); sent(name) {
		file = append(file, "filename", name.Raw)
	}
	p.other(object("type", `"file"`, "file", object(file...)))
	return nil
}

func orNull(v gjson.Result) string {
	if v.Exists() {
		return v.Raw
	}
	return "null"
}
