package roster

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/rs/zerolog"

	"freefall/fallback"
	"freefall/internal/openai"
	"freefall/internal/upstream"
)

const (
	meterEvery  = 10 * time.Minute // give or take a tenth
	meterPause  = time.Minute      // between two looks, whatever the doubt
	meterTime   = 5 * time.Second
	meterAnswer = 64 << 10
)

// Account is an account at a provider that tells what is left of it.
type Account struct {
	Place          // where it tells; the keys are of this account alone
	Provider, Name string
}

// Meters are the providers' own counters of our accounts. They are looked at when an account is first known, now and then, and
// when there is doubt. That one cannot be read harms nobody: it is a line of the debug log.
type Meters struct {
	watches[Account]
	transport *upstream.Transport
	observe   func(now time.Time, provider, account string, readings []fallback.Reading)
	log       zerolog.Logger
}

// NewMeters makes the meters; Run looks at them. What they say goes to observe.
func NewMeters(t *upstream.Transport, observe func(now time.Time, provider, account string, readings []fallback.Reading), log zerolog.Logger) *Meters {
	m := &Meters{transport: t, observe: observe, log: log}
	m.watches = watchesOf(func(a Account) string { return meterName(a.Provider, a.Name) }, m.watch)
	return m
}

// Doubt says that what is counted of an account may be wrong. It does not block; an account that has no meter is passed over.
func (m *Meters) Doubt(provider, account string) { m.wake(meterName(provider, account)) }

// meterName is unique over providers: an account without a name is its provider's own.
func meterName(provider, account string) string {
	if account != "" {
		return account
	}
	return provider + "/"
}

// watch looks at one meter again and again.
func (m *Meters) watch(ctx context.Context, w *watched[Account]) {
	for sleep(ctx, time.Until(m.since(w).Add(meterPause)), nil) {
		select {
		case <-w.doubt: // this look is the answer to it
		default:
		}
		m.looks(w)
		m.look(ctx, w)
		if !sleep(ctx, meterEvery*9/10+rand.N(meterEvery/5), w.doubt) {
			return
		}
	}
}

// look reads a meter once.
func (m *Meters) look(ctx context.Context, w *watched[Account]) {
	readings, err := m.ask(ctx, &w.of, w.nth)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		w.nth++
		m.log.Debug().Str("provider", w.of.Provider).Str("account", w.of.Name).Err(err).Msg("The provider's own count could not be read")
	default:
		m.observe(time.Now(), w.of.Provider, w.of.Name, readings)
		m.log.Debug().Str("provider", w.of.Provider).Str("account", w.of.Name).Msg("The provider's own count was read")
	}
}

var errSaysNothing = errors.New("the answer says nothing of limits")

func (m *Meters) ask(ctx context.Context, a *Account, nth int) ([]fallback.Reading, error) {
	flow, end := within(ctx, meterTime)
	defer end()
	body, err := a.get(flow, m.transport, nth, meterAnswer)
	if err != nil {
		return nil, err
	}
	readings := openai.KeyReadings(body, time.Now())
	if len(readings) == 0 {
		return nil, errSaysNothing
	}
	return readings, nil
}
