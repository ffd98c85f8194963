package openai

// pairs are the pairs of bytes that stand beside each other in a text, told apart by the low five bits of each. Of some two hundred words
// that a refusal is searched for it holds one or two; of the others nearly all have a pair that the text has not, and need no search.
type pairs [32]uint32

// add takes up the pairs of a text.
func (p *pairs) add(text string) {
	for i := 1; i < len(text); i++ {
		p[text[i-1]&31] |= 1 << (text[i] & 31)
	}
}

// may says whether a text with these pairs may hold a word of two bytes or more. Its first and its last pair are looked for.
func (p *pairs) may(word string) bool {
	n := len(word)
	return p[word[0]&31]>>(word[1]&31)&1 != 0 && p[word[n-2]&31]>>(word[n-1]&31)&1 != 0
}
