package roster

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"freefall/fallback"
	"freefall/internal/openai"
)

// Listed is a model as its provider lists it. What the list does not say is nil, zero or empty.
type Listed struct {
	ID                        string
	Name                      string `json:",omitempty"`
	Context                   int64  `json:",omitempty"` // tokens
	Tools, Vision, JSONSchema *bool  `json:",omitempty"`
	Created                   int64  `json:",omitempty"` // seconds since 1970
	Price                     Price  `json:",omitempty"`
	Rate                      *Rate  `json:",omitempty"`
	Expires                   string `json:",omitempty"` // YYYY-MM-DD
	Other                     bool   `json:",omitempty"` // it is made for something else than to chat
}

// Price is what a list says that a model costs.
type Price uint8

const (
	Unpriced Price = iota // nothing, or not all of prompt, completion and request
	Zero                  // exactly 0, whatever is asked
	Priced                // something, or what cannot be read
)

// List is what a provider listed. It never changes once made.
type List struct {
	URL    string    // that was asked: it says nothing of another place
	At     time.Time // when
	Models []Listed  // each id once

	byID map[string]int
}

const (
	maxListed  = 10_000
	maxName    = 80
	maxContext = 1 << 30
)

var errEmpty = errors.New("the list names no model")

// NewList makes a list. Of an id that is named twice the one that costs more holds.
func NewList(url string, at time.Time, models []Listed) *List {
	l := &List{URL: url, At: at, byID: make(map[string]int, len(models))}
	kept := models[:0]
	for _, m := range models {
		if at, twice := l.byID[m.ID]; twice {
			kept[at].Price = worse(kept[at].Price, m.Price)
			continue
		}
		l.byID[m.ID] = len(kept)
		kept = append(kept, m)
	}
	l.Models = kept
	return l
}

// worse is the price that is believed of two: a zero that is not said everywhere is none.
func worse(a, b Price) Price {
	if a == b || a == Priced {
		return a
	}
	if b == Priced {
		return b
	}
	return Unpriced
}

// page reads one page of a list as any provider writes it, and where the next one is.
func page(body []byte, d *Dialect) (models []Listed, next string, err error) {
	var doc map[string]json.RawMessage
	var entries []json.RawMessage
	if err := json.Unmarshal(body, &doc); err != nil {
		if json.Unmarshal(body, &entries) != nil {
			return nil, "", errors.New("the answer is no list of models")
		}
	} else if json.Unmarshal(doc["data"], &entries) != nil {
		return nil, "", errors.New("the answer holds no list of models")
	}
	if len(entries) > maxListed {
		return nil, "", fmt.Errorf("the list names more than %d models", maxListed)
	}
	for _, raw := range entries {
		var e entry
		if json.Unmarshal(raw, &e) != nil {
			continue
		}
		if m := e.listed(d); fallback.IsID(m.ID) && !e.off() {
			models = append(models, m)
		}
	}
	return models, entry(object(doc["links"])).text("next"), nil
}

// entry is a model in a list. Each field is read by itself, so that an odd one spoils no other.
type entry map[string]json.RawMessage

func object(raw json.RawMessage) map[string]json.RawMessage {
	var o map[string]json.RawMessage
	_ = json.Unmarshal(raw, &o) // what is none is empty
	return o
}

func (e entry) text(key string) (s string) {
	_ = json.Unmarshal(e[key], &s)
	return s
}

// number is a whole number within bounds that make sense; 0 = there is none.
func (e entry) number(key string, most int64) int64 {
	var f float64
	if json.Unmarshal(e[key], &f) != nil || f < 1 || f > float64(most) {
		return 0
	}
	return int64(f)
}

func (e entry) flag(key string) *bool {
	var b *bool
	if json.Unmarshal(e[key], &b) != nil {
		return nil
	}
	return b
}

// words is nil when there is no such list.
func (e entry) words(key string) (list []string) {
	if json.Unmarshal(e[key], &list) != nil {
		return nil
	}
	return list
}

// says is whether a list that is there names the word.
func says(list []string, word string) *bool {
	if list == nil {
		return nil
	}
	is := slices.Contains(list, word)
	return &is
}

func either(a, b *bool) *bool {
	if a != nil {
		return a
	}
	return b
}

// off is what a provider lists and does not serve (Groq).
func (e entry) off() bool {
	active := e.flag("active")
	return active != nil && !*active
}

func (e entry) listed(d *Dialect) Listed {
	m := Listed{ID: e.text("id"), Created: e.number("created", 1<<40), Expires: date(e.text("expiration_date"))}
	if d.Name == "google" {
		m.ID = strings.TrimPrefix(m.ID, googlePrefix)
	}
	architecture, capable := entry(object(e["architecture"])), entry(object(e["capabilities"]))
	parameters := e.words("supported_parameters")
	m.Name = name(e.text("name"), e.text("display_name"))
	m.Context = e.context()
	m.Tools = either(says(parameters, "tools"), capable.flag("function_calling"))
	m.JSONSchema = says(parameters, "structured_outputs")
	m.Vision = either(says(architecture.words("input_modalities"), "image"), capable.flag("vision"))
	e.hosts(&m)
	m.Price, m.Rate = price(e["pricing"]), rate(e["pricing"])
	m.Other = e.other(m.ID, architecture.words("output_modalities"), capable.flag("completion_chat"))
	return m
}

// context is the window by any of the names that providers have for it.
func (e entry) context() int64 {
	for _, key := range []string{"context_length", "context_window", "max_context_length", "max_model_len"} {
		if n := e.number(key, maxContext); n > 0 {
			return n
		}
	}
	top, meta := entry(object(e["top_provider"])), entry(object(e["meta"]))
	for _, n := range []int64{top.number("context_length", maxContext), meta.number("n_ctx", maxContext), meta.number("n_ctx_train", maxContext)} {
		if n > 0 {
			return n
		}
	}
	return 0
}

// hosts reads what stands at those who serve the model (Hugging Face), where nothing stands at the model itself.
func (e entry) hosts(m *Listed) {
	var hosts []json.RawMessage
	if json.Unmarshal(e["providers"], &hosts) != nil {
		return
	}
	some := func(to **bool, is *bool) {
		if is != nil && (*to == nil || *is) {
			*to = is
		}
	}
	var tools, schema *bool
	var context int64
	for _, raw := range hosts {
		host := entry(object(raw))
		some(&tools, host.flag("supports_tools"))
		some(&schema, host.flag("supports_structured_output"))
		context = max(context, host.number("context_length", maxContext))
	}
	m.Tools, m.JSONSchema = either(m.Tools, tools), either(m.JSONSchema, schema)
	if m.Context == 0 {
		m.Context = context
	}
}

// name is what people may read: neither markup nor control characters, nor a text of any length.
func name(names ...string) string {
	for _, n := range names {
		if n = strings.TrimSpace(openai.Clean(markup.Replace(n), maxName)); n != "" {
			return n
		}
	}
	return ""
}

var markup = strings.NewReplacer("<", "", ">", "", "&", "and")

func date(s string) string {
	if _, err := time.Parse(time.DateOnly, s); err != nil {
		return ""
	}
	return s
}

// others are parts of the names of models that are not made to chat, for lists that do not say so.
var others = []string{"embed", "whisper", "transcri", "-tts", "tts-", "orpheus", "speech", "voice", "audio", "lyria", "guard", "shield", "moderation", "safety",
	"rerank", "retriever", "reward", "-ocr", "ocr-", "imagen", "-image", "image-", "dall-e", "diffusion", "flux", "veo-", "sora", "aqa", "-live", "robotics",
	"computer-use", "deep-research", "bge-", "clip", "-parse", "translate"}

// other says whether a model is made for something else than to chat.
func (e entry) other(id string, out []string, chats *bool) bool {
	if out != nil && !slices.Contains(out, "text") || chats != nil && !*chats {
		return true
	}
	switch e.text("type") { // as Together says it
	case "embedding", "image", "video", "audio", "transcribe", "moderation", "rerank":
		return true
	}
	id = strings.ToLower(id)
	return slices.ContainsFunc(others, func(part string) bool { return strings.Contains(id, part) })
}

// noPrice is what stands among prices and costs nothing by itself: a search on the web is bought by a field of the request that
// never goes up.
var noPrice = []string{"web_search", "discount", "overrides"}

// price reads what a model costs. Zero needs prompt, completion and request, and nothing else that costs: an image in a request
// must be free as well.
func price(raw json.RawMessage) Price {
	if len(raw) == 0 || string(raw) == "null" {
		return Unpriced
	}
	p := object(raw)
	if p == nil {
		return Priced
	}
	if priced(p) || overridden(p["overrides"]) {
		return Priced
	}
	for _, key := range []string{"prompt", "completion", "request"} {
		if !said(p[key]) {
			return Unpriced
		}
	}
	return Zero
}

// priced says whether any price is not zero.
func priced(p map[string]json.RawMessage) bool {
	for key, raw := range p {
		if said(raw) && !slices.Contains(noPrice, key) && !isZero(raw) {
			return true
		}
	}
	return false
}

func said(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "null" }

// overridden says whether a price that holds under some condition is not zero. Conditions are numbers too; what cannot be told
// from a price is taken for one.
func overridden(raw json.RawMessage) bool {
	if !said(raw) {
		return false
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		return true
	}
	for _, one := range list {
		o := object(one)
		for key := range o {
			if strings.HasPrefix(key, "min_") || strings.HasPrefix(key, "max_") {
				delete(o, key)
			}
		}
		if inner := object(o["pricing"]); inner != nil {
			delete(o, "pricing")
			if priced(inner) {
				return true
			}
		}
		if o == nil || priced(o) {
			return true
		}
	}
	return false
}

// zero is 0 written out. A number that is too small to be told from it (1e-400) is none, nor is a minus.
var zero = regexp.MustCompile(`^0+(\.0+)?$`)

func isZero(raw json.RawMessage) bool {
	text := string(raw)
	if s, err := strconv.Unquote(text); err == nil {
		text = s
	}
	return zero.MatchString(text)
}

const googlePrefix = "models/" // as Google writes ids; it takes them without it

// Find gives what the list says of an id.
func (l *List) Find(id string) (*Listed, bool) {
	at, ok := l.byID[id]
	if !ok {
		return nil, false
	}
	return &l.Models[at], true
}

// find allows for the ways in which an id may be written that its provider takes as well.
func (l *List) find(d *Dialect, id string) (*Listed, bool) {
	if m, ok := l.Find(id); ok {
		return m, true
	}
	switch d.Name {
	case "google":
		return l.Find(strings.TrimPrefix(id, googlePrefix))
	case "ollama", "ollama-cloud":
		if !strings.Contains(id, ":") {
			return l.Find(id + ":latest")
		}
	case "openrouter":
		if base, variant, ok := strings.Cut(id, ":"); ok && variant != "free" {
			return l.Find(base)
		}
	}
	return nil, false
}

// missing says whether that the list does not name the id means that its provider does not serve it.
func (l *List) missing(d *Dialect, id string, now time.Time) bool {
	m, listed := l.find(d, id)
	switch {
	case listed:
		return m.expired(now)
	case d.Name == "llamacpp": // which serves the one model that it has under any name
		return false
	}
	return !strings.HasPrefix(id, "~") // an alias of OpenRouter's, which stands in no list
}

func (m *Listed) expired(now time.Time) bool {
	return m.Expires != "" && m.Expires < now.UTC().Format(time.DateOnly)
}

// price is what the list says that an id costs, written exactly so: a variant of an id has a price of its own.
func (l *List) price(id string) Price {
	if l == nil {
		return Unpriced
	}
	if m, ok := l.Find(id); ok {
		return m.Price
	}
	return Unpriced
}

const (
	proofLasts = 24 * time.Hour // a price is no proof for longer
	clockSlack = time.Minute    // a list from the future is none of today, but clocks are put right
)

func (l *List) fresh(now time.Time) bool {
	age := now.Sub(l.At)
	return age > -clockSlack && age < proofLasts
}
