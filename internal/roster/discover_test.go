package roster

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"freefall/fallback"
	"freefall/internal/fakellm"
	"freefall/internal/upstream"
)

// listRoom is a provider in memory, and the lists that ask it.
type listRoom struct {
	*Lists
	*notebook
}

const listURL = "http://p.test/v1/models"

func source(keys ...string) Source {
	return Source{Place: Place{URL: listURL, Keys: keys}, Provider: "p", Dialect: ByName("openrouter"), Every: time.Hour}
}

// withLists runs a test in fake time before a provider that answers so.
func withLists(t *testing.T, answer http.Handler, test func(l *listRoom)) {
	t.Helper()
	room := &listRoom{}
	inRoom(t, answer, func(n *notebook, transport *upstream.Transport) func(context.Context) {
		room.notebook = n
		room.Lists = NewLists(transport, func() { n.note(&n.told, n.since()) }, zerolog.New(n).Level(zerolog.DebugLevel))
		return room.Run
	}, func() { test(room) })
}

// now is what the list holds, in short.
func (l *listRoom) now() string {
	s := source()
	if list := l.Of(&s); list != nil {
		return strings.Join(ids(list.Models), " ")
	}
	return "nothing"
}

func ids(models []Listed) (out []string) {
	for _, m := range models {
		out = append(out, m.ID)
	}
	slices.Sort(out)
	return out
}

const goodList = `{"data":[{"id":"a:free"},{"id":"b"}]}`

func whole(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, goodList) }

// A list that changes at each look is followed within an interval and a tenth, and never asked more often than nine tenths.
func TestListsAreFollowed(t *testing.T) {
	fake := fakellm.New(fakellm.Options{Models: []fakellm.Model{{ID: "m0:free"}}})
	withLists(t, fake, func(l *listRoom) {
		l.Set([]Source{source("key-1")})
		synctest.Wait()
		if got := l.now(); got != "m0:free" {
			t.Fatal(got)
		}
		for i := range 48 {
			id := fmt.Sprintf("m%d:free", i+1)
			fake.SetModels(fakellm.Model{ID: id})
			time.Sleep(66*time.Minute + time.Second)
			synctest.Wait()
			if got := l.now(); got != id {
				t.Errorf("66 minutes after %s came the list holds %s", id, got)
			}
		}
		asked := l.take(&l.asked)
		if most := 48*66/54 + 2; len(asked) < 49 || len(asked) > most {
			t.Errorf("asked %d times in %d intervals", len(asked), 48)
		}
		if asked[0] != "0s key-1 p.test/v1/models" {
			t.Errorf("first %s", asked[0])
		}
	})
}

// Whatever a provider gives instead of a list, the last one stays, one line tells, the next look comes sooner and with the next
// key, and all heals with the first good answer.
func TestListsThatCannotBeRead(t *testing.T) {
	var taken atomic.Int64
	endless := func(w http.ResponseWriter, prefix string) {
		_, _ = io.WriteString(w, prefix)
		for chunk := bytes.Repeat([]byte(" "), 64<<10); ; {
			n, err := w.Write(chunk)
			if taken.Add(int64(n)); err != nil {
				return
			}
		}
	}
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		says   string
	}{
		"empty":   {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"object":"list","data":[]}`) }, "names no model"},
		"no ids":  {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"data":[{"id":"../x"},{"id":"<b>"}]}`) }, "names no model"},
		"nothing": {func(w http.ResponseWriter, _ *http.Request) {}, "no list"},
		"fault":   {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, goodList, 500) }, "status 500"},
		"refused": {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, goodList, http.StatusUnauthorized) }, "status 401"},
		"page":    {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>"+goodList) }, "no list"},
		"error": {func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"error":{"message":"sk-or-v1-0123456789abcdef"}}`)
		}, "no list"},
		"cut": {func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, goodList[:20])
			panic(http.ErrAbortHandler)
		}, ""},
		"half":   {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, goodList[:30]) }, "no list"},
		"silent": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "deadline exceeded"},
		"slow":   {func(w http.ResponseWriter, r *http.Request) { drip(w, r, goodList) }, ""},
		"50 MB":  {func(w http.ResponseWriter, _ *http.Request) { endless(w, `{"data":[`) }, "larger than 16 MB"},
		"redirected": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://evil.test/v1/models", http.StatusTemporaryRedirect)
		}, "status 307"},
		"led away": {func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"data":[{"id":"x"}],"links":{"next":"http://evil.test/v1/models"}}`)
		}, "another place"},
		"led away by a slash": {func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"data":[{"id":"x"}],"links":{"next":"//evil.test/v1/models"}}`)
		}, "another place"},
		"18 MB in pages": {func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"data":[{"id":"x"}],"links":{"next":"/v1/models?again"}}`, strings.Repeat(" ", 6<<20))
		}, "larger than 16 MB"},
		"led in circles": {func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"data":[{"id":"x"}],"links":{"next":"/v1/models?again"}}`)
		}, "more than 20 pages"},
	} {
		t.Run(name, func(t *testing.T) {
			var bad atomic.Bool
			answer := func(w http.ResponseWriter, r *http.Request) {
				if bad.Load() {
					tt.answer(w, r)
					return
				}
				whole(w, r)
			}
			withLists(t, http.HandlerFunc(answer), func(l *listRoom) {
				l.Set([]Source{source("key-1", "key-2")})
				synctest.Wait()
				bad.Store(true)
				l.take(&l.asked)
				time.Sleep(4 * time.Hour)
				asked := l.take(&l.asked)
				if got := l.now(); got != "a:free b" {
					t.Errorf("the list is %s", got)
				}
				log := strings.Join(l.take(&l.lines), "")
				if strings.Count(log, `"level":"warn"`) != 1 || !strings.Contains(log, tt.says) || strings.Contains(log, "key-1") || strings.Contains(log, "abcdef") {
					t.Errorf("the log holds %s", log)
				}
				keys := map[string]bool{}
				for _, a := range asked {
					if !strings.Contains(a, " p.test/v1/models") {
						t.Errorf("asked %s", a)
					}
					keys[strings.Fields(a)[1]] = true
				}
				if len(keys) != 2 || len(asked) < 5 || len(asked) > 9*listPages {
					t.Errorf("asked %q", asked)
				}
				bad.Store(false)
				time.Sleep(67 * time.Minute)
				if log := strings.Join(l.take(&l.lines), ""); !strings.Contains(log, "can be read again") {
					t.Errorf("then %s", log)
				}
			})
		})
	}
	if n := taken.Load(); n < 16<<20 || n > 9*20<<20 {
		t.Errorf("%d bytes of endless lists were taken", n)
	}
}

// drip writes a byte a second, so that the whole takes longer than anybody waits.
func drip(w http.ResponseWriter, r *http.Request, text string) {
	for i := range len(text) {
		_, _ = io.WriteString(w, text[i:i+1])
		_ = http.NewResponseController(w).Flush()
		select {
		case <-r.Context().Done():
			return
		case <-time.After(time.Second):
		}
	}
}

// A list in pages is whole only with all of them.
func TestListsInPages(t *testing.T) {
	var models []fakellm.Model
	for i := range 30 {
		models = append(models, fakellm.Model{ID: fmt.Sprintf("m%02d:free", i)})
	}
	fake := fakellm.New(fakellm.Options{Models: models})
	withLists(t, fake, func(l *listRoom) {
		s := source("key-1")
		s.URL += "?limit=7"
		l.Set([]Source{s})
		synctest.Wait()
		if list := l.Of(&s); list == nil || len(list.Models) != 30 || len(l.take(&l.asked)) != 5 {
			t.Errorf("%+v", list)
		}
	})
}

// A price that was read a day ago proves nothing any more: whoever makes rows is told in that moment, if nothing else was read.
func TestListsGrowOld(t *testing.T) {
	var silent atomic.Bool
	withLists(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if silent.Load() {
			http.Error(w, "", http.StatusServiceUnavailable)
			return
		}
		whole(w, r)
	}), func(l *listRoom) {
		s := source("key-1")
		s.Every = 1000 * time.Hour // counts as 20
		l.Set([]Source{s})
		synctest.Wait()
		silent.Store(true)
		l.take(&l.told)
		l.take(&l.asked)
		time.Sleep(22 * time.Hour)
		if asked := l.take(&l.asked); len(asked) == 0 {
			t.Error("its price would be no proof before it is asked again")
		}
		time.Sleep(2*time.Hour - time.Second)
		l.take(&l.told)
		if list := l.Of(&s); !list.fresh(time.Now()) {
			t.Error("old before its day is over")
		}
		time.Sleep(time.Second)
		if looked := l.take(&l.told); !slices.Equal(looked, []string{"24h0m0s"}) {
			t.Errorf("told at %q", looked)
		}
		if list := l.Of(&s); list.fresh(time.Now()) {
			t.Error("not old after its day")
		}
	})
}

// What was listed last is there after a restart, unless something newer is known, it is of another place, or it is a month old.
func TestListsOutliveTheProcess(t *testing.T) {
	var notes []fallback.Note
	s := source("key-1")
	withLists(t, http.HandlerFunc(whole), func(l *listRoom) {
		l.Set([]Source{s})
		synctest.Wait()
		notes = append(l.Save(), fallback.Note{Kind: "list", Name: "q", Text: "spoilt"}, fallback.Note{Kind: "other", Name: "p", Text: "{}"})
		if len(notes) != 3 {
			t.Fatalf("%+v", notes)
		}
		first := l.Of(&s)
		l.Restore([]fallback.Note{{Kind: "list", Name: "p", Text: `{"URL":"` + listURL + `","At":"1999-01-01T00:00:00Z","Models":[{"ID":"older"}]}`}})
		if l.Of(&s) != first {
			t.Error("an older list took its place")
		}
		time.Sleep(31 * 24 * time.Hour)
		other := NewLists(nil, func() {}, zerolog.Nop())
		other.Restore(notes)
		if saved := other.Save(); len(saved) != 0 {
			t.Errorf("a list of last month is still kept: %+v", saved)
		}
	})
	l := NewLists(nil, func() {}, zerolog.Nop())
	l.Restore(notes)
	list := l.Of(&s)
	if list == nil || strings.Join(ids(list.Models), " ") != "a:free b" {
		t.Fatalf("%+v", list)
	}
	if _, ok := list.Find("b"); !ok {
		t.Error("b is not found")
	}
	elsewhere := s
	elsewhere.URL = "http://q.test/v1/models"
	if l.Of(&elsewhere) != nil {
		t.Error("a list of another place is believed")
	}
}

// A new configuration asks those that are new or changed, and nobody who left.
func TestListsFollowTheConfiguration(t *testing.T) {
	withLists(t, http.HandlerFunc(whole), func(l *listRoom) {
		q := source("key-q")
		q.Provider, q.URL = "q", "http://q.test/v1/models"
		l.Set([]Source{source("key-1"), q})
		l.take(&l.asked)
		l.Set([]Source{source("key-2"), q})
		if asked := l.take(&l.asked); !slices.Equal(asked, []string{"0s key-2 p.test/v1/models"}) {
			t.Errorf("with another key: %q", asked)
		}
		l.Set(nil)
		time.Sleep(5 * time.Hour)
		if asked := l.take(&l.asked); len(asked) != 0 {
			t.Errorf("nobody is left, and asked was %q", asked)
		}
	})
	withLists(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }), func(l *listRoom) {
		l.Set([]Source{source("key-1")})
		l.take(&l.asked) // it is asked when the end comes
	})
}
