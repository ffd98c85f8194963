//go:build linux && redis

package replicas

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	providerKey = "sk-0123456789abcdef-of-the-provider"
	adminKey    = "0123456789abcdef-of-the-admin"
)

// yaml is a file with one model of one account, and its limits.
func yaml(r *redis, p *provider, limits, more string) string {
	return fmt.Sprintf(`redis: %q
admin_key: %q
routing: {max_wait: 0s}
providers:
  p: {base_url: %q, keys: [%q], limits: {%s}, discover: off}
models:
  - {id: m, provider: p}
%s`, r.url(), adminKey, p.url, providerKey, limits, more)
}

type world struct {
	redis    *redis
	provider *provider
	replicas []*replica
	got      map[int]int
}

// inTime gives a world in which something was done while Redis answered all in time. On a machine that is busy with other things it may not, and
// who gets no answer rightly goes by his own count: then it is done again, in another world.
func inTime(t *testing.T, n int, limits, more string, do func(*world)) *world {
	t.Helper()
	for range 5 {
		w := &world{redis: startRedis(t), provider: startProvider(t)}
		w.replicas = replicas(t, n, yaml(w.redis, w.provider, limits, more))
		do(w)
		if !slices.ContainsFunc(unanswered(t, w.replicas), func(times string) bool { return times != "0" }) {
			return w
		}
		t.Logf("Redis was late: %v", w.got)
	}
	t.Fatal("Redis was late five times")
	return nil
}

func TestReplicasDrawFromOneWindow(t *testing.T) {
	for _, limits := range []string{"rpm: 5", "rpd: 5", "windows: [{requests: 5, per: 1h, kind: fixed}]", "rpm: 7, rpd: 5, tpm: 90000"} {
		t.Run(limits, func(t *testing.T) {
			w := inTime(t, 3, limits, "", func(w *world) { w.got = crowd(t, w.replicas, 200) })
			r, p, all, got := w.redis, w.provider, w.replicas, w.got
			if !maps.Equal(got, map[int]int{200: 5, 429: 195}) {
				t.Errorf("the clients got %v", got)
			}
			if n := p.calls.Load(); n != 5 {
				t.Errorf("the provider was called %d times", n)
			}
			for _, p := range all {
				status, answer, err := chat(p)
				if err != nil || status != 429 || !strings.Contains(answer, "all_models_exhausted") {
					t.Errorf("a replica says %d %s %v", status, answer, err)
				}
			}
			if keys := r.say("KEYS", "*"); strings.Contains(keys, providerKey) || !strings.Contains(keys, "freefall:window account") {
				t.Errorf("in Redis there are %s", keys)
			}
			for key := range strings.SplitSeq(r.say("KEYS", "*"), "\n") {
				if ttl := r.say("PTTL", key); strings.HasPrefix(ttl, "-") {
					t.Errorf("%s stays for ever: %s", key, ttl)
				}
			}
		})
	}
}

func TestReplicasShareOneClientsShare(t *testing.T) {
	w := inTime(t, 2, "rpm: 100", "clients: [{name: ana, key: key-of-ana-0123, rpd: 5}, {name: ben, key: key-of-ben-0123}]\n", func(w *world) {
		w.got = crowd(t, w.replicas, 30, "Authorization", "Bearer key-of-ana-0123")
	})
	if !maps.Equal(w.got, map[int]int{200: 5, 429: 25}) {
		t.Errorf("one client got %v", w.got)
	}
	if got := crowd(t, w.replicas, 10, "Authorization", "Bearer key-of-ben-0123"); !maps.Equal(got, map[int]int{200: 10}) {
		t.Errorf("the other got %v", got)
	}
}

// What is given back by one replica, or was held by one that was killed, is there for the others.
func TestSlotsComeBack(t *testing.T) {
	r, p := startRedis(t), startProvider(t)
	all := replicas(t, 3, yaml(r, p, "concurrency: 3", ""))
	release := make(chan struct{})
	held := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	p.answer.Store(&held)
	for _, i := range []int{0, 0, 2} {
		go func() { _, _, _ = chat(all[i]) }()
	}
	eventually(t, "three calls are under way", func() bool { return p.calls.Load() == 3 })
	if status, answer, err := chat(all[1]); status != 429 || err != nil {
		t.Errorf("beside three calls a fourth one got %d %s %v", status, answer, err)
	}
	p.answer.Store(nil)
	began := time.Now()
	if err := all[0].Stop(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the slots are back", func() bool {
		status, _, err := chat(all[1])
		return err == nil && status == 200
	})
	t.Logf("after %v", time.Since(began).Round(100*time.Millisecond))
	window := r.say("KEYS", "freefall:window *concurrency*")
	eventually(t, "only the one that is alive holds its own", func() bool { return r.say("HLEN", window) == "1" })
	close(release)
}

// What one replica learns the others know soon: how soon is not asserted to the second, since the machine may be busy; it is logged.
func TestWhatOneLearnsAllKnow(t *testing.T) {
	r, p := startRedis(t), startProvider(t)
	all := replicas(t, 3, yaml(r, p, "rpm: 1000", ""))
	known := func(what string, is func(state string) bool) {
		t.Helper()
		began := time.Now()
		for _, p := range all {
			eventually(t, what, func() bool { return is(p.state(t)) })
		}
		t.Logf("%s: after %v", what, time.Since(began).Round(10*time.Millisecond))
	}
	says := func(text string) func(string) bool {
		return func(state string) bool { return strings.Contains(state, text) }
	}
	admin := func(p *replica, what string) { p.admin(t, what) }
	refuse := func(status int, body string) {
		answer := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			if status == 429 {
				w.Header().Set("Retry-After", "600")
			}
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		})
		p.answer.Store(&answer)
	}
	known("Redis answers", says(`"redis_up":true`))
	admin(all[0], "pause")
	known("a pause", says(`"reason":"paused"`))
	admin(all[1], "resume")
	known("its end", says(`"reason":null`))

	refuse(429, `{"error":{"message":"Rate limit reached","type":"rate_limit_error","code":"rate_limit_exceeded"}}`)
	_, _, _ = chat(all[2])
	known("a limit", says(`"reason":"rate_limited"`))
	if n := p.calls.Load(); n != 1 {
		t.Errorf("%d calls", n)
	}
	crowd(t, all, 9)
	if n := p.calls.Load(); n != 1 {
		t.Errorf("%d calls, although the limit is known", n)
	}
	admin(all[0], "reset")
	known("its end", says(`"reason":null`))

	refuse(500, `{"error":{"message":"boom","type":"server_error"}}`)
	p.calls.Store(0)
	for range 3 {
		_, _, _ = chat(all[0])
	}
	known("failures", says(`"failure_count":3`))
	admin(all[1], "reset")
	known("their end", says(`"failure_count":0`))

	refuse(401, `{"error":{"message":"Incorrect API key provided","type":"invalid_request_error","code":"invalid_api_key"}}`)
	_, _, _ = chat(all[0])
	known("a refused key", says(`"reason":"auth"`))
	p.answer.Store(nil)
	if dump := r.say("HGETALL", "freefall:state"); strings.Contains(dump, providerKey) || strings.Contains(dump, password) || !strings.Contains(dump, "auth") {
		t.Errorf("in Redis there is %s", dump)
	}
}

// A replica that was away does not bring back what the others have ended.
func TestWhatIsOldStaysOld(t *testing.T) {
	r, p := startRedis(t), startProvider(t)
	text := yaml(r, p, "rpm: 1000", "")
	all := replicas(t, 2, text)
	admin := func(p *replica, what string) { p.admin(t, what) }
	paused := func(p *replica) bool { return strings.Contains(p.state(t), `"reason":"paused"`) }
	admin(all[0], "pause")
	eventually(t, "both know", func() bool { return paused(all[1]) })
	if err := all[0].Stop(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	admin(all[1], "resume")
	again := restart(t, all[0])
	eventually(t, "the one that comes back knows", func() bool { return !paused(again) })
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if paused(all[1]) {
			t.Fatal("the one that comes back has paused the model again")
		}
	}
}

// A Redis that has forgotten all is told anew, also what nobody has changed since; and what is written there is not for ever.
func TestARedisThatForgets(t *testing.T) {
	r, p := startRedis(t), startProvider(t)
	text := yaml(r, p, "rpm: 1000", "")
	all := replicas(t, 2, text)
	all[0].admin(t, "pause")
	paused := func(p *replica) bool { return strings.Contains(p.state(t), `"reason":"paused"`) }
	eventually(t, "both know", func() bool { return paused(all[1]) })
	r.say("FLUSHALL")
	for _, key := range []string{"freefall:state", "freefall:versions"} {
		eventually(t, key+" is there again, for a while", func() bool { return r.say("EXISTS", key) == "1" && !strings.HasPrefix(r.say("PTTL", key), "-") })
	}
	late := replicas(t, 1, text)[0]
	eventually(t, "a new one knows, too", func() bool { return paused(late) })
}

func TestRedisGoesAndComesBack(t *testing.T) {
	for range 5 {
		if redisGoesAndComesBack(t) {
			return
		}
	}
	t.Fatal("Redis was late five times")
}

// redisGoesAndComesBack is false where Redis was late in the end: who gets no answer in time goes by his own count.
func redisGoesAndComesBack(t *testing.T) bool {
	r, p := startRedis(t), startProvider(t)
	all := replicas(t, 2, yaml(r, p, "rpd: 100", ""))
	if got := crowd(t, all, 20); !maps.Equal(got, map[int]int{200: 20}) {
		t.Errorf("at first: %v", got)
	}
	r.kill()
	for range 3 {
		if got := crowd(t, all, 10); !maps.Equal(got, map[int]int{200: 10}) {
			t.Errorf("without Redis: %v", got)
		}
	}
	for _, p := range all {
		if up := metric(t, p, "freefall_redis_up"); up != "0" {
			t.Errorf("redis_up is %s", up)
		}
		if status, body, err := call(http.MethodGet, "http://"+p.Addr+"/readyz", ""); status != 200 {
			t.Errorf("readyz: %d %s %v", status, body, err)
		}
	}
	r.start()
	for _, p := range all {
		eventually(t, "Redis is found again", func() bool { return strings.Contains(p.log(t), "Redis answers again") })
		if words := p.log(t); strings.Count(words, "Redis does not answer") != 1 {
			t.Errorf("it says %s", words)
		}
	}
	// What each has drawn is told: together they do not draw more than the day grants.
	before := unanswered(t, all)
	crowd(t, all, 100)
	if after := unanswered(t, all); !slices.Equal(after, before) {
		t.Logf("Redis was late: %v, then %v", before, after)
		return false
	}
	if n := p.calls.Load(); n < 90 || n > 100 {
		t.Errorf("%d calls of 100", n)
	}
	return true
}

// unanswered is how often each replica had no answer of Redis.
func unanswered(t *testing.T, all []*replica) (times []string) {
	for _, p := range all {
		times = append(times, metric(t, p, "freefall_redis_unanswered_total"))
	}
	return times
}

// A Redis that takes connections and says nothing costs a request a tenth of a second, and soon nothing.
func TestRedisThatHangs(t *testing.T) {
	r, p := startRedis(t), startProvider(t)
	all := replicas(t, 1, yaml(r, p, "rpd: 1000", ""))
	if err := r.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if got := crowd(t, all, 50); !maps.Equal(got, map[int]int{200: 50}) {
		t.Errorf("%v", got)
	}
	eventually(t, "nobody waits for it", func() bool {
		_, _, _ = chat(all[0])
		return metric(t, all[0], "freefall_redis_up") == "0"
	})
	if err := r.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	eventually(t, "Redis is found again", func() bool { return metric(t, all[0], "freefall_redis_up") == "1" })
}

// A Redis that forgets is told at once what was drawn, by whoever knows most of it, and what is under way counts as well.
func TestWhatIsDrawnIsNotForgotten(t *testing.T) {
	w := inTime(t, 2, "rpd: 20", "", func(w *world) {
		release := make(chan struct{})
		held := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-release:
			case <-r.Context().Done():
			}
		})
		crowd(t, w.replicas[:1], 9)
		w.provider.answer.Store(&held)
		for range 3 {
			go func() { _, _, _ = chat(w.replicas[0]) }()
		}
		eventually(t, "three are under way", func() bool { return w.provider.calls.Load() == 12 })
		w.provider.answer.Store(nil)
		w.redis.say("FLUSHALL")
		eventually(t, "Redis knows again", func() bool {
			return strings.Contains(w.redis.say("EVAL", "local o = {} for _, k in ipairs(redis.call('KEYS', 'freefall:window*')) do o[#o+1] = redis.call('HGET', k, 'used') end return o", "0"), "12")
		})
		w.got = crowd(t, w.replicas[1:], 40)
		close(release)
	})
	if !maps.Equal(w.got, map[int]int{200: 8, 429: 32}) {
		t.Errorf("after 12 of 20 were drawn the other replica gives %v", w.got)
	}
}

// Of several replicas one tries a model whose cooldown is over.
func TestOneTrialOfAllReplicas(t *testing.T) {
	w := inTime(t, 3, "rpm: 1000", "breaker: {failures: 1, cooldown: 3s}\n", func(w *world) {
		broken := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
		w.provider.answer.Store(&broken)
		_, _, _ = chat(w.replicas[0])
		for _, p := range w.replicas {
			eventually(t, "all know", func() bool { return strings.Contains(p.state(t), `"failure_count":1`) })
		}
		eventually(t, "it is tried", func() bool {
			crowd(t, w.replicas, 9)
			return w.provider.calls.Load() > 1
		})
		for range 20 {
			crowd(t, w.replicas, 9)
			time.Sleep(20 * time.Millisecond)
		}
		w.got = map[int]int{0: int(w.provider.calls.Load())}
	})
	if n := w.got[0]; n != 2 {
		t.Errorf("%d calls: one that failed and one trial are 2", n)
	}
}
