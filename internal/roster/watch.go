package roster

import (
	"context"
	"reflect"
	"sync"
	"time"
)

// watches look at things of one kind, each by its name and in a goroutine of its own.
type watches[T any] struct {
	name    func(T) string
	watch   func(context.Context, *watched[T]) // looks at one again and again until the context ends
	changed chan struct{}

	mu     sync.Mutex // guards all below
	wanted []T
	all    map[string]*watched[T]
}

// watched is one that is looked at now and then.
type watched[T any] struct {
	of     T
	doubt  chan struct{} // holds one
	stop   context.CancelFunc
	nth    int       // key
	looked time.Time // when it was last looked at; guarded by watches.mu
}

func watchesOf[T any](name func(T) string, watch func(context.Context, *watched[T])) watches[T] {
	return watches[T]{name: name, watch: watch, changed: make(chan struct{}, 1), all: map[string]*watched[T]{}}
}

// Set says what is looked at from now on. What stays as it was is not looked at anew.
func (w *watches[T]) Set(wanted []T) {
	w.mu.Lock()
	w.wanted = wanted
	w.mu.Unlock()
	notify(w.changed)
}

// Run looks until the context ends, and returns when nobody looks any more.
func (w *watches[T]) Run(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.changed:
			for _, one := range w.follow() {
				own, stop := context.WithCancel(ctx)
				one.stop = stop
				all.Go(func() { w.watch(own, one) })
			}
		}
	}
}

// follow ends the watches that are not wanted as they are, and gives those that are new.
func (w *watches[T]) follow() (begin []*watched[T]) {
	w.mu.Lock()
	defer w.mu.Unlock()
	next := map[string]*watched[T]{}
	for _, wanted := range w.wanted {
		name := w.name(wanted)
		old := w.all[name]
		if old != nil && reflect.DeepEqual(old.of, wanted) {
			next[name] = old
			delete(w.all, name)
			continue
		}
		fresh := &watched[T]{of: wanted, doubt: make(chan struct{}, 1)}
		if old != nil {
			fresh.looked = old.looked
		}
		next[name] = fresh
		begin = append(begin, fresh)
	}
	for _, gone := range w.all {
		gone.stop()
	}
	w.all = next
	return begin
}

// since is when one was last looked at.
func (w *watches[T]) since(one *watched[T]) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return one.looked
}

func (w *watches[T]) looks(one *watched[T]) {
	w.mu.Lock()
	defer w.mu.Unlock()
	one.looked = time.Now()
}

// wake says that one may say something else than when it was looked at. It does not block; a name that nobody has is passed over.
func (w *watches[T]) wake(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if one := w.all[name]; one != nil {
		notify(one.doubt)
	}
}

func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// sleep waits for so long, or until it is woken; false when the context has ended.
func sleep(ctx context.Context, d time.Duration, woken <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
	case <-woken:
	}
	return ctx.Err() == nil
}
