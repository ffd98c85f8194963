//go:build linux

package main

import (
	"bytes"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestDraws(t *testing.T) {
	first, second := draws(600)
	again, _ := draws(600)
	if !slices.Equal(first, again) {
		t.Error("two draws differ")
	}
	count := map[time.Duration]int{}
	for i := range first {
		quick := func(d time.Duration) bool { return d >= leastQuick && d < mostQuick }
		if !quick(first[i]) {
			count[first[i]]++
		}
		if !quick(second[i]) {
			t.Errorf("the second one takes %v", second[i])
		}
	}
	if len(count) != 2 || count[never] != 6 || count[slowWait] != 18 {
		t.Errorf("%v of 600", count)
	}
	if slices.IsSorted(first) || first[0] == never && first[1] == never {
		t.Error("the slow ones come together")
	}
}

// An account knows by the number of a request how long to take, and whether its client has waited for it.
func TestAccount(t *testing.T) {
	a := newAccount([]time.Duration{never, time.Millisecond})
	addr, err := a.open("this-run")
	if err != nil {
		t.Fatal(err)
	}
	defer a.close()
	asks := func(k *kind, n int) net.Conn {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		form := k.request(direct, k.model)
		number(form, n)
		if _, err := c.Write(form); err != nil {
			t.Fatal(err)
		}
		return c
	}
	for i, k := range []*kind{&small, &stream} {
		n := hedgeWarmUp + 1
		c := &client{Conn: asks(k, n), buf: make([]byte, 64<<10)}
		if _, err := c.ask(nil); err != nil || !bytes.Contains(c.got, []byte("this-run")) {
			t.Errorf("%s: %v %.300s", k.name, err, c.got)
		}
		c.Close()
		if at, ok := a.whenLeft(n); !ok || !at.IsZero() {
			t.Errorf("%s: it was answered, and left at %v", k.name, at)
		}
		if got := a.calls.Load(); got != int64(i+1) {
			t.Errorf("%d calls", got)
		}
	}
	c := asks(&small, hedgeWarmUp)
	for a.calls.Load() < 3 {
		time.Sleep(time.Millisecond)
	}
	before := time.Now()
	c.Close()
	if at, ok := a.whenLeft(hedgeWarmUp); !ok || at.Before(before) {
		t.Errorf("it left at %v, %v", at, ok)
	}
}

func TestHedgeReport(t *testing.T) {
	r := func(after string, ms ...float64) *race {
		return &race{After: after, Share: 1, Stream: true, Took: ms, Calls: 1.5}
	}
	var took []float64
	for i := range 100 {
		took = append(took, float64(100-i))
	}
	late := r("1s", 1300, 1600)
	late.Late = 3 * time.Millisecond
	h := hedgeResult{Table: []*race{r("auto", took...)}, Cases: []*race{r("0s", 210, 390), r("0s", 210, 410), r("1s", 1300, 1400), r("1s", 900, 1400), late}}
	var out strings.Builder
	h.print(&out)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	for i, want := range []string{"auto 1 streamed 51 ms 96 ms 100 ms 1.500", "", "", "reached", "missed", "reached", "missed", "missed at most 3.0 ms after it"} {
		if got := strings.Join(strings.Fields(lines[i+3]), " "); !strings.Contains(got, want) {
			t.Errorf("line %d is %q, want %q", i, got, want)
		}
	}
}
