package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"time"
)

// habit is how an onlooker reads its stream of events.
type habit int

const (
	steady  habit = iota // all of it, at once
	restive              // for a moment, then it leaves in any way and comes back
	slow                 // event by event, with pauses
	deaf                 // nothing, with the connection open
	numHabits
)

var habits = [numHabits]string{"steady", "restive", "slow", "deaf"}

// habitOf makes 3 of 5 onlookers steady, one restive, and of each other five four slow and one deaf.
func habitOf(n int) habit {
	switch {
	case n%5 < 3:
		return steady
	case n%5 == 3:
		return restive
	case n%25 == 24:
		return deaf
	}
	return slow
}

// onlooker is one who looks at GET /api/events.
type onlooker struct {
	addr  string
	habit habit
	tally *tally
	seen  seen
}

// seen is what an onlooker was told.
type seen struct {
	states, requests, skipped int
	whole                     int           // states that were not a part
	latest                    time.Duration // from the end of a request to its event
	since, until              time.Time
}

const looksFor = 500 * time.Millisecond // a restive one, at most

// run looks until ctx ends.
func (o *onlooker) run(ctx context.Context) {
	o.seen.since = time.Now()
	for ctx.Err() == nil {
		if err := o.look(ctx); err != nil && ctx.Err() == nil && o.habit != deaf {
			o.tally.error("%s onlooker: %v", habits[o.habit], err)
			return
		}
	}
	o.seen.until = time.Now()
}

// look is one connection. The error says why it ended, if that is not the onlooker's own wish.
func (o *onlooker) look(ctx context.Context) error {
	c, err := dial(o.addr)
	if err != nil {
		return err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	if _, err := io.WriteString(c, "GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		return err
	}
	switch o.habit {
	case deaf:
		_ = c.SetReadBuffer(4 << 10)
		<-ctx.Done()
		return nil
	case slow:
		_ = c.SetReadBuffer(4 << 10)
	case restive:
		_ = c.SetReadDeadline(time.Now().Add(rand.N(looksFor)))
	}
	err = o.read(c)
	if timeout := net.Error(nil); o.habit == restive && errors.As(err, &timeout) && timeout.Timeout() {
		leavings[rand.N(len(leavings))].now(c)
		o.tally.count("onlookers that came back")
		return nil
	}
	return err
}

// read takes events until the connection ends.
func (o *onlooker) read(c *net.TCPConn) error {
	resp, err := http.ReadResponse(bufio.NewReaderSize(c, 4<<10), nil)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	events := bufio.NewReaderSize(resp.Body, 4<<10)
	for first := true; ; {
		if o.habit == steady || o.habit == slow {
			_ = c.SetReadDeadline(time.Now().Add(3 * patience)) // a heartbeat comes every 15 s
		}
		name, data, err := nextEvent(events)
		if err != nil {
			return err
		}
		if name == "" {
			continue
		}
		whole, err := o.seen.take(name, data, time.Now())
		if err != nil {
			return err
		}
		if first && !whole {
			return fmt.Errorf("it begins with %s %.200s, not with the whole state", name, data)
		}
		first = false
		if o.habit == slow {
			time.Sleep(20 * time.Millisecond)
		}
	}
}

// nextEvent reads up to an empty line. Comments and the word on when to come back have no name.
func nextEvent(from *bufio.Reader) (name string, data []byte, err error) {
	for {
		line, err := from.ReadBytes('\n')
		if err != nil {
			return "", nil, err
		}
		line = bytes.TrimSuffix(line, []byte("\n"))
		field, value, _ := bytes.Cut(line, []byte(": "))
		switch {
		case len(line) == 0:
			return name, data, nil
		case string(field) == "event":
			name = string(value)
		case string(field) == "data":
			data = value
		}
	}
}

// take counts an event, and says whether it is the whole state.
func (s *seen) take(name string, data []byte, now time.Time) (whole bool, err error) {
	var e struct {
		Partial bool      `json:"partial"`
		Time    time.Time `json:"time"`
		Took    int64     `json:"took_ms"`
		Skipped int       `json:"skipped"`
	}
	if err := json.Unmarshal(data, &e); err != nil {
		return false, fmt.Errorf("%s: %w: %.300s", name, err, data)
	}
	switch name {
	case "models":
		s.states++
		if !e.Partial {
			s.whole++
		}
		return !e.Partial, nil
	case "request":
		s.requests, s.skipped = s.requests+1, s.skipped+e.Skipped
		s.latest = max(s.latest, now.Sub(e.Time.Add(time.Duration(e.Took)*time.Millisecond)))
	}
	return false, nil
}
