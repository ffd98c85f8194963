package roster

import (
	"encoding/json"
	"strconv"
	"strings"
)

// Rate is what a token costs, in USD.
type Rate struct{ Prompt, Completion float64 }

const maxRate = 1 // USD for a token; nobody asks for that

// rate reads what tokens cost, as far as it is one price for all; nil where nothing is said or all is free.
func rate(raw json.RawMessage) *Rate {
	p := object(raw)
	prompt, ok := dollars(p["prompt"])
	completion, also := dollars(p["completion"])
	if !ok || !also || prompt+completion == 0 {
		return nil
	}
	return &Rate{prompt, completion}
}

// dollars reads a number, written as one or as text.
func dollars(raw json.RawMessage) (float64, bool) {
	text := string(raw)
	if s, err := strconv.Unquote(text); err == nil {
		text = s
	}
	f, err := strconv.ParseFloat(text, 64)
	return f, err == nil && f >= 0 && f <= maxRate
}

// Worth is what the same tokens cost on the paid plan: by the price of the model that is listed under the same id without
// ":free", or its own where the id has no such end. of is the id that has the price. Where the list names none, nobody knows.
func (l *List) Worth(id string) (of string, r Rate, ok bool) {
	of = strings.TrimSuffix(id, ":free")
	m, listed := l.Find(of)
	if !listed || m.Rate == nil {
		return "", Rate{}, false
	}
	return of, *m.Rate, true
}
