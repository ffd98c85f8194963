package fakellm

import (
	_ "embed"
	"encoding/json"
	"maps"
	"sync"
)

//go:embed testdata/errors.json
var errorsJSON []byte

// Sample is a recorded answer of a provider and the verdict that a good reader comes to.
type Sample struct {
	ID       string            `json:"id"`
	Provider string            `json:"provider"`
	Status   int               `json:"status"`
	Headers  map[string]string `json:"headers"` // names in lower case
	Body     string            `json:"body"`    // byte for byte
	Evidence string            `json:"evidence"`

	Class       string   `json:"class"`
	Scope       string   `json:"scope"`
	RetryAfterS *float64 `json:"retry_after_s"` // nil = it says nothing
	Action      string   `json:"action"`
	CoolTarget  string   `json:"cool_target"`
	CoolUntil   string   `json:"cool_until"`
	Now         string   `json:"now"` // RFC 3339, when absolute times in it are to be read against a clock
}

var samples = sync.OnceValue(func() []Sample {
	var list []Sample
	if err := json.Unmarshal(errorsJSON, &list); err != nil {
		panic("BUG: errors.json: " + err.Error())
	}
	return list
})

// Samples are all recorded answers. They are shared: do not change them.
func Samples() []Sample { return samples() }

// SampleByID finds a recorded answer; what it gives back is the caller's own.
func SampleByID(id string) (Sample, bool) {
	for _, s := range samples() {
		if s.ID == id {
			s.Headers = maps.Clone(s.Headers)
			return s, true
		}
	}
	return Sample{}, false
}

func mustSample(id string) Sample {
	s, ok := SampleByID(id)
	if !ok {
		panic("BUG: no sample " + id)
	}
	return s
}
