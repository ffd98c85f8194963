package fakellm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// answer is what a model says, before it takes the form of a completion or of a stream.
type answer struct {
	reasoning []string // pieces, as a stream carries them
	content   []string
	calls     []Call
	finish    string
	prompt    int // tokens
	cost      float64
}

// compose lets a willing model answer. The text names the model and repeats the prompt, so that a reader sees who spoke
// and that the request arrived.
func compose(s Step, m Model, a ask) answer {
	out := answer{finish: "stop", prompt: a.tokens(), cost: s.Cost, reasoning: pieces(s.Reasoning, 0)}
	if out.calls = calls(s, a); len(out.calls) > 0 {
		out.finish = "tool_calls"
		return out
	}
	out.content = pieces(speech(s, m, a), s.Chunks)
	if most := a.limit(); most > 0 && most < len(out.content) {
		out.content, out.finish = out.content[:most], "length"
	}
	return out
}

// calls are the tool calls of the answer, those of the script first.
func calls(s Step, a ask) []Call {
	if len(s.Calls) > 0 {
		return s.Calls
	}
	tools := a.toolsToCall()
	if s.Kind == KindTools && len(tools) == 0 {
		tools = a.Tools
	}
	var list []Call
	for _, t := range tools {
		arguments := example(t.Function.Parameters)
		if arguments == nil {
			arguments = struct{}{}
		}
		list = append(list, Call{Name: t.Function.Name, Arguments: string(encode(arguments))})
	}
	if s.Kind == KindTools && len(list) == 0 {
		list = []Call{{Name: "get_weather", Arguments: `{"city":"Seoul"}`}}
	}
	return list
}

func speech(s Step, m Model, a ask) string {
	switch {
	case s.Text != "":
		return s.Text
	case s.Kind == KindHuge:
		return strings.Repeat("x", s.Bytes)
	case a.Format.Type == "json_schema":
		return string(encode(example(a.Format.Schema.Schema)))
	case a.Format.Type == "json_object" || s.Kind == KindJSON:
		return string(encode(map[string]string{"model": m.ID, "echo": echo(a)}))
	}
	text := fmt.Sprintf("This is %s. ", m.ID)
	if images := a.images(); len(images) > 0 {
		text += "I see " + strings.Join(images, " and ") + ". "
	}
	verb := "You said"
	if a.last().Role == "tool" {
		verb = "The tool said"
	}
	return text + fmt.Sprintf("%s: %q", verb, echo(a))
}

// echo is the beginning of the last message.
func echo(a ask) string {
	text := []rune(a.last().Content.Text)
	return string(text[:min(len(text), 200)])
}

// pieces cuts a text into tokens: words with the blank before them, or n equal parts. A text that is too short for n parts
// is told again.
func pieces(text string, n int) []string {
	if text == "" {
		return nil
	}
	if n <= 0 {
		return words(text)
	}
	runes := []rune(text)
	for len(runes) < n {
		runes = append(runes, []rune(" "+text)...)
	}
	parts := make([]string, n)
	for i := range parts {
		parts[i] = string(runes[i*len(runes)/n : (i+1)*len(runes)/n])
	}
	return parts
}

func words(text string) []string {
	var list []string
	for len(text) > 0 {
		end := strings.IndexByte(text[1:], ' ') + 1
		if end == 0 {
			end = len(text)
		}
		list = append(list, text[:end])
		text = text[end:]
	}
	return list
}

// tokens is the count of what the model wrote.
func (a answer) tokens() int {
	n := len(a.reasoning) + len(a.content)
	for _, c := range a.calls {
		n += 4 + len(c.Arguments)/4
	}
	return n
}

// encode writes JSON as providers do: no HTML escapes, no line end.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("BUG: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
