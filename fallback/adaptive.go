package fallback

import (
	"math"
	"slices"
	"time"
)

// Adaptive asks the model first that answers best: by what share of its attempts is good and how soon content comes, both of
// late. Among those that are about as good, scarcity decides: what lapses soonest is used first, and what few can do is kept for
// those who need it. Now and then a request goes to another model, so that one that has recovered is found out.

const (
	halfLife  = 2 * time.Minute  // of what is known of a model
	lately    = 20               // attempts that are remembered at most
	optimism  = 1                // good attempts that a model is given in advance
	equal     = 0.85             // of the best score: as good as the best
	curiosity = 0.05             // share of requests that go to another model first
	slowness  = 30 * time.Second // to the first content: half as good as one that is there at once
)

// record is how a model did of late; older attempts weigh less, by the number and by the time since.
type record struct {
	good, bad float64
	at        time.Time // when it was weighed
}

// weight is what is left of the record now.
func (r *record) weight(now time.Time) float64 {
	if !now.After(r.at) {
		return 1
	}
	return math.Exp2(-float64(now.Sub(r.at)) / float64(halfLife))
}

func (r *record) add(now time.Time, good bool) {
	w := r.weight(now)
	if total := r.good + r.bad; total > lately {
		w = min(w, lately/total)
	}
	r.good, r.bad = r.good*w, r.bad*w
	r.at = now
	if good {
		r.good++
	} else {
		r.bad++
	}
}

// task is what a model's records are kept by: the task that the client named, if anybody knows it, else the kind of need.
func (w *Walk) task() string {
	if w.table.tasks[w.Ask.Task] {
		return w.Ask.Task
	}
	return classTasks[w.Need.Class()]
}

var classTasks = [numNeedClasses]string{"need: plain", "need: tools", "need: vision"}

// did keeps how an attempt went, for its task and for all.
func (m *modelState) did(now time.Time, task string, good bool) {
	if m.records == nil {
		m.records = map[string]*record{}
	}
	for _, name := range [...]string{"", task} {
		at(m.records, name).add(now, good)
	}
}

// recordOf is what is known of the model for a task; what is known of it for all while that is little.
func (m *modelState) recordOf(now time.Time, task string) record {
	if r := m.records[task]; r != nil && (r.good+r.bad)*r.weight(now) >= enough {
		return *r
	}
	if r := m.records[""]; r != nil {
		return *r
	}
	return record{}
}

// enough attempts of one task say more than those of all.
const enough = 3

// score is between 0 and 1: the share of good attempts, less for slow models.
func (m *modelState) score(now time.Time, task string, stream bool) float64 {
	r := m.recordOf(now, task)
	w := r.weight(now)
	good := r.good*w + optimism
	share := good / (good + r.bad*w)
	return share / (1 + float64(m.stats.usual[bit(stream)])/float64(slowness))
}

// adapt appends the rows of base: those that are open by how well they do, and the others behind. rank calls it.
func (p *Pool) adapt(now time.Time, w *Walk, base []int32) {
	o := p.sorted(now, w, base)
	if k := w.due(now, base); k >= 0 && len(w.order) == 0 {
		w.order = append(w.order, k)
	}
	begin := len(w.order)
	for _, i := range o.rows {
		if !slices.Contains(w.order[:begin], i) {
			w.order = append(w.order, i)
		}
	}
	p.explore(w, w.order[begin:], o)
}

// due is a row whose trial may begin, -1 if there is none: one request finds out whether it is well again.
func (w *Walk) due(now time.Time, base []int32) int32 {
	for _, i := range base {
		if r := &w.table.rows[i]; r.model.health.phase(now) == phaseTrial && r.unfit(&w.Need, now) == "" && r.ready(now) {
			return i
		}
	}
	return -1
}

// ordering is an order that holds for a moment: for all requests that need the same kind of model.
type ordering struct {
	at     time.Time
	table  *table
	base   []int32
	task   string
	rows   []int32
	open   int // how many of them could be asked, which come first
	scores []score
}

// sorted gives the order of the walk's kind, which is looked at anew only now and then.
func (p *Pool) sorted(now time.Time, w *Walk, base []int32) *ordering {
	kind := Need{Tools: w.Need.Tools, Vision: w.Need.Vision, Stream: w.Need.Stream, NoTrain: w.Need.NoTrain}
	task := w.task()
	o := &p.orders[kind.Class()][bit(kind.Stream)][p.demand.size(&w.Need)]
	if age := now.Sub(o.at); o.table == w.table && o.task == task && age >= 0 && age < lookAgain && slices.Equal(o.base, base) {
		return o
	}
	o.at, o.table, o.base, o.task, o.open = now, w.table, base, task, 0
	o.rows = append(o.rows[:0], base...)
	o.scores = grow(o.scores, len(w.table.rows))
	best := 0.0
	for _, i := range base {
		r, s := &w.table.rows[i], &o.scores[i]
		s.shut = r.unfit(&kind, now) != "" || !r.ready(now)
		s.value = r.model.score(now, task, kind.Stream)
		if !s.shut {
			best = max(best, s.value)
			s.cost = r.price(now, p.demand.rate(), w.table.stores) * r.special(&w.Need) * r.model.slow(kind.Stream) * r.heft(float64(w.Need.Tokens), p.demand.usual())
			o.open++
		}
	}
	for _, i := range base {
		if s := &o.scores[i]; !s.shut && s.value >= equal*best {
			s.value = best
		}
	}
	slices.SortStableFunc(o.rows, func(i, j int32) int { return o.scores[i].compare(&o.scores[j]) })
	return o
}

// disorder makes all orders be sorted anew.
func (p *Pool) disorder() {
	for class := range p.orders {
		for stream := range p.orders[class] {
			for size := range p.orders[class][stream] {
				p.orders[class][stream][size].table = nil
			}
		}
	}
}

const lookAgain = 50 * time.Millisecond

// score is how one row stands in the order of one walk.
type score struct {
	shut  bool // it cannot be asked now: it keeps its place among its like, behind all others
	value float64
	cost  float64 // it decides among those that are as good as the best
}

func (a *score) compare(b *score) int {
	switch {
	case a.shut != b.shut:
		return bit(a.shut) - bit(b.shut)
	case a.shut:
		return 0
	case a.value != b.value:
		return bit(a.value < b.value) - bit(a.value > b.value)
	}
	return bit(a.cost > b.cost) - bit(a.cost < b.cost)
}

// explore lets another of the open rows go first now and then, but none that is dear: curiosity spends nothing that will be missed.
func (p *Pool) explore(w *Walk, order []int32, o *ordering) {
	if w.sure || w.table.Chance == nil {
		return
	}
	open := min(o.open, len(order))
	if open < 2 {
		return
	}
	if x := w.table.Chance(); x < curiosity {
		k := 1 + int(x/curiosity*float64(open-1))
		first := order[k]
		if o.scores[first].cost > max(o.scores[order[0]].cost, dear) {
			return
		}
		copy(order[1:k+1], order[:k])
		order[0] = first
	}
}
