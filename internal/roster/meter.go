package roster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"freefall/fallback"
	"freefall/internal/openai"
	"freefall/internal/upstream"
)

const (
	meterEvery   = 10 * time.Minute // give or take a tenth
	meterPause   = time.Minute      // between two looks, whatever the doubt
	meterTime    = 5 * time.Second
	meterAnswer  = 64 << 10
	meterConnect = 3 * time.Second
)

// Account is an account at a provider that tells what is left of it.
type Account struct {
	Provider, Name string
	URL            string   // where it tells
	Keys           []string // of this account alone; the next is used when one fails
	Headers        []upstream.Header
	Local          bool // loopback and private addresses may be dialled
}

// Meters are the providers' own counters of our accounts. They are looked at when an account is first known, now and then, and
// when there is doubt. That one cannot be read harms nobody: it is a line of the debug log.
type Meters struct {
	transport *upstream.Transport
	observe   func(now time.Time, provider, account string, readings []fallback.Reading)
	log       zerolog.Logger
	changed   chan struct{}

	mu     sync.Mutex // guards all below
	wanted []Account
	meters map[string]*meter // by account
}

// meter is the counter of one account.
type meter struct {
	Account
	doubt chan struct{} // holds one
	stop  context.CancelFunc
	next  int       // key
	read  time.Time // when it was last looked at; guarded by Meters.mu
}

// NewMeters makes the meters; Run looks at them. What they say goes to observe.
func NewMeters(t *upstream.Transport, observe func(now time.Time, provider, account string, readings []fallback.Reading), log zerolog.Logger) *Meters {
	return &Meters{transport: t, observe: observe, log: log, changed: make(chan struct{}, 1), meters: map[string]*meter{}}
}

// Set says which accounts there are from now on. Those that stay as they were are not looked at anew.
func (m *Meters) Set(accounts []Account) {
	m.mu.Lock()
	m.wanted = accounts
	m.mu.Unlock()
	notify(m.changed)
}

// Doubt says that what is counted of an account may be wrong. It does not block; an account that has no meter is passed over.
func (m *Meters) Doubt(provider, account string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if meter := m.meters[meterName(provider, account)]; meter != nil {
		notify(meter.doubt)
	}
}

func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// meterName is unique over providers: an account without a name is its provider's own.
func meterName(provider, account string) string {
	if account != "" {
		return account
	}
	return provider + "/"
}

// Run looks at the meters until the context ends, and returns when nobody looks any more.
func (m *Meters) Run(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case <-m.changed:
			for _, meter := range m.follow() {
				own, stop := context.WithCancel(ctx)
				meter.stop = stop
				all.Go(func() { m.watch(own, meter) })
			}
		}
	}
}

// follow ends the meters that are not wanted as they are, and gives those that are new.
func (m *Meters) follow() (begin []*meter) {
	m.mu.Lock()
	defer m.mu.Unlock()
	next := map[string]*meter{}
	for _, a := range m.wanted {
		name := meterName(a.Provider, a.Name)
		old := m.meters[name]
		if old != nil && reflect.DeepEqual(old.Account, a) {
			next[name] = old
			delete(m.meters, name)
			continue
		}
		fresh := &meter{Account: a, doubt: make(chan struct{}, 1)}
		if old != nil {
			fresh.read = old.read
		}
		next[name] = fresh
		begin = append(begin, fresh)
	}
	for _, gone := range m.meters {
		gone.stop()
	}
	m.meters = next
	return begin
}

// watch looks at one meter again and again.
func (m *Meters) watch(ctx context.Context, a *meter) {
	for {
		m.mu.Lock()
		pause := time.Until(a.read.Add(meterPause))
		m.mu.Unlock()
		if !sleep(ctx, pause, nil) {
			return
		}
		select {
		case <-a.doubt: // this look is the answer to it
		default:
		}
		m.look(ctx, a)
		if !sleep(ctx, meterEvery*9/10+rand.N(meterEvery/5), a.doubt) {
			return
		}
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

// look reads a meter once.
func (m *Meters) look(ctx context.Context, a *meter) {
	m.mu.Lock()
	a.read = time.Now()
	m.mu.Unlock()
	readings, err := m.ask(ctx, a.Account, a.Keys[a.next%len(a.Keys)])
	switch {
	case ctx.Err() != nil:
	case err != nil:
		a.next++
		m.log.Debug().Str("provider", a.Provider).Str("account", a.Name).Err(err).Msg("The provider's own count could not be read")
	default:
		m.observe(time.Now(), a.Provider, a.Name, readings)
		m.log.Debug().Str("provider", a.Provider).Str("account", a.Name).Msg("The provider's own count was read")
	}
}

var errSaysNothing = errors.New("the answer says nothing of limits")

func (m *Meters) ask(ctx context.Context, a Account, key string) ([]fallback.Reading, error) {
	var flow upstream.Flow
	flow.SetDeadline(time.Now().Add(meterTime))
	defer context.AfterFunc(ctx, flow.Cancel)()
	reply, err := m.transport.Do(&flow, &upstream.Request{Method: "GET", URL: a.URL, Local: a.Local, Connect: meterConnect,
		Header: append([]upstream.Header{{Name: "Authorization", Value: "Bearer " + key}, {Name: "Accept", Value: "application/json"}}, a.Headers...)})
	if err != nil {
		return nil, err
	}
	defer reply.Close()
	if reply.Status != 200 {
		return nil, fmt.Errorf("status %d", reply.Status)
	}
	body, err := io.ReadAll(io.LimitReader(reply, meterAnswer+1))
	if err != nil {
		return nil, err
	}
	if len(body) > meterAnswer {
		return nil, fmt.Errorf("the answer is larger than %d bytes", meterAnswer)
	}
	readings := openai.KeyReadings(body, time.Now())
	if len(readings) == 0 {
		return nil, errSaysNothing
	}
	return readings, nil
}
