package openai

import "github.com/tidwall/gjson"

// Messages is Anthropic's Messages API, POST /v1/messages. What the model reads is carried over; what tunes only models of Anthropic's, or
// asks for a service beside the model, is left out; what an answer would be wrong without is refused.
var Messages API = messagesAPI{}

type messagesAPI struct{}

// messagesKeys are read; all others are left out, whatever they hold.
var messagesKeys = newKeySet("model", "models", "messages", "system", "max_tokens", "stream", "temperature", "top_p", "stop_sequences",
	"tools", "tool_choice", "thinking", "metadata", "output_config", "output_format")

// maxUser bounds the name of a user that is passed on: longer ones are records of the client's own.
const maxUser = 64

func (messagesAPI) Translate(body []byte) ([]byte, Translator, *Error) {
	m, e := readMembers(body, messagesKeys)
	if e != nil {
		return nil, nil, e
	}
	t := &messagesTranslator{thinks: wantsThoughts(m["thinking"])}
	w := writer{out: make([]byte, 0, len(body)+len(body)/8)}
	w.open('{')
	w.carry(m, "model", "models", "max_tokens", "temperature", "top_p", "stream")
	if m["stream"].Type == gjson.True {
		w.set("stream_options", `{"include_usage":true}`) // their streams always tell it
	}
	if t.stops, e = stopSequences(m["stop_sequences"]); e != nil {
		return nil, nil, e
	}
	if len(t.stops) > 0 {
		w.set("stop", m["stop_sequences"].Raw)
	}
	if user := m["metadata"].Get("user_id").Str; user != "" && len(user) <= maxUser {
		w.say("user", user)
	}
	if e = writeOutputFormat(&w, m); e != nil {
		return nil, nil, e
	}
	if e = writeMessagesTools(&w, m["tools"], m["tool_choice"]); e != nil {
		return nil, nil, e
	}
	if t.known, e = writeMessagesTalk(&w, m["system"], m["messages"]); e != nil {
		return nil, nil, e
	}
	w.close('}')
	if m["stream"].Type == gjson.True { // the first event of a stream tells how much was read
		if chat, e := ParseChat(w.out); e == nil {
			t.input = chat.Need.Tokens
		}
	}
	return w.out, t, nil
}

// wantsThoughts says whether the client is ready for blocks of thoughts. Clients that did not ask for them often take the first
// block for the text.
func wantsThoughts(thinking gjson.Result) bool {
	kind := thinking.Get("type").Str
	return kind != "" && kind != "disabled" && thinking.Get("display").Str != "omitted"
}

func stopSequences(v gjson.Result) (stops []string, e *Error) {
	if !sent(v) {
		return nil, nil
	}
	if !v.IsArray() {
		return nil, wrongType("stop_sequences", "an array of strings")
	}
	for _, stop := range elements(v) {
		if stop.Type != gjson.String {
			return nil, wrongType("stop_sequences", "an array of strings")
		}
		stops = append(stops, stop.Str)
	}
	return stops, nil
}

// writeOutputFormat carries a schema of the answer over.
func writeOutputFormat(w *writer, m map[string]gjson.Result) *Error {
	format := m["output_config"].Get("format")
	if !sent(format) {
		format = m["output_format"] // as it was called before
	}
	schema := format.Get("schema")
	switch {
	case !sent(format):
		return nil
	case format.Get("type").Str != "json_schema" || !schema.IsObject():
		return refuse("unsupported_value", "output_config.format", `"output_config.format" must be {"type": "json_schema", "schema": {...}}`)
	}
	w.set("response_format", `{"type":"json_schema","json_schema":{"name":"answer","strict":true,"schema":`+schema.Raw+`}}`)
	return nil
}

// AppendError writes the error in Anthropic's envelope. The object within is OpenAI's, with Anthropic's word for the type.
func (messagesAPI) AppendError(dst []byte, e *Error) []byte {
	theirs := *e
	theirs.Type = messagesErrorType(e)
	dst = append(dst, `{"type":"error",`...)
	return append(dst, theirs.Append(nil)[1:]...)
}

// messagesErrorType is Anthropic's word, by which clients tell whether to try again.
func messagesErrorType(e *Error) string {
	switch e.Status {
	case 401:
		return "authentication_error"
	case 402:
		return "billing_error"
	case 403:
		return "permission_error"
	case 404:
		return "not_found_error"
	case 408, 504:
		return "timeout_error"
	case 413:
		return "request_too_large"
	case 429:
		return "rate_limit_error"
	}
	switch {
	case e.Code == "all_models_exhausted":
		return "overloaded_error"
	case e.Status >= 500:
		return "api_error"
	}
	return "invalid_request_error"
}
