package fallback

import "math"

// appetite is what requests of one model cost in tokens, learned from the usage that it reports. It corrects Need.Tokens, which
// errs low, and adds what will be answered.
type appetite struct {
	ratio  float64 // input tokens reported for one estimated
	spread float64 // how far single requests are from it
	output float64 // tokens of an answer
}

const (
	firstRatio   = 1.3 // until anything was reported
	firstOutput  = 300
	usualReserve = 1024 // where the client does not say how long the answer may be
	imageTokens  = 800  // between the 258 of one family and the 1,500 of another
	learnRate    = 0.2
	cautious     = 2 // times the spread
)

// expect is what a request will probably draw from windows that count tokens.
// reserves says that the provider counts the longest answer when the request comes, and gives back what was not used.
func (a *appetite) expect(n *Need, reserves bool) int64 {
	ratio, output := a.ratio, a.output
	if ratio == 0 {
		ratio, output = firstRatio, firstOutput
	}
	switch {
	case reserves && n.MaxOutput > 0:
		output = float64(n.MaxOutput)
	case reserves:
		output = max(output, usualReserve)
	case n.MaxOutput > 0:
		output = min(output, float64(n.MaxOutput))
	}
	return int64(ratio*float64(n.Tokens)+output) + int64(n.Images)*imageTokens + 1
}

// learn takes what an answer reports. Small requests teach nothing about the ratio: frames around messages weigh more there.
func (a *appetite) learn(n *Need, o *Outcome) {
	if o.InputTokens <= 0 || o.OutputTokens < 0 {
		return
	}
	if a.ratio == 0 {
		a.ratio, a.output = firstRatio, firstOutput
	}
	if n.Tokens >= 50 && n.Images == 0 {
		seen := min(4, max(0.5, float64(o.InputTokens)/float64(n.Tokens)))
		a.spread += learnRate * (math.Abs(seen-a.ratio) - a.spread)
		a.ratio += learnRate * (seen - a.ratio)
	}
	a.output += learnRate * (float64(o.OutputTokens) - a.output)
}

// expect is what a request will probably draw at this row from windows that count tokens.
func (r *row) expect(n *Need) int64 { return r.model.tokens.expect(n, r.Reserves) }

// least is what is probably counted when the request comes: what is answered comes on top, unless it is reserved.
func (r *row) least(n *Need) int64 {
	if r.Reserves {
		return r.expect(n)
	}
	return r.input(n)
}

// input is what the request alone will probably draw.
func (r *row) input(n *Need) int64 {
	alone := *n
	alone.MaxOutput = 1
	return r.model.tokens.expect(&alone, false)
}

// beware is what it may well draw: so much should be free, since what is expected too low is refused.
func (r *row) beware(n *Need) int64 {
	return r.expect(n) + int64(cautious*r.model.tokens.spread*float64(n.Tokens))
}
