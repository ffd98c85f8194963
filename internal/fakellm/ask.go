package fakellm

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// ask is a chat request as a lenient server reads it: of two equal keys the last counts, letter case does not.
type ask struct {
	Model         string          `json:"model"`
	Models        []string        `json:"models"`
	Messages      []message       `json:"messages"`
	Input         json.RawMessage `json:"input"` // of a request for embeddings
	Encoding      string          `json:"encoding_format"`
	Dimensions    int             `json:"dimensions"`
	Stream        bool            `json:"stream"`
	Tools         []tool          `json:"tools"`
	ToolChoice    json.RawMessage `json:"tool_choice"`
	Parallel      *bool           `json:"parallel_tool_calls"`
	Format        format          `json:"response_format"`
	StreamOptions struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
	MaxTokens           int             `json:"max_tokens"`
	MaxCompletionTokens int             `json:"max_completion_tokens"`
	Plugins             json.RawMessage `json:"plugins"`
	WebSearch           json.RawMessage `json:"web_search_options"`
}

type message struct {
	Role    string  `json:"role"`
	Content content `json:"content"`
}

type tool struct {
	Function struct {
		Name       string `json:"name"`
		Parameters any    `json:"parameters"`
	} `json:"function"`
}

type format struct {
	Type   string `json:"type"`
	Schema struct {
		Schema any `json:"schema"`
	} `json:"json_schema"`
}

// content is a message's text and what is said of its images.
type content struct {
	Text   string
	Images []string
}

// UnmarshalJSON reads a string, null or a list of parts.
func (c *content) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, &c.Text)
	}
	var parts []struct {
		Type     string `json:"type"`
		Text     string `json:"text"`
		ImageURL struct {
			URL string `json:"url"`
		} `json:"image_url"`
	}
	if err := json.Unmarshal(b, &parts); err != nil {
		return err
	}
	for _, p := range parts {
		switch p.Type {
		case "text":
			c.Text += p.Text
		case "image_url":
			c.Images = append(c.Images, seen(p.ImageURL.URL))
		}
	}
	return nil
}

// seen tells what came of an image: its decoded size, so that a test knows that it arrived whole.
func seen(url string) string {
	head, data, ok := strings.Cut(url, ";base64,")
	if !ok {
		return "an image at " + url
	}
	raw, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return "an image that is no base64"
	}
	return fmt.Sprintf("an image of %d bytes (%s)", len(raw), strings.TrimPrefix(head, "data:"))
}

func parseAsk(body []byte) (ask, error) {
	var a ask
	err := json.Unmarshal(body, &a)
	return a, err
}

// last is the message that asks.
func (a ask) last() message {
	if len(a.Messages) == 0 {
		return message{}
	}
	return a.Messages[len(a.Messages)-1]
}

func (a ask) images() (list []string) {
	for _, m := range a.Messages {
		list = append(list, m.Content.Images...)
	}
	return list
}

// tokens is a rough count of the text that came in.
func (a ask) tokens() int {
	n := 0
	for _, m := range a.Messages {
		n += 4 + len(m.Content.Text)/4
	}
	return max(n, 1)
}

// limit is the most tokens that the answer may have, 0 for no limit.
func (a ask) limit() int { return max(a.MaxTokens, a.MaxCompletionTokens) }

// wantsTools says whether the request speaks of tools at all.
func (a ask) wantsTools() bool { return len(a.Tools) > 0 }

// toolsToCall picks the tools that a willing model calls: the one that tool_choice names, all that the prompt names, or
// the first when the prompt or tool_choice asks for a call. After a tool has answered, none.
func (a ask) toolsToCall() []tool {
	choice, named := a.choice()
	switch {
	case choice == "none" || len(a.Tools) == 0:
		return nil
	case named != "":
		return a.named(func(name string) bool { return name == named })
	case a.last().Role == "tool":
		return nil
	}
	prompt := strings.ToLower(a.last().Content.Text)
	list := a.named(func(name string) bool { return name != "" && strings.Contains(prompt, strings.ToLower(name)) })
	asked := choice == "required" || strings.Contains(prompt, "call the tool") || strings.Contains(prompt, "use the tool")
	switch {
	case strings.Contains(prompt, "both tools") || strings.Contains(prompt, "all tools"):
		list = a.Tools
	case len(list) == 0 && asked:
		list = a.Tools[:1]
	}
	if a.Parallel != nil && !*a.Parallel && len(list) > 1 {
		return list[:1]
	}
	return list
}

func (a ask) named(wanted func(string) bool) (list []tool) {
	for _, t := range a.Tools {
		if wanted(t.Function.Name) {
			list = append(list, t)
		}
	}
	return list
}

// choice reads tool_choice: a word, or the name of one function.
func (a ask) choice() (word, name string) {
	var one tool
	if json.Unmarshal(a.ToolChoice, &word) == nil {
		return word, ""
	}
	if json.Unmarshal(a.ToolChoice, &one) == nil {
		return "", one.Function.Name
	}
	return "", ""
}

// spends says whether serving the request could cost money, by whichever of its fields.
func (a ask) spends(known func(id string) (Model, bool)) bool {
	for _, id := range append(slices.Clone(a.Models), a.Model) {
		if m, ok := known(id); strings.HasSuffix(id, ":online") || ok && !m.Free() {
			return true
		}
	}
	return present(a.Plugins) || present(a.WebSearch)
}

func present(raw json.RawMessage) bool {
	raw = bytes.TrimSpace(raw)
	return len(raw) > 0 && !slices.Contains([]string{"null", "[]", "{}"}, string(raw))
}
