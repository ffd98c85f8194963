package main

import (
	"time"

	"freefall/fallback"
	"freefall/internal/config"
	"freefall/internal/shared"
	"freefall/internal/store"
	"freefall/proxy"
)

// share makes this replica one of several, if a Redis is configured.
func (s *server) share(c *config.Config, front *proxy.Config) (err error) {
	if c.Redis.IsZero() {
		return nil
	}
	s.shared, err = shared.Open(shared.Config{URL: c.Redis.Reveal(), Log: s.log,
		Shut:    func(most int) []fallback.Draw { return s.pool.Shut(time.Now(), most) },
		Heed:    func(draws []fallback.Draw, counts []fallback.Count) { s.pool.Heed(time.Now(), draws, counts) },
		Known:   func() []fallback.Draw { return s.pool.Tell(time.Now()) },
		Learned: func() (map[string]string, error) { return store.Rows(s.pool.Learned(time.Now())) },
		Adopt: func(agreed, now map[string]string) {
			s.pool.Adopt(time.Now(), fallback.News{Agreed: store.Saved(agreed), Now: store.Saved(now)})
		},
		Blank: store.Blank,
	})
	if err != nil {
		return err
	}
	front.Shared = s.shared
	front.Values = append(front.Values, proxy.Value{Name: "freefall_redis_up",
		Help: "1 if Redis answers and replicas are one, 0 if each goes by its own counts.", Read: func() float64 {
			if s.shared.Up() {
				return 1
			}
			return 0
		}}, proxy.Value{Name: "freefall_redis_unanswered_total", Help: "Questions that Redis did not answer in time.", Counts: true,
		Read: func() float64 { return float64(s.shared.Unanswered()) }})
	return nil
}
