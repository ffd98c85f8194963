package roster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"freefall/internal/upstream"
)

const placeConnect = 3 * time.Second

// Place is where a provider tells something of itself, and what opens it.
type Place struct {
	URL     string
	Keys    []string // none or "" = it is asked without one. The next is used when one fails
	Headers []upstream.Header
	Local   bool // loopback and private addresses may be dialled
}

var errLarge = errors.New("the answer is too large")

// within is a flow that ends with the context, and after so long. Its end is to be called.
func within(ctx context.Context, d time.Duration) (flow *upstream.Flow, end func() bool) {
	flow = new(upstream.Flow)
	flow.SetDeadline(time.Now().Add(d))
	return flow, context.AfterFunc(ctx, flow.Cancel)
}

// get asks once, by the nth key, and gives the whole answer: none that is longer than most, and none that is no success.
func (p *Place) get(flow *upstream.Flow, t *upstream.Transport, nth, most int) ([]byte, error) {
	header := []upstream.Header{{Name: "Accept", Value: "application/json"}}
	if key := p.key(nth); key != "" {
		header = append(header, upstream.Header{Name: "Authorization", Value: "Bearer " + key})
	}
	reply, err := t.Do(flow, &upstream.Request{Method: "GET", URL: p.URL, Local: p.Local, Connect: placeConnect, Header: append(header, p.Headers...)})
	if err != nil {
		return nil, err
	}
	defer reply.Close()
	if reply.Status != 200 {
		return nil, fmt.Errorf("status %d", reply.Status)
	}
	body, err := io.ReadAll(io.LimitReader(reply, int64(most)+1))
	if err == nil && len(body) > most {
		err = errLarge
	}
	if err != nil {
		return nil, err
	}
	return body, nil
}

func (p *Place) key(nth int) string {
	if len(p.Keys) == 0 {
		return ""
	}
	return p.Keys[nth%len(p.Keys)]
}
