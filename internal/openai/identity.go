package openai

import (
	"bytes"
	"strconv"
	"time"

	"github.com/tidwall/gjson"
)

// maxID bounds an id that freefall repeats in each chunk, in bytes.
const maxID = 256

// identity is the id, the created and the model of one answer, as raw JSON. All its chunks carry the same: accumulators of SDKs lose
// the text of a stream whose ids differ.
type identity struct{ id, created, model []byte }

// learn takes what a chunk tells, as long as it is not known.
func (t *identity) learn(c *chunk) {
	if t.id == nil {
		t.id = bytes.Clone(c.id)
	}
	if t.created == nil {
		t.created = bytes.Clone(c.created)
	}
	if t.model == nil && len(c.model) > 0 {
		t.model = bytes.Clone(c.model)
	}
}

// settle makes up what no chunk has told. model is the id that was asked for.
func (t *identity) settle(now time.Time, model string) {
	if t.id == nil {
		t.id = append(strconv.AppendInt([]byte(`"chatcmpl-`), now.UnixNano(), 36), '"')
	}
	if t.created == nil {
		t.created = strconv.AppendInt(nil, max(now.Unix(), 1), 10)
	}
	if t.model == nil && model != "" {
		t.model = gjson.AppendJSONString(nil, model)
	}
}

// stamp gives the chunk with this identity. A model or an object that is not there is not put in: what clients can read passes as it came.
func (t *identity) stamp(data []byte, c *chunk) []byte {
	if !bytes.Equal(c.id, t.id) {
		data = with(data, "id", string(t.id))
	}
	if !bytes.Equal(c.created, t.created) {
		data = with(data, "created", string(t.created))
	}
	if c.model != nil && t.model != nil && !bytes.Equal(c.model, t.model) {
		data = with(data, "model", string(t.model))
	}
	if c.misnamed {
		data = with(data, "object", `"chat.completion.chunk"`)
	}
	return data
}
