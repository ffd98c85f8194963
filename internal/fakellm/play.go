package fakellm

import (
	"compress/gzip"
	"io"
	"net"
	"net/http"
)

// play answers as the step says.
func (x *exchange) play() {
	x.sleep(x.step.Head)
	switch s := x.step; s.Kind {
	case KindOK, KindSlow, KindTools, KindJSON, KindHuge:
		x.answer(x.w)
	case KindGzip:
		x.gzip()
	case KindInterim:
		x.interim()
	case KindEmpty:
		x.write(x.w, answer{finish: "stop", prompt: x.ask.tokens()})
	case KindSample:
		x.sample(mustSample(s.Sample))
	case KindRaw:
		x.raw()
	case KindWire:
		x.wire()
	case KindLimit:
		panic("BUG: limits are decided, not played")
	case KindFault:
		x.fault()
	case KindError200:
		x.sample(mustSample("or-200-toplevel-429").with("acme/m:free", x.model.ID))
	case KindCut:
		x.cut()
	case KindHang:
		x.hang()
	case KindRedirect:
		x.send(s.Status, map[string]string{"location": s.Location}, nil)
	}
}

// writer gives answers their form.
func (x *exchange) writer() writer {
	return writer{openai: x.server.options.OpenAI, id: x.id(), model: x.model, created: x.rec.At}
}

// compose is the model's answer. One that was asked for with spending fields, or of a paid model, costs money.
func (x *exchange) compose() answer {
	a := compose(x.step, x.model, x.ask)
	if x.rec.Paid && a.cost == 0 {
		a.cost = 0.004 + float64(a.prompt+a.tokens())*x.model.Price
	}
	return a
}

func (x *exchange) answer(out io.Writer) { x.write(out, x.compose()) }

// write sends an answer in the form that was asked for.
func (x *exchange) write(out io.Writer, a answer) {
	w := x.writer()
	if !x.ask.Stream || x.embeds {
		x.begin(w, "application/json")
		x.sleep(x.step.First + x.step.Gap*Duration(a.tokens()))
		x.good()
		if x.embeds {
			_, _ = out.Write(w.vectors(&x.ask))
		} else {
			_, _ = out.Write(w.whole(a))
		}
		return
	}
	x.begin(w, "text/event-stream")
	x.patience()
	for i, e := range w.events(a, x.usage()) {
		if i > 0 {
			x.sleep(x.step.Gap)
		}
		x.event(out, e)
	}
	x.good()
	x.event(out, []byte("[DONE]"))
}

// usage says whether the stream ends with it: OpenRouter's always does.
func (x *exchange) usage() bool { return !x.server.options.OpenAI || x.ask.StreamOptions.IncludeUsage }

func (x *exchange) begin(w writer, contentType string) {
	headers := map[string]string{"content-type": contentType}
	if !w.openai {
		headers["x-generation-id"] = w.id
	}
	if x.ask.Stream {
		headers["cache-control"] = "no-cache"
	}
	x.head(http.StatusOK, headers)
}

// patience is the time before the first token, with comments in it.
func (x *exchange) patience() {
	for range x.step.Comments {
		_, _ = io.WriteString(x.w, ": OPENROUTER PROCESSING\n\n")
		x.flush()
		x.sleep(x.step.First / Duration(x.step.Comments))
	}
	if x.step.Comments == 0 && x.step.First > 0 {
		x.flush()
		x.sleep(x.step.First)
	}
}

func (x *exchange) event(out io.Writer, data []byte) {
	_, _ = out.Write(append(append([]byte("data: "), data...), "\n\n"...))
	if z, ok := out.(*gzip.Writer); ok {
		_ = z.Flush()
	}
	x.flush()
}

func (x *exchange) gzip() {
	x.w.Header().Set("content-encoding", "gzip")
	z := gzip.NewWriter(x.w)
	x.answer(z)
	_ = z.Close()
}

func (x *exchange) interim() {
	for range x.step.Count {
		x.w.WriteHeader(x.step.Status)
	}
	x.answer(x.w)
}

// raw writes the given body, each packet on its own.
func (x *exchange) raw() {
	body := x.step.body()
	if x.step.Packets == nil {
		x.send(x.step.Status, x.step.Headers, body)
		return
	}
	x.head(x.step.Status, x.step.Headers)
	list := packets(body, x.step.Packets)
	for i, p := range list {
		if i > 0 {
			x.sleep(x.step.Gap)
		}
		if i == len(list)-1 {
			x.done()
		}
		_, _ = x.w.Write(p)
		x.flush()
	}
}

// packets cuts a body at the given offsets; -1 alone cuts it into bytes.
func packets(body []byte, at []int) [][]byte {
	if len(at) == 1 && at[0] == -1 {
		at = at[:0:0]
		for i := 1; i < len(body); i++ {
			at = append(at, i)
		}
	}
	var list [][]byte
	from := 0
	for _, to := range at {
		to = min(max(to, from), len(body))
		list = append(list, body[from:to])
		from = to
	}
	return append(list, body[from:])
}

// wire writes to the socket past net/http.
func (x *exchange) wire() {
	conn := x.hijack()
	defer conn.Close()
	x.server.note(x.rec, func(rec *Request) { rec.Done = true })
	for i, p := range packets(x.step.body(), x.step.Packets) {
		if i > 0 {
			x.sleep(x.step.Gap)
		}
		_, _ = conn.Write(p)
	}
}

func (x *exchange) hijack() net.Conn {
	conn, _, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	return conn
}

// faults are the recorded failures by status.
var faults = map[int]string{402: "or-402-insufficient", 403: "or-403-key-limit", 408: "or-408", 413: "or-413", 422: "or-422",
	500: "or-500-masked", 502: "or-502", 503: "or-503-no-provider", 524: "or-524", 529: "or-529"}

func (x *exchange) fault() {
	for name, value := range x.step.Headers {
		x.w.Header().Set(name, value)
	}
	if id, ok := faults[x.step.Status]; ok {
		x.sample(mustSample(id))
		return
	}
	x.refuse(x.step.Status, http.StatusText(x.step.Status))
}
