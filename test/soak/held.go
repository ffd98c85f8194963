package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"freefall/test/child"
)

const (
	// lull is how long nobody asks for anything: kept connections to the provider are closed after 55 s, idle workers of the
	// server end at ten to twenty, and the runtime gives pages back at its own slow pace.
	lull      = 70 * time.Second
	lookEach  = time.Second
	mostAsked = 2000 // times for one collection; it takes tens
)

// held is what the program holds at a moment.
type held struct{ goroutines, files, running, series, state, heap, used, rss int }

// slack is what the end of a soak may have more than its beginning. What can be counted is equal, but for the series that come and go
// with what the pool believes: the end of a rest is one while it is in sight, and a provider that refuses without a reason is believed
// to have a limit of some window, which has three. Few models rest or are believed limited at once; who leaked series would have
// hundreds. The heap is seen with a part of the last page of metrics, and windows of quota go on filling: each keeps a bounded number of charges, but that of a day is full
// after a day only. In use are also code that ran for the first time, the pages of SQLite and the runtime's own books: a megabyte
// in ten minutes, and no slope. Empty pages have no bound: how many the runtime has not given back yet is chance, two megabytes or
// ten, and the next object takes them.
var slack = held{state: 12, heap: 1 << 20, used: 2 << 20, rss: unbounded}

const unbounded = -1

// rows are the lines of the table.
var rows = []struct {
	name   string
	of     func(*held) *int
	unit   float64
	digits int
}{
	{"goroutines", func(h *held) *int { return &h.goroutines }, 1, 0},
	{"open files", func(h *held) *int { return &h.files }, 1, 0},
	{"requests under way", func(h *held) *int { return &h.running }, 1, 0},
	{"series of metrics", func(h *held) *int { return &h.series }, 1, 0},
	{"  and of the moment", func(h *held) *int { return &h.state }, 1, 0},
	{"heap in MB", func(h *held) *int { return &h.heap }, 1 << 20, 1},
	{"resident MB in use", func(h *held) *int { return &h.used }, 1 << 20, 1},
	{"  and empty pages", func(h *held) *int { return &h.rss }, 1 << 20, 1},
}

// each makes a held of two, row by row.
func each(a, b held, of func(a, b int) int) held {
	for _, row := range rows {
		*row.of(&a) = of(*row.of(&a), *row.of(&b))
	}
	return a
}

func least(a, b held) held { return each(a, b, func(a, b int) int { return min(a, b) }) }
func most(a, b held) held  { return each(a, b, func(a, b int) int { return max(a, b) }) }

// look is what is held now, and how often the program has collected its garbage.
func (p *program) look() (h held, collections float64, err error) {
	rss, err := child.Memory(p.PID, "status", "VmRSS") // before the metrics: what is freed meanwhile must not count as free and as gone
	if err != nil {
		return h, 0, err
	}
	series, err := p.metrics()
	if err != nil {
		return h, 0, err
	}
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.PID))
	if err != nil {
		return h, 0, err
	}
	read := func(name string) int {
		v, missing := value(series, name)
		err = errors.Join(err, missing)
		return int(v)
	}
	state := 0
	for name := range series {
		if comesAndGoes(name) {
			state++
		}
	}
	free := read("go_memstats_heap_idle_bytes") - read("go_memstats_heap_released_bytes")
	h = held{
		goroutines: read("go_goroutines"),
		files:      len(files),
		running:    read("freefall_requests_running"),
		series:     len(series) - state,
		state:      state,
		heap:       read("go_memstats_heap_alloc_bytes"),
		used:       rss - free,
		rss:        rss,
	}
	return h, float64(read("go_gc_duration_seconds_count")), err
}

// comesAndGoes says whether a series is there only while something is the case.
func comesAndGoes(series string) bool {
	for _, family := range []string{"freefall_quota_", "freefall_model_available_timestamp_seconds", "freefall_today_"} {
		if strings.HasPrefix(series, family) {
			return true
		}
	}
	return false
}

// quiet gives the least of everything that freefall was seen to hold for so long. What is leaked is there at every look; what a
// look itself needs, and garbage, is not.
func (p *program) quiet(ctx context.Context, length time.Duration) (held, error) {
	h, err := p.collected()
	for end := time.Now().Add(length); err == nil && time.Now().Before(end); {
		select {
		case <-ctx.Done():
			return h, ctx.Err()
		case <-time.After(lookEach):
		}
		var now held
		now, err = p.collected()
		h = least(h, now)
	}
	return h, err
}

// collected looks until the runtime has collected: each page of metrics makes garbage, and enough of it a collection. Of the
// goroutines it gives the usual number, since those that gather the metrics are more or fewer.
func (p *program) collected() (held, error) {
	h, before, err := p.look()
	goroutines := []int{h.goroutines}
	for range mostAsked {
		next, now, wrong := p.look()
		goroutines = append(goroutines, next.goroutines)
		h = least(h, next)
		if err = errors.Join(err, wrong); err != nil || now > before {
			h.goroutines = median(goroutines)
			return h, err
		}
	}
	return h, errors.New("the runtime does not collect")
}

// moment is what was held then.
type moment struct {
	name string
	held
}

// table prints moments.
func table(moments ...moment) {
	fmt.Printf("%-22s", "")
	for _, m := range moments {
		fmt.Printf("%8s", m.name)
	}
	fmt.Println()
	for _, row := range rows {
		fmt.Printf("%-22s", row.name)
		for _, h := range moments {
			text := "-"
			if n := *row.of(&h.held); n != unbounded {
				text = strconv.FormatFloat(float64(n)/row.unit, 'f', row.digits, 64)
			}
			fmt.Printf("%8s", text)
		}
		fmt.Println()
	}
}

// grown names what there is more of at a moment than at one before, beyond the slack.
func grown(then, now moment, slack held) (more []string) {
	for _, row := range rows {
		was, is, may := *row.of(&then.held), *row.of(&now.held), *row.of(&slack)
		if may != unbounded && is > was+may {
			more = append(more, fmt.Sprintf("%s: %d (%s), %d before (%s)", row.name, is, now.name, was, then.name))
		}
	}
	return more
}
