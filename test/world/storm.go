package main

import "time"

const stormRuns = 20

// storms lets 200 requests come at once where 5 a minute are granted, and says in how many runs exactly 5 calls were made.
func storms(seed uint64) (exact int) {
	for run := range uint64(stormRuns) {
		w := &world{seed: seed + run}
		p := w.provider("small", saysGoogle, true, &account{name: "small"})
		w.model(p, model{id: "small", tools: true, context: 100_000, first: 1, speed: 50}, func() []*window {
			return []*window{requests("rpm", sliding, 5, time.Minute)}
		})
		all := make([]request, 200)
		for i := range all {
			all[i] = request{id: i, at: time.Hour, in: 100, out: 100, estimated: 90, client: i % 8}
		}
		d := live(w, all, func(d *dayRun) scheduler { return newFreefall(d, &scenario{}, false) })
		if d.tally.calls == 5 && d.tally.won == 5 {
			exact++
		}
	}
	return exact
}
