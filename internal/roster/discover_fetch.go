package roster

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"freefall/internal/upstream"
)

const (
	listTime  = 20 * time.Second // for all pages together
	listBytes = 16 << 20         // likewise
	listPages = 20
)

// Source is a provider whose list is asked.
type Source struct {
	Place    // of the list
	Provider string
	Dialect  *Dialect
	Every    time.Duration
}

// Fetch asks for the whole list, once, by the nth key. What is not whole is an error: what it leaves out would seem gone.
func (s *Source) Fetch(ctx context.Context, t *upstream.Transport, nth int) (*List, error) {
	flow, end := within(ctx, listTime)
	defer end()
	var all []Listed
	left, began, at := listBytes, time.Now(), s.Place
	for pages := 0; at.URL != ""; pages++ {
		if pages == listPages {
			return nil, fmt.Errorf("the list has more than %d pages", listPages)
		}
		body, err := at.get(flow, t, nth, left)
		if errors.Is(err, errLarge) {
			err = fmt.Errorf("the list is larger than %d MB", listBytes>>20)
		}
		if err != nil {
			return nil, err
		}
		left -= len(body)
		models, next, err := page(body, s.Dialect)
		if err != nil {
			return nil, err
		}
		all = append(all, models...)
		if at.URL, err = following(at.URL, next); err != nil {
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
