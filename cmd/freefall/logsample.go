package main

import (
	"strconv"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

const (
	stormLines  = 10 // of one text in a second; more are counted
	stormSecond = time.Second
	stormTexts  = 1000 // that are counted at once
)

// sampler keeps warnings and errors that say the same again and again from filling the disk: beyond ten in a second they are counted, and
// summed up when the second is over.
type sampler struct {
	log zerolog.Logger // what sums are written to

	mu    sync.Mutex // guards all below
	begun time.Time
	texts map[string]*repeats // nil: the second is over
	timer *time.Timer
}

type repeats struct {
	level zerolog.Level
	lines int
}

// Run drops the line if it is one too many.
func (c *sampler) Run(e *zerolog.Event, level zerolog.Level, text string) {
	if level < zerolog.WarnLevel || level == zerolog.NoLevel {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if c.texts == nil || now.Sub(c.begun) >= stormSecond || len(c.texts) >= stormTexts {
		c.sum()
		c.begun, c.texts = now, map[string]*repeats{}
	}
	r := c.texts[text]
	if r == nil {
		r = &repeats{level: level}
		c.texts[text] = r
	}
	if r.lines++; r.lines <= stormLines {
		return
	}
	e.Discard()
	if c.timer == nil {
		second := c.begun
		c.timer = time.AfterFunc(second.Add(stormSecond).Sub(now), func() { c.over(second) })
	}
}

// over writes the sums of a second, unless a line of the next one was quicker.
func (c *sampler) over(second time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.begun == second {
		c.sum()
	}
}

// flush writes the sums, if there are any.
func (c *sampler) flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sum()
}

func (c *sampler) sum() {
	if c.timer != nil {
		c.timer.Stop()
		c.timer = nil
	}
	for text, r := range c.texts {
		if more := r.lines - stormLines; more > 0 {
			c.log.WithLevel(r.level).Int("more", more).Msg(text + " (and " + strconv.Itoa(more) + " more times within a second)")
		}
	}
	c.texts = nil
}
