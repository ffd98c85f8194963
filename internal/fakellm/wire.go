package fakellm

import (
	"strings"
	"time"
)

// The shapes below are OpenAI's with OpenRouter's extras; openrouter-only fields stay absent in dialect openai.

type completion struct {
	ID       string   `json:"id"`
	Provider string   `json:"provider,omitempty"`
	Model    string   `json:"model"`
	Object   string   `json:"object"`
	Created  int64    `json:"created"`
	Choices  []choice `json:"choices"`
	Print    string   `json:"system_fingerprint"`
	Usage    *usage   `json:"usage,omitempty"`
}

type choice struct {
	Index    int      `json:"index"`
	Message  *reply   `json:"message,omitempty"`
	Delta    *delta   `json:"delta,omitempty"`
	Logprobs any      `json:"logprobs"`
	Finish   *string  `json:"finish_reason"`
	Native   *string  `json:"native_finish_reason,omitempty"`
	Error    *problem `json:"error,omitempty"`
}

type reply struct {
	Role      string     `json:"role"`
	Content   *string    `json:"content"`
	Refusal   *string    `json:"refusal"`
	Reasoning *string    `json:"reasoning,omitempty"`
	Calls     []toolCall `json:"tool_calls,omitempty"`
}

type delta struct {
	Role      string     `json:"role,omitempty"`
	Content   *string    `json:"content,omitempty"`
	Reasoning *string    `json:"reasoning,omitempty"`
	Calls     []toolCall `json:"tool_calls,omitempty"`
}

type toolCall struct {
	Index    *int     `json:"index,omitempty"`
	ID       string   `json:"id,omitempty"`
	Type     string   `json:"type,omitempty"`
	Function function `json:"function"`
}

type function struct {
	Name      string `json:"name,omitempty"`
	Arguments string `json:"arguments"`
}

type usage struct {
	Prompt     int              `json:"prompt_tokens"`
	Completion int              `json:"completion_tokens"`
	Total      int              `json:"total_tokens"`
	Cost       *float64         `json:"cost,omitempty"`
	BYOK       *bool            `json:"is_byok,omitempty"`
	In         promptDetails    `json:"prompt_tokens_details"`
	Out        completionDetail `json:"completion_tokens_details"`
}

type promptDetails struct {
	Cached int `json:"cached_tokens"`
}

type completionDetail struct {
	Reasoning int `json:"reasoning_tokens"`
}

type problem struct {
	Code     any      `json:"code"`
	Message  string   `json:"message"`
	Metadata *trouble `json:"metadata,omitempty"`
}

type trouble struct {
	Type string `json:"error_type"`
}

// writer gives answers the form of one dialect under one id.
type writer struct {
	openai  bool
	id      string
	model   Model
	created time.Time
}

func (w writer) frame(object string, choices ...choice) completion {
	c := completion{ID: w.id, Model: w.model.ID, Object: object, Created: w.created.Unix(),
		Choices: choices, Print: "fp_simulated"}
	if !w.openai {
		c.Provider = w.model.host()
	}
	if choices == nil {
		c.Choices = []choice{}
	}
	return c
}

// whole is an answer in one body.
func (w writer) whole(a answer) []byte {
	r := &reply{Role: "assistant", Reasoning: joined(a.reasoning)}
	if len(a.calls) == 0 {
		r.Content = new(strings.Join(a.content, ""))
	}
	for i, call := range a.calls {
		r.Calls = append(r.Calls, toolCall{ID: w.callID(i), Type: "function", Function: function(call)})
	}
	c := w.frame("chat.completion", choice{Message: r, Finish: &a.finish, Native: w.native(a.finish)})
	c.Usage = w.usage(a)
	return encode(c)
}

func joined(parts []string) *string {
	if len(parts) == 0 {
		return nil
	}
	return new(strings.Join(parts, ""))
}

func (w writer) native(finish string) *string {
	if w.openai {
		return nil
	}
	return &finish
}

func (w writer) callID(i int) string { return "call_" + w.id + "_" + string(rune('a'+i%26)) }

func (w writer) usage(a answer) *usage {
	u := &usage{Prompt: a.prompt, Completion: a.tokens(), Total: a.prompt + a.tokens(), Out: completionDetail{len(a.reasoning)}}
	if !w.openai {
		u.Cost, u.BYOK = &a.cost, new(bool)
	}
	return u
}

// events are the data of an answer's stream, [DONE] apart: the role, the pieces, the finish, the usage.
func (w writer) events(a answer, usage bool) [][]byte {
	list := [][]byte{w.chunk(delta{Role: "assistant", Content: new("")})}
	for _, p := range a.reasoning {
		list = append(list, w.chunk(delta{Content: new(""), Reasoning: &p}))
	}
	for _, p := range a.content {
		list = append(list, w.chunk(delta{Content: &p}))
	}
	for i, call := range a.calls {
		list = append(list, w.callEvents(i, call)...)
	}
	end := w.frame("chat.completion.chunk", choice{Delta: &delta{}, Finish: &a.finish, Native: w.native(a.finish)})
	list = append(list, encode(end))
	if usage {
		last := w.frame("chat.completion.chunk")
		last.Usage = w.usage(a)
		list = append(list, encode(last))
	}
	return list
}

func (w writer) chunk(d delta) []byte {
	return encode(w.frame("chat.completion.chunk", choice{Delta: &d}))
}

// callEvents name the tool first, then bring its arguments in pieces.
func (w writer) callEvents(i int, call Call) [][]byte {
	head := toolCall{Index: &i, ID: w.callID(i), Type: "function", Function: function{Name: call.Name}}
	list := [][]byte{w.chunk(delta{Calls: []toolCall{head}})}
	for _, p := range pieces(call.Arguments, 1+len(call.Arguments)/6) {
		list = append(list, w.chunk(delta{Calls: []toolCall{{Index: &i, Function: function{Arguments: p}}}}))
	}
	return list
}

// failure is the event that ends a stream in trouble.
func (w writer) failure(how How) []byte {
	p := problem{Code: 502, Message: "Provider disconnected unexpectedly", Metadata: &trouble{"provider_unavailable"}}
	c := w.frame("chat.completion.chunk", choice{Delta: &delta{Content: new("")}, Finish: new("error")})
	switch how {
	case ErrorBare:
		return encode(map[string]problem{"error": p})
	case ErrorNamed:
		return []byte(`{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`)
	case ErrorChoice:
		c.Choices[0].Error = &p
		return encode(c)
	case ErrorEmpty:
		c.Choices = []choice{}
	}
	return encode(struct {
		completion
		Error problem `json:"error"`
	}{c, p})
}
