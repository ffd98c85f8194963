package openai

import (
	"cmp"
	"strings"

	"github.com/tidwall/gjson"
)

// messagePart is a piece of what somebody says: text, or an image or a file, by its URL.
type messagePart struct {
	kind partKind
	text string // the text or the URL
	name string // of a file
}

type partKind uint8

const (
	textPart partKind = iota
	imagePart
	filePart
)

type messageParts []messagePart

// text is what they say in words.
func (p messageParts) text(between string) string {
	if len(p) == 1 {
		return p[0].text
	}
	texts := make([]string, len(p))
	for i := range p {
		texts[i] = p[i].text
	}
	return strings.Join(texts, between)
}

// pictured says whether there is more than words.
func (p messageParts) pictured() bool {
	for i := range p {
		if p[i].kind != textPart {
			return true
		}
	}
	return false
}

// write writes the parts as the content of a message.
func (p messageParts) write(w *writer) {
	w.open('[')
	for i := range p {
		w.open('{')
		switch p[i].kind {
		case textPart:
			w.say("type", "text")
			w.say("text", p[i].text)
		case imagePart:
			w.say("type", "image_url")
			w.key("image_url")
			w.open('{')
			w.say("url", p[i].text)
			w.close('}')
		case filePart:
			w.say("type", "file")
			w.key("file")
			w.open('{')
			w.say("filename", p[i].name)
			w.say("file_data", p[i].text)
			w.close('}')
		}
		w.close('}')
	}
	w.close(']')
}

// add takes a block of content. Thoughts, and what a provider's own tools did, are notes for the provider that wrote them.
func (c *messagesTalk) add(said messageParts, block gjson.Result) (messageParts, *Error) {
	kind := block.Get("type").Str
	switch kind {
	case "text":
		if block.Get("text").Type != gjson.String {
			return nil, c.wrong("invalid_type", `the "text" of a text block must be a string`)
		}
		return append(said, messagePart{text: block.Get("text").Str}), nil
	case "image":
		return c.image(said, block.Get("source"))
	case "document":
		return c.document(said, block)
	case "search_result":
		found, e := c.words(block.Get("content"))
		if e != nil {
			return nil, e
		}
		return append(said, messagePart{text: joined(block.Get("title").Str, block.Get("source").Str, found.text(between))}), nil
	case "tool_reference":
		return append(said, messagePart{text: block.Get("tool_name").Str}), nil
	case "thinking", "redacted_thinking", "server_tool_use", "mcp_tool_use":
		return said, nil
	}
	switch text := block.Get("text"); {
	case strings.HasSuffix(kind, "_tool_result"):
		return said, nil
	case text.Type == gjson.String && kind != "tool_result" && kind != "tool_use":
		return append(said, messagePart{text: text.Str}), nil
	}
	return nil, c.wrong("unsupported_content", "freefall asks chat models, which take no block of type %+.60q here", kind)
}

func (c *messagesTalk) image(said messageParts, source gjson.Result) (messageParts, *Error) {
	url := source.Get("url").Str
	if source.Get("type").Str == "base64" {
		url = dataURL(source)
	}
	if url == "" {
		return nil, c.wrong("unsupported_content", `the "source" of an image must be of type base64, with media_type and data, or of type url`)
	}
	return append(said, messagePart{kind: imagePart, text: url}), nil
}

// document takes what can be read without fetching anything.
func (c *messagesTalk) document(said messageParts, block gjson.Result) (messageParts, *Error) {
	source, title := block.Get("source"), block.Get("title").Str
	switch source.Get("type").Str {
	case "text":
		return append(said, messagePart{text: joined(title, block.Get("context").Str, source.Get("data").Str)}), nil
	case "content":
		inside, e := c.read(source.Get("content"))
		if e != nil {
			return nil, e
		}
		if title = joined(title, block.Get("context").Str); title != "" {
			said = append(said, messagePart{text: title})
		}
		return append(said, inside...), nil
	case "base64":
		if url := dataURL(source); url != "" {
			return append(said, messagePart{kind: filePart, text: url, name: cmp.Or(title, "document.pdf")}), nil
		}
	}
	return nil, c.wrong("unsupported_content", `the "source" of a document must be of type text, content, or base64 with media_type and data; freefall fetches nothing`)
}

// dataURL gives data that was sent as a URL; none when half of it is missing.
func dataURL(source gjson.Result) string {
	media, data := source.Get("media_type").Str, source.Get("data").Str
	if media == "" || data == "" {
		return ""
	}
	return "data:" + media + ";base64," + data
}

// joined gives those of the texts that say something, in lines of their own.
func joined(texts ...string) string {
	var b strings.Builder
	for _, text := range texts {
		if text != "" && b.Len() > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(text)
	}
	return b.String()
}
