package openai

// A model is passed over when the estimate exceeds its context, so the estimate errs low: a model that is too small says
// so and costs one attempt, a model that is passed over wrongly costs the answer. In o200k_base English prose takes 4.3 to
// 4.8 bytes a token, Korean 3.8 to 5.2, Russian about 7; older vocabularies take fewer.
const (
	asciiPerToken = 5
	widePerToken  = 7
)

// textSize is an amount of text as it reads once unescaped, in bytes of UTF-8.
type textSize struct {
	ascii int
	wide  int // of characters beyond ASCII
}

func (t *textSize) add(u textSize) {
	t.ascii += u.ascii
	t.wide += u.wide
}

// addRune counts one character that was written as \uXXXX. Each half of a surrogate pair is half of four bytes.
func (t *textSize) addRune(r rune) {
	switch {
	case r < 0x80:
		t.ascii++
	case r < 0x800, 0xD800 <= r && r < 0xE000:
		t.wide += 2
	default:
		t.wide += 3
	}
}

func (t textSize) tokens() int {
	return t.ascii/asciiPerToken + t.wide/widePerToken
}
