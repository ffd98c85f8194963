package proxy

import "time"

// keyState is one key of a provider, by its place and what it ends in.
type keyState struct {
	Provider string  `json:"provider"`
	N        int     `json:"n"`     // from 1
	Last4    *string `json:"last4"` // null when the key is too short to show a part of it
	Account  string  `json:"account"`
	State    string  `json:"state"` // available, rests, or parked: until the configuration changes
	Reason   *string `json:"reason"`
	Until    *string `json:"until"`
}

// keys are those of all providers. They are shown to callers that may change what freefall does.
func (p *Proxy) keys(now time.Time) []keyState {
	out := []keyState{}
	for _, k := range p.pool.Keys(now) {
		key := k.Model.Via.(*Route).Provider.Keys[k.Nth]
		if key == "" {
			continue // the provider asks for none
		}
		line := keyState{Provider: k.Model.Provider, N: k.Nth + 1, Last4: lastFour(key), Account: k.Account, State: "available",
			Reason: text(k.Reason), Until: moment(k.Until)}
		switch {
		case k.Parked:
			line.State = "parked"
		case k.Reason != "":
			line.State = "rests"
		}
		out = append(out, line)
	}
	return out
}

// lastFour are the last characters of a key that is long enough to stay a secret without them.
func lastFour(key string) *string {
	if len(key) < 12 {
		return nil
	}
	return text(key[len(key)-4:])
}
