package openai

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
)

// ShortestAnswer is the least bound that an answer is held to when a model grants fewer tokens than its client allows. A model that grants
// less would cut what another one says whole.
const ShortestAnswer = 2048

// Granted is what a refusal says of lengths, in tokens; 0 = nothing.
type Granted struct {
	Answer  int // the longest answer
	Context int // the longest request and its answer together
}

var (
	answerWords = []string{"max_tokens", "max_completion_tokens", "max_new_tokens", "max tokens", "output tokens", "completion tokens"}
	contextIs   = regexp.MustCompile(`context (?:length|window)(?: is| of)?(?: only)? ([0-9][0-9,]*)`)
	anyNumber   = regexp.MustCompile(`[0-9][0-9,]*`)
)

// GrantedBy reads the refusal of a request that allowed an answer of asked tokens: how many would have been granted. Without a number nothing
// is known.
func GrantedBy(d *Dialect, status int, header func(name string) string, body []byte, asked int) (g Granted) {
	v := refusalOf(d, status, header, body)
	if v == nil {
		return g
	}
	if v.param != "" && isClients(v.param) {
		return g // a part of the request, which may have words like these
	}
	for _, w := range [...]*voice{&v.own, &v.upstream} {
		if m := contextIs.FindStringSubmatch(w.lower); m != nil {
			g.Context = number(m[1])
			continue
		}
		if !containsAny(v.param, answerWords) && !containsAny(w.lower, answerWords) {
			continue
		}
		for _, text := range anyNumber.FindAllString(w.lower, -1) {
			if n := number(text); n < asked {
				g.Answer = max(g.Answer, n)
			}
		}
	}
	if g.Answer < ShortestAnswer {
		g.Answer = 0
	}
	return g
}

// number reads "8192" and "8,192"; 0 = none that fits.
func number(text string) int {
	n, err := strconv.Atoi(strings.ReplaceAll(text, ",", ""))
	if err != nil {
		return 0
	}
	return n
}

// shorten holds the answer to so many tokens, where the client allows more.
func (ed *editor) shorten(most int) {
	for _, name := range [...]string{"max_tokens", "max_completion_tokens"} {
		if ed.keys.has(chatKeys[name]) && gjson.GetBytes(ed.body, name).Num > float64(most) {
			ed.set(name, "", strconv.Itoa(most))
		}
	}
}
