package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"freefall/internal/fakellm"
)

// at is a request between two moments, in milliseconds.
func at(began, ended int, trail string) heard {
	zero := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	h := heard{status: 200, form: plainForm, hops: hops(trail), id: trail,
		began: zero.Add(time.Duration(began) * time.Millisecond), ended: zero.Add(time.Duration(ended) * time.Millisecond)}
	h.calls = len(h.hops)
	return h
}

// Wasted is a call that met a limit of which freefall had been told before the request began, and nothing else.
func TestWasted(t *testing.T) {
	first := at(0, 10, "a=rate_limited; b=ok")
	journal := map[string]string{
		"a=rate_limited; b=ok":            `{"attempts":[{"model":"a","started_ms":0,"ttft_ms":null},{"model":"b","started_ms":50,"ttft_ms":800}]}`,
		"c=timeout; a=rate_limited; b=ok": `{"attempts":[{"model":"c","started_ms":0},{"model":"a","started_ms":750},{"model":"b","started_ms":800,"ttft_ms":50}]}`,
	}
	fake := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, ok := journal[strings.TrimPrefix(r.URL.Path, "/api/chat/requests/")]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
		}
		fmt.Fprint(w, text)
	}))
	defer fake.Close()
	d, _ := drillOf(newCaller(fake.URL, ""), "")
	defer d.close()
	for name, c := range map[string]struct {
		second heard
		want   int
	}{
		"the limit was known":         {at(20, 30, "a=rate_limited; b=ok"), 1},
		"met on the way":              {at(20, 30, "b=timeout; a=rate_limited; c=ok"), 1},
		"at the same time":            {at(5, 30, "a=rate_limited; b=ok"), 0},
		"when it had ended":           {at(1000, 1010, "a=rate_limited; b=ok"), 0},
		"just before it ended":        {at(985, 999, "a=rate_limited; b=ok"), 1},
		"perhaps after it had ended":  {at(999, 1010, "a=rate_limited; e=ok"), 0},
		"long before it had ended":    {at(900, 1800, "a=rate_limited; b=ok"), 1}, // b's first content took 850 of 900 ms
		"not long before":             {at(900, 1800, "c=timeout; a=rate_limited; b=ok"), 0},
		"nobody knows":                {at(900, 1800, "a=rate_limited; c=ok"), 0},
		"another model":               {at(20, 30, "b=rate_limited; c=ok"), 0},
		"another failure of the same": {at(20, 30, "a=timeout; b=ok"), 0},
	} {
		if got := wasted([]heard{c.second, first}, time.Second, func(h *heard, nth int) time.Time { return d.latest(t.Context(), h, nth) }); len(got) != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestChaosSaysWhatWentWrong(t *testing.T) {
	good := at(0, 10, "a=ok")
	fell := at(0, 10, "a=rate_limited; b=ok")
	late := at(20, 30, "a=rate_limited; b=ok")
	failed := at(40, 50, "a=timeout")
	failed.status, failed.refusal, failed.code = 503, "no model can answer now", "all_models_exhausted"
	for name, c := range map[string]struct {
		all  []heard
		paid int
		last string
		says string
		code int
	}{
		"well":   {[]heard{good, fell, good}, 0, "0 errors, 0 wasted, 0 cents", "       2  ok ", 0},
		"error":  {[]heard{good, failed}, 0, "1 errors, 0 wasted, 0 cents", "all_models_exhausted: no model can answer now\n    trail \"a=timeout\", request a=timeout", 1},
		"shapes": {[]heard{good, failed}, 0, "1 errors, 0 wasted, 0 cents", "       1  timeout > error", 1},
		"wasted": {[]heard{fell, late}, 0, "0 errors, 1 wasted, 0 cents", "a was asked although its limit was known", 1},
		"cents":  {[]heard{good}, 3, "0 errors, 0 wasted, 3 calls that cost money", "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			d, screen := drillOf(nil, "")
			err := d.sum(t.Context(), c.all, c.paid)
			if exitCode(err) != c.code || !strings.HasSuffix(screen.String(), "\n"+c.last+"\n") || !strings.Contains(screen.String(), c.says) {
				t.Errorf("%v\n%s", err, screen)
			}
		})
	}
}

func TestHistogramShowsTheRestInOneLine(t *testing.T) {
	d, screen := drillOf(nil, "")
	shapes := map[string]int{}
	for i := range chaosShapes + 3 {
		shapes[fmt.Sprintf("shape-%02d", i)] = i + 1
	}
	d.histogram(shapes, 1000)
	if got := strings.Split(strings.TrimSpace(screen.String()), "\n"); len(got) != chaosShapes+2 ||
		!strings.Contains(got[1], "19  shape-18") || strings.TrimSpace(got[len(got)-1]) != "6  of other shapes" {
		t.Errorf("%s", screen)
	}
}

// Whatever the weather, the guard and its heir are well, and the guard is one with tools that has been well for a while.
func TestTheWeatherLeavesSomebody(t *testing.T) {
	d := startDemo(t, 0)
	drill := &drill{caller: d.caller, control: d.control, out: &output{}, total: 10}
	if err := d.control.Script("google/gemini-2.0-flash-exp:free"); err != nil {
		t.Fatal(err)
	}
	w, err := drill.newWeather(t.Context(), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if len(w.models) != 5 || len(w.able) != 4 {
		t.Fatalf("models %v, with tools %v", w.models, w.able)
	}
	guards, struck := map[string]bool{}, 0
	for range 60 {
		before := w.heir
		w.since = w.since.Add(-calm)
		if err := w.change(t.Context()); err != nil {
			t.Fatal(err)
		}
		guards[w.guard] = true
		if w.guard != before && w.heir == before {
			t.Fatal("the guard is none that was calm before")
		}
		state, err := d.control.State()
		if err != nil {
			t.Fatal(err)
		}
		for id, m := range state.Models {
			if len(m.Script) == 0 {
				continue
			}
			struck++
			if id == w.guard || id == w.heir {
				t.Fatalf("%s fails although somebody counts on it: %+v", id, m.Script)
			}
			if id != w.models[0] && m.Script[0].Kind == fakellm.KindEmpty {
				t.Fatalf("%s is empty as well", id)
			}
		}
		if w.guard == w.heir {
			t.Fatal("the guard is its own heir")
		}
	}
	if len(guards) < 3 || struck < 20 || guards["meta-llama/llama-3.2-3b-instruct:free"] {
		t.Errorf("guards %v, %d failures set", guards, struck)
	}
}
