package proxy

import (
	"encoding/json"
	"fmt"
	"strings"
)

// heard is what a strict client makes of a stream.
type heard struct {
	content, reasoning string
	arguments          []string // of the tool calls
	names              []string
	finish             []string
	errors             []errorObject
	usage              int
	done               bool
}

// readStream knows one way of framing and takes no other: `data: {json}` and a blank line, comments, one id, and at the end
// either [DONE] or one error.
func readStream(body string) (a heard, err error) {
	id := ""
	for body != "" {
		frame, rest, ok := strings.Cut(body, "\n\n")
		if !ok {
			return a, fmt.Errorf("a frame is not ended: %.100q", body)
		}
		body = rest
		if strings.HasPrefix(frame, ":") && !strings.ContainsAny(frame, "\r\n") {
			continue
		}
		data, ok := strings.CutPrefix(frame, "data: ")
		switch {
		case !ok || strings.ContainsAny(data, "\r\n"):
			return a, fmt.Errorf("not one data line: %.100q", frame)
		case a.done || len(a.errors) > 0:
			return a, fmt.Errorf("after the end: %.100q", frame)
		case data == "[DONE]":
			a.done = true
			continue
		}
		this, err := a.read(data)
		switch {
		case err != nil:
			return a, err
		case id == "":
			id = this
		case this != "" && this != id:
			return a, fmt.Errorf("%s after %s", this, id)
		}
	}
	if a.done == (len(a.errors) > 0) {
		return a, fmt.Errorf("done %v and errors %v", a.done, a.errors)
	}
	return a, nil
}

// read takes one event and gives its identity, "" for an error.
func (a *heard) read(data string) (id string, err error) {
	var c struct {
		ID      string
		Created int64
		Error   *errorObject
		Choices []struct {
			Delta struct {
				Content, Reasoning string
				ReasoningContent   string `json:"reasoning_content"`
				ToolCalls          []struct {
					Index    *int
					Function struct{ Name, Arguments string }
				} `json:"tool_calls"`
			}
			FinishReason string `json:"finish_reason"`
		}
		Usage *struct{}
	}
	if err := json.Unmarshal([]byte(data), &c); err != nil {
		return "", fmt.Errorf("%w in %.200q", err, data)
	}
	if c.Error != nil {
		if c.Error.Message == "" || c.Error.Type == "" || c.Error.Code == nil {
			return "", fmt.Errorf("an error without words: %s", data)
		}
		a.errors = append(a.errors, *c.Error)
		return "", nil
	}
	if c.Usage != nil {
		a.usage++
	}
	for _, choice := range c.Choices {
		a.content += choice.Delta.Content
		a.reasoning += choice.Delta.Reasoning + choice.Delta.ReasoningContent
		for _, call := range choice.Delta.ToolCalls {
			if call.Index == nil || *call.Index > len(a.names) {
				return "", fmt.Errorf("a tool call without its index: %s", data)
			}
			if *call.Index == len(a.names) {
				a.names, a.arguments = append(a.names, ""), append(a.arguments, "")
			}
			a.names[*call.Index] += call.Function.Name
			a.arguments[*call.Index] += call.Function.Arguments
		}
		if choice.FinishReason != "" {
			a.finish = append(a.finish, choice.FinishReason)
		}
	}
	return fmt.Sprint(c.ID, " ", c.Created), nil
}
