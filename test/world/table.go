package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// What freefall must reach in every scenario.
const (
	mustShare   = 0.98 // of the successes of the all-knowing scheduler
	mustKnown   = 0.02 // wasted calls per success at providers with stated limits
	mustUnknown = 0.08 // and elsewhere
	mustBack    = time.Second
)

// run lets all schedulers live through all days, and prints what they came to. The error names what was missed.
func (o *options) run(out io.Writer) error {
	began := time.Now()
	room := (&scenario{}).capacity(o.seed)
	fmt.Fprintf(out, `seed %d; the world has room for about %.0f requests a day
all-knowing  a schedule that sees all counters and the future of every call; "of all" is the share of its successes
bound        what no schedule can exceed
room         errors while a fitting route had room: at that very moment / for a second before / and one more could have been answered beside all
             that were, since nobody else needed the room or who took it could have gone elsewhere
wasted       calls that a limit answered, per success: at providers with stated limits / elsewhere
first        from arriving to the first content, 99 of 100
in vain      calls to what was spent when freefall was restarted
back         how long after its trial was due a model was tried, when its trouble was over

`, o.seed, room)
	fmt.Fprintf(out, "%-10s%5s  %-12s%9s%9s%8s%20s%18s%9s%8s%9s\n",
		"scenario", "load", "scheduler", "requests", "answered", "of all", "room", "wasted", "first", "in vain", "back")
	bounds := map[string]*bound{}
	var misses []string
	for i := range scenarios {
		s := &scenarios[i]
		for _, load := range o.loads(s) {
			misses = append(misses, o.day(out, s, load, room, bounds)...)
		}
	}
	if o.only == "" {
		exact := storms(o.seed)
		fmt.Fprintf(out, "\n200 at once against rpm 5: exactly 5 calls in %d of %d runs\n", exact, stormRuns)
		if exact < stormRuns {
			misses = append(misses, fmt.Sprintf("200 at once against rpm 5: exactly 5 calls in %d of %d runs only", exact, stormRuns))
		}
	}
	fmt.Fprintf(out, "\n%v\n", time.Since(began).Round(time.Second))
	if len(misses) > 0 {
		return fmt.Errorf("freefall misses what it must reach:\n  %s", strings.Join(misses, "\n  "))
	}
	return nil
}

// day runs one scenario at one load.
func (o *options) day(out io.Writer, s *scenario, load, room float64, bounds map[string]*bound) (misses []string) {
	all := s.traffic(o.seed, room*load)
	same := fmt.Sprint(load, len(s.bursts), s.troubles, s.rhythm == nil)
	b, ok := bounds[same]
	if !ok {
		b = newBound(newWorld(o.seed, s), all)
		bounds[same] = b
	}
	show := func(name string, x outcome, won int) {
		fmt.Fprintf(out, "%-10s%4.0f%%  %-12s%9d%9d%8.3f%9d /%4d /%3d%10.4f /%6.4f%8.1fs%8s%9s\n", s.name, load*100, name, x.requests, x.won,
			float64(x.won)/float64(max(1, won)), x.missed, x.settled, x.spared, x.known, x.unknown, x.p99.Seconds(), vain(s, x), back(x))
	}
	seen := allKnowing(o.seed, s, all, b)
	knowing := seen.outcome()
	show("bound", outcome{requests: len(all), won: b.total, back: -1}, knowing.won)
	show("all-knowing", knowing, knowing.won)
	d := live(newWorld(o.seed, s), all, func(d *dayRun) scheduler { return newFreefall(d, s, o.verbose) })
	x := d.outcome()
	show("freefall", x, knowing.won)
	if !o.short {
		show("retry-next", live(newWorld(o.seed, s), all, func(d *dayRun) scheduler { return newNaive(d, 0) }).outcome(), knowing.won)
		show("  rest 90 s", live(newWorld(o.seed, s), all, func(d *dayRun) scheduler { return newNaive(d, 90*time.Second) }).outcome(), knowing.won)
	}
	if o.verbose {
		d.compare(out, seen)
		d.diagnose(out)
	}
	for _, m := range x.misses(knowing.won) {
		misses = append(misses, fmt.Sprintf("%s %.0f%%: %s", s.name, load*100, m))
	}
	return misses
}

func vain(s *scenario, x outcome) string {
	if s.restart == 0 || x.p99 == 0 {
		return "-"
	}
	return fmt.Sprint(x.inVain)
}

func back(x outcome) string {
	switch x.back {
	case -1:
		return "-"
	case never:
		return "never"
	}
	return fmt.Sprintf("%.1fs", x.back.Seconds())
}

// misses says what of the musts was not reached.
func (x *outcome) misses(knowing int) (out []string) {
	miss := func(bad bool, format string, args ...any) {
		if bad {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	share := float64(x.won) / float64(max(1, knowing))
	miss(share < mustShare, "%.3f of the all-knowing's successes, not %.2f", share, mustShare)
	miss(x.spared > 0, "%d errors in front of room that nobody else needed", x.spared)
	miss(x.known > mustKnown, "%.4f wasted calls per success where limits are stated, not %.2f", x.known, mustKnown)
	miss(x.unknown > mustUnknown, "%.4f wasted calls per success where they are not, not %.2f", x.unknown, mustUnknown)
	miss(x.p99 > firstToken, "p99 of the first content is %.1f s, not %.0f s", x.p99.Seconds(), firstToken.Seconds())
	miss(x.inVain > 0, "%d calls after the restart to what was spent", x.inVain)
	miss(x.back > mustBack, "a model was tried %s after its trial was due", back(*x))
	return out
}

// compare prints who answered what, and when requests were lost, beside the all-knowing.
func (d *dayRun) compare(out io.Writer, knowing *dayRun) {
	fmt.Fprintf(out, "  %-52s%16s%16s%16s\n", "answered by: freefall / all-knowing", plain, tools, long)
	count := func(d *dayRun, r *route) (n [kinds]int) {
		for i := range d.jobs {
			if j := &d.jobs[i]; j.won && j.calls[len(j.calls)-1].route.nth == r.nth {
				n[j.kind]++
			}
		}
		return n
	}
	for _, r := range d.world.routes {
		mine, best := count(d, r), count(knowing, r)
		fmt.Fprintf(out, "  %-52s", r)
		for k := range kinds {
			fmt.Fprintf(out, "%8d /%6d", mine[k], best[k])
		}
		fmt.Fprintln(out)
	}
	var lost [24][kinds]int
	for i := range d.jobs {
		if j := &d.jobs[i]; !j.won {
			lost[j.at/time.Hour][j.kind]++
		}
	}
	for h, n := range lost {
		if n != [kinds]int{} {
			fmt.Fprintf(out, "  lost from %02d:00 to %02d:00: %d plain, %d tools, %d long\n", h, h+1, n[plain], n[tools], n[long])
		}
	}
}

// diagnose prints which requests were lost and why: those alike together, with some of them in full.
func (d *dayRun) diagnose(out io.Writer) {
	for _, what := range slices.Sorted(maps.Keys(d.tally.refusals)) {
		fmt.Fprintf(out, "  refused: %6d %s\n", d.tally.refusals[what], what)
	}
	for _, name := range slices.Sorted(maps.Keys(d.tally.trials)) {
		fmt.Fprintf(out, "  tried again: %s after %s\n", name, back(outcome{back: d.tally.trials[name]}))
	}
	alike := map[string][]*job{}
	for i := range d.jobs {
		if j := &d.jobs[i]; !j.won {
			alike[j.sign()] = append(alike[j.sign()], j)
		}
	}
	order := slices.SortedFunc(maps.Keys(alike), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(alike[b]), len(alike[a])), cmp.Compare(a, b))
	})
	for n, sign := range order {
		if n == 25 {
			fmt.Fprintf(out, "  and %d other ways to be lost\n", len(order)-n)
			break
		}
		jobs := alike[sign]
		fmt.Fprintf(out, "  %6d lost: %s\n", len(jobs), sign)
		if strings.Contains(sign, "had room") {
			jobs[len(jobs)/2].print(out)
		}
	}
}

// sign is what requests have in common that were lost in the same way.
func (j *job) sign() string {
	if len(j.missed) == 0 {
		return fmt.Sprintf("%s, %s; no fitting route had room", j.kind, j.why)
	}
	word := "had room"
	if j.settled {
		word = "had had room for a second"
	}
	if j.spared {
		word = "had had room that nobody else needed"
	}
	said := map[string]bool{}
	for _, n := range j.notes {
		if slices.Contains(j.missed, n.route) {
			said[fmt.Sprintf("%s (%s)", n.route.provider.name, n.says)] = true
		}
	}
	return fmt.Sprintf("%s, %s; %s: %s", j.kind, j.why, word, strings.Join(slices.Sorted(maps.Keys(said)), ", "))
}

// print shows one lost request in full.
func (j *job) print(out io.Writer) {
	fmt.Fprintf(out, "         request %d, %s, client %d: came %s, lost %s, %d tokens in, %d out\n", j.id, j.kind, j.client, clock(j.at), clock(j.lost), j.in, j.out)
	for _, n := range j.notes {
		says := n.says
		if n.ready != 0 {
			says += " for " + n.ready.Truncate(time.Millisecond).String()
		}
		fmt.Fprintf(out, "           %-46s freefall: %-34s world: %s%s\n", n.route, says, n.truth, n.asked)
	}
}
