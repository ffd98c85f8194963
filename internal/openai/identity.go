package openai

import (
	"bytes"
	"strconv"
	"time"
)

// maxID bounds an id that freefall repeats in each chunk, in bytes.
const maxID = 256

// identity is the id and the created of one answer, as raw JSON. All its chunks carry the same: accumulators of SDKs lose
// the text of a stream whose ids differ.
type identity struct{ id, created []byte }

// learn takes what a chunk tells, as long as it is not known.
func (t *identity) learn(c *chunk) {
	if t.id == nil {
		t.id = bytes.Clone(c.id)
	}
	if t.created == nil {
		t.created = bytes.Clone(c.created)
	}
}

// settle makes up what no chunk has told.
func (t *identity) settle(now time.Time) {
	if t.id == nil {
		t.id = append(strconv.AppendInt([]byte(`"chatcmpl-`), now.UnixNano(), 36), '"')
	}
	if t.created == nil {
		t.created = strconv.AppendInt(nil, max(now.Unix(), 1), 10)
	}
}

// stamp gives the chunk with this identity.
func (t *identity) stamp(data []byte, c *chunk) []byte {
	if !bytes.Equal(c.id, t.id) {
		data = with(data, "id", string(t.id))
	}
	if !bytes.Equal(c.created, t.created) {
		data = with(data, "created", string(t.created))
	}
	return data
}
