package roster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"time"

	"freefall/internal/upstream"
)

const (
	listTime    = 20 * time.Second // for all pages together
	listBytes   = 16 << 20         // likewise
	listPages   = 20
	listConnect = 5 * time.Second
)

// Source is a provider whose list is asked.
type Source struct {
	Provider string
	Dialect  *Dialect
	URL      string   // of the list
	Keys     []string // its own; "" = it is asked without one. The next is used when one fails
	Headers  []upstream.Header
	Local    bool // loopback and private addresses may be dialled
	Every    time.Duration
}

// Fetch asks for the whole list, once, by the nth key. What is not whole is an error: what it leaves out would seem gone.
func (s *Source) Fetch(ctx context.Context, t *upstream.Transport, nth int) (*List, error) {
	var flow upstream.Flow
	flow.SetDeadline(time.Now().Add(listTime))
	defer context.AfterFunc(ctx, flow.Cancel)()
	var all []Listed
	left, began := listBytes, time.Now()
	for at, pages := s.URL, 0; at != ""; pages++ {
		if pages == listPages {
			return nil, fmt.Errorf("the list has more than %d pages", listPages)
		}
		body, err := s.get(&flow, t, at, nth, left)
		if err != nil {
			return nil, err
		}
		left -= len(body)
		models, next, err := page(body, s.Dialect)
		if err != nil {
			return nil, err
		}
		all = append(all, models...)
		if at, err = following(at, next); err != nil {
			return nil, err
		}
	}
	switch {
	case len(all) == 0:
		return nil, errEmpty
	case len(all) > maxListed:
		return nil, fmt.Errorf("the list names more than %d models", maxListed)
	}
	return NewList(s.URL, began, all), nil
}

func (s *Source) get(flow *upstream.Flow, t *upstream.Transport, at string, nth, most int) ([]byte, error) {
	header := []upstream.Header{{Name: "Accept", Value: "application/json"}}
	if key := s.key(nth); key != "" {
		header = append(header, upstream.Header{Name: "Authorization", Value: "Bearer " + key})
	}
	reply, err := t.Do(flow, &upstream.Request{Method: "GET", URL: at, Local: s.Local, Connect: listConnect, Header: append(header, s.Headers...)})
	if err != nil {
		return nil, err
	}
	defer reply.Close()
	if reply.Status != 200 {
		return nil, fmt.Errorf("status %d", reply.Status)
	}
	body, err := io.ReadAll(io.LimitReader(reply, int64(most)+1))
	if err != nil {
		return nil, err
	}
	if len(body) > most {
		return nil, fmt.Errorf("the list is larger than %d MB", listBytes>>20)
	}
	return body, nil
}

func (s *Source) key(nth int) string {
	if len(s.Keys) == 0 {
		return ""
	}
	return s.Keys[nth%len(s.Keys)]
}

// following is where the next page is, "" for none. A key goes to no other place than the one that it was made for.
func following(at, next string) (string, error) {
	if next == "" {
		return "", nil
	}
	from, err := url.Parse(at)
	if err != nil {
		return "", errors.New("the list's own address cannot be read")
	}
	to, err := from.Parse(next)
	if err != nil || to.Scheme != from.Scheme || to.Host != from.Host || to.User != nil {
		return "", errors.New("the next page of the list is at another place")
	}
	to.Fragment = ""
	return to.String(), nil
}
