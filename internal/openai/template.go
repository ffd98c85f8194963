package openai

import "bytes"

// maxTemplate bounds what a stream keeps of its last plain chunk.
const maxTemplate = 2 << 10

// template is a plain chunk with its text cut out. Nearly all chunks of a stream differ in nothing else, and one that
// fits needs no reading: what was true of the chunk that was learnt is true of it.
type template struct {
	chunk      []byte
	head, tail int // lengths of what stands before and behind the text
}

func (t *template) learn(data []byte, text [2]int) {
	t.head, t.tail = text[0], len(data)-text[1]
	if t.head+t.tail > maxTemplate {
		t.head, t.tail = 0, 0
		return
	}
	t.chunk = append(append(t.chunk[:0], data[:text[0]]...), data[text[1]:]...)
}

func (t *template) forget() { t.head, t.tail = 0, 0 }

// fits says whether data is the chunk with another text.
func (t *template) fits(data []byte) bool {
	if t.head == 0 || len(data) < t.head+t.tail {
		return false
	}
	end := len(data) - t.tail
	if !bytes.Equal(data[:t.head], t.chunk[:t.head]) || !bytes.Equal(data[end:], t.chunk[t.head:]) {
		return false
	}
	s := scanner{body: data[:end+1]}
	_, behind := s.readText(t.head - 1) // from quote to quote
	return behind == end+1
}
