package shared

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
	"github.com/rs/zerolog"

	"freefall/fallback"
)

const (
	prefix   = "freefall:"            // of all keys
	usual    = 100 * time.Millisecond // is waited for an answer,
	parts    = 10                     // in so many parts, see ask
	hard     = time.Second            // for what no request waits for
	patience = 2                      // failures in a row after which nobody waits any more
	interval = 250 * time.Millisecond // between two looks at what others have done
	quiet    = time.Minute            // between two warnings
	longest  = 2 * time.Second        // between two looks whether Redis is back
	lease    = 10 * time.Second       // of a slot that a replica holds; one that was killed gives it back then
	renewal  = 3 * time.Second        // between two renewals
	backlog  = 4096                   // of what is to be settled,
	settlers = 16                     // so many at one time: where Redis is 10 ms away one alone settles 90 a second
	mostWait = 366 * 24 * 3_600_000   // ms until a window opens, whatever is said
	mostShut = 100                    // windows that are looked at in one turn
)

// Config says where Redis is, and what is shared there.
type Config struct {
	// URL is redis://, rediss:// or unix://, as ParseURL takes it.
	URL string
	// Bound is how long a request waits for an answer; 0 = 100 ms.
	Bound time.Duration
	// Shut gives the windows, at most so many, that others have filled, and Heed takes what is said of them. Both may be nil.
	Shut func(most int) []fallback.Draw
	Heed func([]fallback.Draw, []fallback.Count)
	// Known gives what this replica knows of all windows. It may be nil.
	Known func() []fallback.Draw
	// Learned gives what this replica has learned, in rows by name, and Adopt takes the rows that others have changed, beside those that all agreed
	// on last; a name that is missing there was blank. Blank is a row that says that nothing is known; "" where there is none. All or none are nil.
	Learned func() (map[string]string, error)
	Adopt   func(agreed, now map[string]string)
	Blank   func(name string) string
	// Log is told when Redis no longer answers, and when it does again.
	Log zerolog.Logger
}

// Store is what this replica shares with the others.
type Store struct {
	config  Config
	options rueidis.ClientOption
	replica string // tells the slots of this process from those of others
	nth     atomic.Int64

	client   atomic.Pointer[rueidis.Client]
	up       atomic.Bool
	failures atomic.Int32 // in a row

	unanswered atomic.Int64
	ahead      atomic.Int64 // Redis' clock of ours, in ms

	mu       sync.Mutex           // guards what follows
	slots    map[int64][]string   // that are held: names of their windows
	untold   map[string]*untold   // drawn while Redis was away, by window
	troubled bool                 // Redis is away,
	trouble  string               // of this kind, see remedy
	warned   map[string]time.Time // when of each kind

	state state // of run alone
	life  int64 // likewise: the name of what Redis remembers; 0 = not known

	settled chan []fallback.Draw
	stop    context.CancelFunc
	running sync.WaitGroup
}

// Open begins to share. It returns when Redis has answered, and after a tenth of a second in any case.
func Open(c Config) (*Store, error) {
	if c.Bound <= 0 {
		c.Bound = usual
	}
	options, err := rueidis.ParseURL(strings.TrimRight(c.URL, "/"))
	if err != nil {
		return nil, errors.New("redis is no URL that can be used")
	}
	options.ForceSingleClient, options.DisableCache, options.DisableRetry, options.AlwaysPipelining = true, true, true, true
	options.PipelineMultiplex = -1 // one connection; a few bytes each way take no more
	options.ReadBufferEachConn, options.WriteBufferEachConn, options.RingScaleEachConn = 16<<10, 16<<10, 9
	options.Dialer.Timeout, options.ConnWriteTimeout = time.Second, max(hard, c.Bound)
	options.ClientName = "freefall"
	id := make([]byte, 8)
	_, _ = rand.Read(id) // it never fails
	ctx, stop := context.WithCancel(context.Background())
	s := &Store{config: c, options: options, replica: hex.EncodeToString(id), stop: stop,
		slots: map[int64][]string{}, untold: map[string]*untold{}, warned: map[string]time.Time{}, settled: make(chan []fallback.Draw, backlog)}
	if c.Learned != nil {
		s.state.atStart, _ = c.Learned()
	}
	answered := make(chan struct{})
	s.running.Go(func() { s.run(ctx, answered) })
	for range settlers {
		s.running.Go(func() { s.settleAll(ctx) })
	}
	select {
	case <-answered:
	case <-time.After(usual):
	}
	return s, nil
}

// Up says whether Redis answers.
func (s *Store) Up() bool { return s.up.Load() }

// Unanswered counts what Redis did not answer in time.
func (s *Store) Unanswered() int64 { return s.unanswered.Load() }

// Close tells what is left to tell, within a second, and gives up the connection.
func (s *Store) Close() {
	s.stop()
	s.running.Wait()
	if c := s.client.Load(); c != nil {
		(*c).Close()
	}
}

// run connects, looks whether Redis is back, lends slots on and hears what others have done.
func (s *Store) run(ctx context.Context, answered chan struct{}) {
	var renewed time.Time
	tick := time.NewTimer(0)
	defer tick.Stop()
	for wait := interval; ; {
		select {
		case <-ctx.Done():
			if s.Up() {
				s.exchange() // the last word
			}
			return
		case <-tick.C:
		}
		if !s.Up() {
			if s.reach() {
				wait, renewed = interval, time.Now()
			} else {
				wait = min(2*wait, longest)
			}
			if answered != nil {
				close(answered)
				answered = nil
			}
		}
		if s.Up() {
			if time.Since(renewed) >= renewal && s.renew() == nil {
				renewed = time.Now()
			}
			_ = s.tell()
			s.live()
			s.look()
			s.exchange()
		}
		tick.Reset(wait)
	}
}

// reach connects if that is still to be done, and says whether Redis answers and can be written.
func (s *Store) reach() bool {
	if s.client.Load() == nil {
		c, err := rueidis.NewClient(s.options)
		if err != nil {
			if c != nil {
				c.Close()
			}
			s.away(err)
			return false
		}
		s.client.Store(&c)
	}
	_, _, err := s.draw(0, nil) // it is loaded then
	for _, try := range []func() error{s.probe, s.renew, s.tell} {
		if err == nil {
			err = try()
		}
	}
	if err != nil {
		s.away(err)
		if reply(err) != nil { // after a failover the name may mean another server
			(*s.client.Swap(nil)).Close()
		}
		return false
	}
	if s.back() {
		s.config.Log.Info().Msg("Redis answers again: limits and states are one for all replicas")
	} else {
		s.config.Log.Info().Msg("Redis answers: limits and states are one for all replicas")
	}
	return true
}

// probe writes something.
func (s *Store) probe() error {
	return s.wait(renewScript, []string{prefix + "probe"}, []string{"1000", s.replica}).err
}

// answer is what a script gave.
type answer struct {
	numbers []int64
	texts   []string
	err     error
}

var errLate = errors.New("no answer in time")

// do runs a script in the background.
func (s *Store) do(script *rueidis.Lua, keys, args []string) <-chan answer {
	got := make(chan answer, 1)
	client := s.client.Load()
	if client == nil {
		got <- answer{err: errors.New("no connection")}
		return got
	}
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), max(hard, s.config.Bound))
		defer cancel()
		result := script.Exec(ctx, *client, keys, args)
		var a answer
		if a.texts, a.err = result.AsStrSlice(); script != pullScript {
			a.numbers, a.err = result.AsIntSlice()
		}
		got <- a
	}()
	return got
}

// wait runs a script that nobody waits for but this Store. Whatever becomes of Redis and its connection, it takes no longer than that.
func (s *Store) wait(script *rueidis.Lua, keys, args []string) answer {
	select {
	case a := <-s.do(script, keys, args):
		return a
	case <-time.After(2 * max(hard, s.config.Bound)):
		return answer{err: errLate}
	}
}

// ask runs a script that somebody waits for. It counts failures: after a few in a row nobody waits any more. The time is measured in parts,
// since what this process itself waits for a core is no slowness of Redis: of each part only the end may come late.
func (s *Store) ask(script *rueidis.Lua, keys, args []string) ([]int64, error) {
	got := s.do(script, keys, args)
	a := answer{err: errLate}
	part := s.config.Bound / parts
	tick := time.NewTimer(part)
	defer tick.Stop()
waiting:
	for range parts {
		select {
		case a = <-got:
			break waiting
		case <-tick.C:
			tick.Reset(part)
		}
	}
	if a.err == nil {
		s.failures.Store(0)
		return a.numbers, nil
	}
	s.unanswered.Add(1)
	if s.failures.Add(1) >= patience {
		s.away(a.err)
	}
	return nil, a.err
}

func ms(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
func number(n int64) string     { return strconv.FormatInt(n, 10) }
