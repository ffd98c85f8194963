package main

import (
	"testing"
	"time"
)

// late sends each request where it is told to, or lets it go with an error at once.
type late struct {
	d     *dayRun
	takes []int // by request: the route that it is sent to, -1 = none
}

func (l *late) arrive(j *job) {
	if r := l.takes[j.id]; r >= 0 {
		l.d.send(j, l.d.world.routes[r])
		return
	}
	l.d.at(j.at, func() { l.d.lose(j, "late") })
}
func (l *late) committed(*call)      {}
func (l *late) ended(*call, verdict) {}

// TestSpared: an error in front of a room counts as one too many when nobody else needed that room, or who took it could have gone elsewhere.
func TestSpared(t *testing.T) {
	hour := func(n int64, per time.Duration, c cycle) func(*world, *provider, string) {
		return func(w *world, p *provider, id string) {
			w.model(p, model{id: id, tools: id == "a", context: 1 << 20, first: 0.5, speed: 200}, func() []*window {
				return []*window{requests("hour", c, n, per)}
			})
		}
	}
	one, two := hour(1, time.Hour, sliding), hour(2, time.Hour, sliding)
	for name, tt := range map[string]struct {
		routes []func(*world, *provider, string)
		takes  []int // a minute apart
		want   int
	}{
		"nobody came after":                    {[]func(*world, *provider, string){one}, []int{-1}, 1},
		"another took it":                      {[]func(*world, *provider, string){one}, []int{-1, 0}, 0},
		"another took a part of it":            {[]func(*world, *provider, string){two}, []int{-1, 0}, 1},
		"two errors for what is left":          {[]func(*world, *provider, string){two}, []int{-1, -1, 0}, 1},
		"another took it and could go on":      {[]func(*world, *provider, string){one, one}, []int{-1, 0}, 1},
		"another took its neighbour":           {[]func(*world, *provider, string){one, one}, []int{-1, 1}, 1},
		"two others took it and its neighbour": {[]func(*world, *provider, string){one, one}, []int{-1, 0, 1}, 0},
		"it has come back meanwhile":           {[]func(*world, *provider, string){hour(1, 30*time.Second, sliding)}, []int{-1, 0}, 1},
		"likewise of a turn":                   {[]func(*world, *provider, string){hour(1, 30*time.Second, turning)}, []int{-1, 0}, 1},
		"likewise of what fills":               {[]func(*world, *provider, string){hour(1, 30*time.Second, bucket)}, []int{-1, 0}, 1},
		"it has come back by half":             {[]func(*world, *provider, string){hour(1, 2*time.Minute, bucket)}, []int{-1, 0}, 0},
		"the place is free again":              {[]func(*world, *provider, string){hour(1, 0, places)}, []int{-1, 0}, 1},
	} {
		s := scenario{name: name, to: time.Hour, providers: func(w *world) {
			p := w.provider("p", saysOwn, true, &account{name: "p"})
			for i, route := range tt.routes {
				route(w, p, string(rune('a'+i)))
			}
			p.manner = &manner{}
		}}
		var all []request
		for i := range tt.takes {
			all = append(all, request{id: i, kind: tools, at: 10*time.Minute + time.Duration(i)*time.Minute, in: 500, out: 100})
		}
		for i := range all {
			if tt.takes[i] >= 0 {
				all[i].kind = plain // those that are lost have nowhere to go but to the first route
			}
		}
		d := live(newWorld(1, &s), all, func(d *dayRun) scheduler { return &late{d, tt.takes} })
		if x := d.outcome(); x.spared != tt.want || x.settled == 0 {
			t.Errorf("%s: %d, want %d; %+v", name, x.spared, tt.want, x)
		}
	}
}

// Two models of one account whose window holds one: who took it cannot go to the neighbour and leave it.
func TestSparedInASharedWindow(t *testing.T) {
	s := scenario{name: "shared", to: time.Hour, providers: func(w *world) {
		p := w.provider("p", saysOwn, true, &account{"p", []*window{requests("account", sliding, 1, time.Hour)}})
		for _, id := range []string{"a", "b"} {
			w.model(p, model{id: id, tools: id == "a", context: 1 << 20, first: 0.5, speed: 200}, func() []*window {
				return []*window{requests("own", sliding, 10, time.Hour)}
			})
		}
		p.manner = &manner{}
	}}
	all := []request{{id: 0, kind: tools, at: 10 * time.Minute, in: 500, out: 100}, {id: 1, kind: plain, at: 11 * time.Minute, in: 500, out: 100}}
	d := live(newWorld(1, &s), all, func(d *dayRun) scheduler { return &late{d, []int{-1, 0}} })
	if x := d.outcome(); x.spared != 0 {
		t.Errorf("%d, want 0: the account takes one an hour", x.spared)
	}
}
