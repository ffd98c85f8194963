package fakellm

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	maxBody = 64 << 20
	maxHang = 10 * time.Minute
)

// exchange is one request being answered.
type exchange struct {
	server  *Server
	w       http.ResponseWriter
	r       *http.Request
	rec     *Request
	body    []byte
	account string
	ask     ask
	model   Model
	step    Step
	embeds  bool // it asks for embeddings
}

// serve records a request and lets answer answer it. An answer that breaks panics with http.ErrAbortHandler, which is
// net/http's way to close the connection.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, answer func(*exchange)) {
	x := &exchange{server: s, w: w, r: r, rec: s.open(r)}
	defer s.watch(r.Context(), x.rec)()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.options.MaxBody))
	x.body = body
	s.note(x.rec, func(rec *Request) { rec.Body = body })
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		x.sample(mustSample("or-413"))
	case err != nil:
		panic(http.ErrAbortHandler)
	default:
		answer(x)
	}
}

// chat is the way of a chat request.
func (x *exchange) chat() {
	x.way(func(a *ask) string {
		if len(a.Messages) == 0 {
			return "messages is required"
		}
		return ""
	})
}

// way is that of each request to a model: who asks, what is asked for, is it possible, and then the script.
func (x *exchange) way(missing func(*ask) string) {
	ask, err := parseAsk(x.body)
	x.ask = ask
	known := x.identify()
	switch {
	case x.r.Method != http.MethodPost:
		x.refuse(http.StatusMethodNotAllowed, "Method Not Allowed")
	case !x.admitted():
	case err != nil:
		x.refuse(http.StatusBadRequest, "Invalid JSON body: "+err.Error())
	case missing(&x.ask) != "":
		x.refuse(http.StatusBadRequest, missing(&x.ask))
	case !known && !x.server.scripted(x.ask.Model):
		x.sample(mustSample("or-400-invalid-model-id").with("google/gemini-2.0-pro-exp-02-05:free", quotable(x.ask.Model)))
	case known && !x.able():
	default:
		x.decide()
	}
}

// identify finds the model and counts the request for it.
func (x *exchange) identify() (known bool) {
	x.model, known = x.server.find(x.ask.Model)
	paid := x.ask.spends(x.server.find)
	s := x.server
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serial++
	x.rec.Model, x.rec.Stream, x.rec.Paid = x.ask.Model, x.ask.Stream, paid
	if x.ask.Model != "" {
		t := s.tally(x.ask.Model)
		t.Requests++
		if paid {
			t.Paid++
		}
	}
	return known
}

// admitted checks the key.
func (x *exchange) admitted() bool {
	key := strings.TrimPrefix(x.r.Header.Get("Authorization"), "Bearer ")
	account, ok := x.server.account(key)
	x.account = account
	x.server.note(x.rec, func(rec *Request) { rec.Account = account })
	switch {
	case ok:
		return true
	case key == "":
		x.sample(mustSample("or-401-no-auth"))
	default:
		x.sample(mustSample("or-401-user-not-found"))
	}
	return false
}

// able checks the request against what the model can do.
func (x *exchange) able() bool {
	switch m := x.model; {
	case x.ask.wantsTools() && !m.Tools:
		x.sample(mustSample("or-404-tools"))
	case len(x.ask.images()) > 0 && !m.Vision:
		x.sample(mustSample("or-404-image"))
	case m.Context > 0 && x.ask.tokens()+x.ask.limit() > m.Context:
		total, in := strconv.Itoa(x.ask.tokens()+x.ask.limit()), strconv.Itoa(x.ask.tokens())
		x.sample(mustSample("or-400-context").with("65536", strconv.Itoa(m.Context), "92208", total, "60833", in,
			"10042", "0", "21333", strconv.Itoa(x.ask.limit())))
	default:
		return true
	}
	return false
}

// decide asks the script and the limits.
func (x *exchange) decide() {
	step, refusal := x.server.verdict(x.account, x.model)
	if refusal != nil {
		x.server.note(x.rec, func(rec *Request) { rec.Step = KindLimit })
		x.sample(*refusal)
		return
	}
	x.step = step
	x.server.note(x.rec, func(rec *Request) { rec.Step = step.Kind })
	x.play()
}

// quotable is a model id that may stand in a JSON string of a sample.
func quotable(id string) string { return strings.Trim(string(encode(id)), `"`) }

// refuse answers with an error of OpenRouter's plain shape.
func (x *exchange) refuse(status int, text string) {
	body := encode(map[string]problem{"error": {Code: status, Message: text}})
	x.send(status, map[string]string{"content-type": "application/json"}, body)
}

// sample answers with a recorded answer.
func (x *exchange) sample(s Sample) { x.send(s.Status, s.Headers, []byte(s.Body)) }

// send is a whole answer.
func (x *exchange) send(status int, headers map[string]string, body []byte) {
	x.head(status, headers)
	x.done()
	_, _ = x.w.Write(body)
}

// head sends the status line.
func (x *exchange) head(status int, headers map[string]string) {
	for name, value := range headers {
		x.w.Header().Set(name, value)
	}
	x.server.note(x.rec, func(rec *Request) { rec.Status = status })
	x.w.WriteHeader(status)
}

// done marks the answer as whole. It is called before the last bytes go out: a client that leaves when it has them has
// not left early.
func (x *exchange) done() { x.server.note(x.rec, func(rec *Request) { rec.Done = true }) }

// good is done for an answer that a client can use.
func (x *exchange) good() {
	x.server.note(x.rec, func(rec *Request) { rec.Done, rec.Good = true, x.step.Kind != KindEmpty })
}

// flush sends what was written as a packet of its own.
func (x *exchange) flush() { _ = http.NewResponseController(x.w).Flush() }

// sleep waits, and breaks the answer when the client leaves or the server closes.
func (x *exchange) sleep(d Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(time.Duration(d))
	defer t.Stop()
	select {
	case <-t.C:
	case <-x.r.Context().Done():
		panic(http.ErrAbortHandler)
	case <-x.server.stop:
		panic(http.ErrAbortHandler)
	}
}

// id is of the form of OpenRouter's, or of OpenAI's.
func (x *exchange) id() string {
	x.server.mu.Lock()
	defer x.server.mu.Unlock()
	if x.server.options.OpenAI {
		return fmt.Sprintf("chatcmpl-%08d", x.server.serial)
	}
	return fmt.Sprintf("gen-%d-%08d", x.rec.At.Unix(), x.server.serial)
}
