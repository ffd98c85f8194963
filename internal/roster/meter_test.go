package roster

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"freefall/fallback"
	"freefall/internal/fakellm"
	"freefall/internal/upstream"
)

// counterRoom is a provider with counters, in memory, and the meters that look at them. It was told "p acme 12/50": what was observed.
type counterRoom struct {
	*Meters
	*notebook
}

// all takes a list as one line.
func (c *counterRoom) all(list *[]string) string { return strings.Join(c.take(list), ", ") }

// withMeters runs a test in fake time before a provider that answers so.
func withMeters(t *testing.T, answer http.Handler, test func(c *counterRoom)) {
	t.Helper()
	room := &counterRoom{}
	inRoom(t, answer, func(n *notebook, transport *upstream.Transport) func(context.Context) {
		room.notebook = n
		room.Meters = NewMeters(transport, func(_ time.Time, provider, account string, readings []fallback.Reading) {
			for _, r := range readings {
				n.note(&n.told, fmt.Sprintf("%s %s %d/%d", provider, account, r.Limit-r.Remaining, r.Limit))
			}
		}, zerolog.New(n).Level(zerolog.DebugLevel))
		return room.Run
	}, func() { test(room) })
}

func account(name string, keys ...string) Account {
	return Account{Place: Place{URL: "http://p.test/v1/key", Keys: keys, Local: true}, Provider: "p", Name: name}
}

// counted is a provider whose account has 50 requests a day, of which some are used.
func counted(used int) http.Handler {
	fake := fakellm.New(fakellm.Options{Models: fakellm.Catalog(),
		Limits: []fakellm.Limit{{Scope: fakellm.Account, Requests: 50, Per: fakellm.Duration(24 * time.Hour), Fixed: true}}})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if used > 0 {
			fmt.Fprintf(w, `{"data":{"free_model_daily_requests":{"limit":50,"used":%d,"remaining":%d}}}`, used, max(0, 50-used))
			return
		}
		fake.ServeHTTP(w, r)
	})
}

// A meter is looked at when its account is first known, every ten minutes, and after doubt, but not twice in a minute.
func TestMetersAreLookedAt(t *testing.T) {
	withMeters(t, counted(12), func(c *counterRoom) {
		c.Set([]Account{account("acme", "key-1")})
		if asked, seen := c.all(&c.asked), c.all(&c.told); asked != "0s key-1 p.test/v1/key" || seen != "p acme 12/50" {
			t.Fatalf("at start: asked %q, seen %q", asked, seen)
		}
		for range 1000 {
			c.Doubt("p", "acme")
			c.Doubt("p", "unknown")
		}
		time.Sleep(59 * time.Second)
		if asked := c.all(&c.asked); asked != "" {
			t.Errorf("asked again within a minute: %s", asked)
		}
		time.Sleep(2 * time.Second)
		if asked := c.all(&c.asked); asked != "1m0s key-1 p.test/v1/key" {
			t.Errorf("after doubt: %q", asked)
		}
		time.Sleep(4 * time.Minute)
		if asked := c.all(&c.asked); asked != "" {
			t.Errorf("doubt of before is asked about twice: %s", asked)
		}
		c.Doubt("p", "acme")
		if asked := c.all(&c.asked); asked != "5m1s key-1 p.test/v1/key" {
			t.Errorf("doubt after a quiet time: %q", asked)
		}
		time.Sleep(100 * time.Minute)
		if n := strings.Count(c.all(&c.asked), "key-1"); n < 9 || n > 11 {
			t.Errorf("looked at %d times in 100 minutes", n)
		}
	})
}

// A new configuration swaps accounts and keys: what stays is not asked anew, what is gone is not asked again.
func TestMetersFollowTheConfiguration(t *testing.T) {
	withMeters(t, counted(12), func(c *counterRoom) {
		c.Set([]Account{account("a", "key-a"), account("b", "key-b")})
		c.all(&c.asked)
		time.Sleep(10 * time.Second)
		c.Set([]Account{account("b", "key-b"), account("c", "key-c")})
		if asked := c.all(&c.asked); asked != "10s key-c p.test/v1/key" {
			t.Errorf("after the swap: %q", asked)
		}
		c.Doubt("p", "a")
		c.Set([]Account{account("b", "key-new"), account("c", "key-c")})
		time.Sleep(5 * time.Minute)
		if asked := c.all(&c.asked); asked != "1m0s key-new p.test/v1/key" {
			t.Errorf("with another key: %q", asked)
		}
		c.Set(nil)
		time.Sleep(time.Hour)
		if asked := c.all(&c.asked); asked != "" {
			t.Errorf("nobody is left, and asked was %s", asked)
		}
	})
}

// Whatever a provider does to a question about a key, nobody is told but who debugs, nothing is believed, no other place hears
// of the key, and the next key of the account is tried.
func TestMetersThatCannotBeRead(t *testing.T) {
	const good = `{"data":{"free_model_daily_requests":{"limit":50,"used":3,"remaining":47}}}`
	var taken atomic.Int64
	for name, answer := range map[string]http.HandlerFunc{
		"refused": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, good, http.StatusUnauthorized) },
		"fault":   func(w http.ResponseWriter, _ *http.Request) { http.Error(w, good, 500) },
		"redirected": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://evil.test/v1/key", http.StatusTemporaryRedirect)
		},
		"page":  func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>key</html>") },
		"other": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"data":{"limit":null}}`) },
		"large": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, good+strings.Repeat(" ", 64<<10)) },
		"endless": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				n, err := w.Write(bytes.Repeat([]byte(" "), 4<<10))
				if taken.Add(int64(n)); err != nil {
					return
				}
			}
		},
		"silent": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"cut":    func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, good[:40]); panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			withMeters(t, answer, func(c *counterRoom) {
				c.Set([]Account{account("acme", "key-1", "key-2")})
				time.Sleep(6 * time.Second)
				if got := c.all(&c.lines); !strings.Contains(got, `"level":"debug"`) || !strings.Contains(got, "could not be read") || strings.Contains(got, "key-1") {
					t.Errorf("after 6 s the log holds %q", got)
				}
				time.Sleep(12 * time.Minute)
				asked := c.take(&c.asked)
				if len(asked) != 2 || asked[0] != "0s key-1 p.test/v1/key" || !strings.HasSuffix(asked[1], "key-2 p.test/v1/key") {
					t.Errorf("asked %q", asked)
				}
				if seen := c.all(&c.told); seen != "" {
					t.Errorf("believed %s", seen)
				}
			})
		})
	}
	if n := taken.Load(); n == 0 || n > 512<<10 {
		t.Errorf("%d bytes of two endless answers were taken", n)
	}
}

// The simulated provider's own counter is understood, and the end of the program ends a question under way.
func TestMetersAtTheSimulatedProvider(t *testing.T) {
	withMeters(t, counted(0), func(c *counterRoom) {
		c.Set([]Account{account("acme", "key-1"), account("", "key-2")})
		asked, seen := c.all(&c.asked), c.take(&c.told)
		if slices.Sort(seen); strings.Join(seen, ", ") != "p  0/50, p acme 0/50" || strings.Count(asked, "/v1/key") != 2 {
			t.Errorf("asked %q, seen %q", asked, seen)
		}
		c.Doubt("p", "")
		time.Sleep(time.Minute)
		if asked := c.all(&c.asked); asked != "1m0s key-2 p.test/v1/key" {
			t.Errorf("an account without a name: %q", asked)
		}
	})
	withMeters(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }), func(c *counterRoom) {
		c.Set([]Account{account("acme", "key-1")})
		c.all(&c.asked)
	})
}
