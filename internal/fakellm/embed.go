package fakellm

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"hash/fnv"
	"math"
)

// dimensions of a vector, if the request does not say how many.
const dimensions = 8

type embeddings struct {
	Object string      `json:"object"`
	Data   []embedding `json:"data"`
	Model  string      `json:"model"`
	Usage  struct {
		Prompt int `json:"prompt_tokens"`
		Total  int `json:"total_tokens"`
	} `json:"usage"`
}

type embedding struct {
	Object string `json:"object"`
	Index  int    `json:"index"`
	Vector any    `json:"embedding"` // numbers, or base64 of float32s, little end first
}

// embed is the way of a request for embeddings.
func (x *exchange) embed() {
	x.embeds = true
	x.way(func(a *ask) string {
		if len(a.texts()) == 0 {
			return "input is required"
		}
		return ""
	})
}

// texts are those to embed, raw: a string, or each member of a list; a list of numbers is one text.
func (a *ask) texts() []json.RawMessage {
	var list []json.RawMessage
	if json.Unmarshal(a.Input, &list) != nil || len(list) > 0 && list[0][0] >= '0' && list[0][0] <= '9' {
		list = []json.RawMessage{a.Input}
	}
	if len(a.Input) == 0 || string(a.Input) == "null" {
		return nil
	}
	return list
}

// vectors is the answer to a request for embeddings. A vector depends on its model and its text alone.
func (w writer) vectors(a *ask) []byte {
	out := embeddings{Object: "list", Model: w.model.ID}
	n := a.Dimensions
	if n < 1 || n > 4096 {
		n = dimensions
	}
	for i, text := range a.texts() {
		out.Data = append(out.Data, embedding{Object: "embedding", Index: i, Vector: vector(w.model.ID, text, n, a.Encoding == "base64")})
		out.Usage.Prompt += max(1, len(text)/4)
	}
	out.Usage.Total = out.Usage.Prompt
	return encode(out)
}

func vector(model string, text []byte, n int, packed bool) any {
	h := fnv.New64a()
	_, _ = h.Write([]byte(model))
	_, _ = h.Write(text)
	values, seed, sum := make([]float32, n), h.Sum64(), 0.0
	for i := range values {
		seed = seed*6364136223846793005 + 1442695040888963407
		values[i] = float32(int32(seed>>32)) / math.MaxInt32
		sum += float64(values[i]) * float64(values[i])
	}
	var raw []byte
	for i := range values {
		values[i] /= float32(math.Sqrt(sum))
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(values[i]))
	}
	if packed {
		return base64.StdEncoding.EncodeToString(raw)
	}
	return values
}
