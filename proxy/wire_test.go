package proxy

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"freefall/fallback"
	"freefall/internal/fakellm"
	"freefall/internal/openai"
)

// Every recorded answer of a provider goes through the whole proxy: as model a1 of provider a before the good model b1 of
// provider b, alone, and behind several keys. What the tables demand of it is worked out here from the sample's own fields.

// noon is when samples are read that name no moment: 04:00 in Los Angeles.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// demand is what a sample demands of the proxy.
type demand struct {
	fakellm.Sample
	dialect string
	target  string // what the answer speaks of
	now     time.Time
}

func demandOf(s fakellm.Sample) demand {
	d := demand{Sample: s, dialect: strings.ReplaceAll(s.Provider, ".", ""), target: s.CoolTarget, now: noon}
	if s.Now != "" {
		d.now, _ = time.Parse(time.RFC3339, s.Now)
	}
	if openai.DialectOf(d.dialect).Name != d.dialect && d.target == "key" {
		d.target = "key+model" // a host without a dialect: narrow unless proven
	}
	return d
}

func (d *demand) fault() bool {
	return d.Class == "upstream_fault" || d.Class == "timeout" || d.Class == "overloaded" && d.Status != 429
}

func (d *demand) limit() bool {
	return d.Class == "rate_limited" || d.Class == "quota_exhausted" || d.Class == "overloaded" && d.Status == 429
}

// rests is what rests after one such answer: a fault rests nothing by itself, one that states a wait rests the pair.
func (d *demand) rests() string {
	switch {
	case d.fault() && d.RetryAfterS == nil:
		return "none"
	case d.fault():
		return "key+model"
	}
	return d.target
}

// count is the failure_count of the model after one such answer.
func (d *demand) count() int {
	if d.fault() || d.limit() && (d.target == "model" || d.target == "key+model") {
		return 1
	}
	return 0
}

// until is when what rests may be asked again; zero = nothing rests, or no end is in sight.
func (d *demand) until() time.Time {
	day := d.now.UTC().Truncate(24 * time.Hour)
	switch {
	case d.rests() == "none":
		return time.Time{}
	case d.CoolUntil == "utc_midnight":
		return day.AddDate(0, 0, 1)
	case d.CoolUntil == "pacific_midnight":
		return time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	case d.CoolUntil == "month_end":
		return time.Date(d.now.Year(), d.now.Month(), 1, 0, 0, 0, 0, time.UTC).AddDate(0, 1, 0)
	case d.CoolUntil == "1h":
		return d.now.Add(time.Hour)
	case d.CoolUntil == "24h":
		return d.now.Add(24 * time.Hour)
	case d.CoolUntil == "backoff":
		return d.now.Add(30 * time.Second)
	case d.CoolUntil == "retry_after", d.CoolUntil == "reset_at":
		return d.now.Add(max(time.Second, time.Duration(*d.RetryAfterS*float64(time.Second))))
	}
	return time.Time{}
}

// reason is the word of the state API.
func (d *demand) reason() string {
	switch {
	case d.rests() == "none":
		return ""
	case d.Class == "model_gone":
		return "gone"
	}
	return d.Class
}

// calls is how often provider a is asked by one request when it has three keys, the first two of them of one account.
func (d *demand) calls() int {
	switch {
	case d.fault(), d.Action != "next_model":
		return 1
	case d.target == "key+model" && d.spent():
		return 2 // the counter is that of the account
	}
	return map[string]int{"key+model": 3, "key": 3, "account": 2, "model": 1, "provider": 1}[d.target]
}

// spent says that the head shows a window that has a limit and no room.
func (d *demand) spent() bool {
	header := func(name string) string { return d.Headers[name] }
	return slices.ContainsFunc(openai.Readings(openai.DialectOf(d.dialect), d.Status, header, d.now), func(r fallback.Reading) bool { return r.Limit > 0 && r.Remaining == 0 })
}

// refused says that the client gets the provider's own words.
func (d *demand) refused(alone bool) bool {
	return d.Action == "return_to_client" || alone && d.Action == "next_model_once_then_return"
}

func (d *demand) script() fakellm.Step {
	if _, known := fakellm.SampleByID(d.ID); known {
		return fakellm.FromSample(d.ID).Forever()
	}
	return fakellm.Raw(d.Status, d.Headers, d.Body).Forever()
}

// evidence is the group that a sample is counted in.
func (d *demand) evidence() string {
	group, _, _ := strings.Cut(d.Evidence, " ")
	return group
}

// tally counts what is right, by group.
type tally struct {
	right, all map[string]int
}

func (y *tally) add(group string, right bool) {
	if y.all == nil {
		y.right, y.all = map[string]int{}, map[string]int{}
	}
	for _, g := range []string{group, "all"} {
		y.all[g]++
		if right {
			y.right[g]++
		}
	}
}

func (y *tally) print(t *testing.T, what string) {
	t.Helper()
	for _, group := range []string{"recorded", "documented", "reconstructed", "synthetic", "synthetic-trap", "all"} {
		if y.all[group] > 0 {
			t.Logf("%-25s %-15s %3d / %3d", what, group, y.right[group], y.all[group])
		}
	}
}

// eachSample runs a test of every sample, whole and streamed; a sample is right when both are.
func eachSample(t *testing.T, what string, test func(t *testing.T, d *demand, stream bool)) {
	var counts tally
	for _, s := range append(slices.Clone(fakellm.Samples()), refusals(t)...) {
		d := demandOf(s)
		right := true
		for _, stream := range []bool{false, true} {
			name := s.ID + "/whole"
			if stream {
				name = s.ID + "/streamed"
			}
			right = t.Run(name, func(t *testing.T) { test(t, &d, stream) }) && right
		}
		counts.add(d.evidence(), right)
	}
	counts.print(t, what)
	if counts.all["all"] < 115+297 {
		t.Errorf("only %d samples", counts.all["all"])
	}
}

// refusals are the samples of internal/openai/testdata/refusals.json, which name a dialect instead of a provider.
func refusals(t *testing.T) (samples []fakellm.Sample) {
	t.Helper()
	data, err := os.ReadFile("../internal/openai/testdata/refusals.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []struct {
		fakellm.Sample
		Dialect string `json:"dialect"`
	}
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		s.Provider = s.Dialect
		samples = append(samples, s.Sample)
	}
	return samples
}

// The sample before a good model: what the client gets, the trail, and the state of both models of the provider.
func TestSamplesBeforeAGoodModel(t *testing.T) {
	eachSample(t, "errors before a good one", func(t *testing.T, d *demand, stream bool) {
		inBubble(t, d.plan("a/a1", "b/b1", "a/a2"), func(w *world) {
			w.fakes["a"].Script("a1", d.script())
			good := w.chat(asked("b1", stream))
			got := w.chat(asked("auto", stream))
			d.checkAnswer(w, got, good, stream)
			d.checkState(w)
			w.checkSecrets(got)
		})
	})
}

// The sample and nobody else: what the client is told, and when to come back.
func TestSamplesBeforeNothing(t *testing.T) {
	eachSample(t, "errors before nothing", func(t *testing.T, d *demand, stream bool) {
		inBubble(t, d.plan("a/a1"), func(w *world) {
			w.fakes["a"].Script("a1", d.script())
			got := w.chat(asked("auto", stream))
			if d.Action == "pass_through" {
				d.checkPassed(w, got, stream)
				return
			}
			d.checkRefusal(w, got, true)
			if !d.refused(true) {
				d.checkExhausted(w, got)
			}
			w.checkSecrets(got)
		})
	})
}

// The sample behind three keys, two of them of one account: only those are asked that it does not speak of.
func TestSamplesBehindSeveralKeys(t *testing.T) {
	eachSample(t, "errors behind keys", func(t *testing.T, d *demand, stream bool) {
		p := d.plan("a/a1", "b/b1")
		p.models[0].Keys = []fallback.Key{{Account: "x"}, {Account: "x"}, {Account: "y"}}
		inBubble(t, p, func(w *world) {
			w.fakes["a"].Script("a1", d.script())
			w.chat(asked("auto", stream))
			want := d.calls()
			if hits := w.fakes["a"].Hits("a1"); hits != want {
				t.Errorf("%d calls, want %d", hits, want)
			}
			_, rows := w.state()
			if got := rows["a1"]; got.FailureCount != d.count() {
				t.Errorf("failure_count %d, want %d", got.FailureCount, d.count())
			}
			// One key is left where the pair alone rests, for a fault that states a wait.
			if want := d.rests() == "none" || d.fault(); rows["a1"].Available != want {
				t.Errorf("is_available %v, want %v", rows["a1"].Available, want)
			}
		})
	})
}

// plan is a chain of "provider/id" in which provider a speaks the sample's dialect, at the sample's time.
func (d *demand) plan(rows ...string) plan {
	p := plan{at: d.now, dialect: map[string]string{"a": d.dialect, "b": "llamacpp"}, pool: fallback.Config{Order: fallback.Priority}}
	for _, row := range rows {
		provider, id, _ := strings.Cut(row, "/")
		p.models = append(p.models, fallback.Model{Provider: provider, ID: id, Name: id, Tools: true})
	}
	return p
}

func asked(model string, stream bool) string {
	return fmt.Sprintf(`{"model":%q,"stream":%v,"messages":[{"role":"user","content":"Hello"}]}`, model, stream)
}

// checkAnswer compares what the client was given by the chain a1, b1 with what it should be; good is an answer of b1.
func (d *demand) checkAnswer(w *world, got, good answer, stream bool) {
	w.Helper()
	switch d.Action {
	case "pass_through":
		d.checkPassed(w, got, stream)
	case "return_to_client":
		d.checkRefusal(w, got, false)
		if hits := w.fakes["b"].Hits("b1"); hits != 1 {
			w.Errorf("b1 was asked, although no other model can cure it")
		}
	default:
		got.check(w, 200, "a1="+d.Class+"; b1=ok", "b1")
		if scrubbed(got.body) != scrubbed(good.body) {
			w.Errorf("not b1's whole answer:\n%s\nwant\n%s", got.body, good.body)
		}
	}
}

// check compares the status and the headers that tell the way.
func (a answer) check(w *world, status int, trail, model string) {
	w.Helper()
	attempts := strconv.Itoa(strings.Count(trail, "="))
	got := []string{strconv.Itoa(a.status), a.trail(), a.header.Get(headerModel), a.header.Get(headerAttempts)}
	if diff := cmp.Diff([]string{strconv.Itoa(status), trail, model, attempts}, got); diff != "" {
		w.Errorf("status, trail, model, attempts (-want +got):\n%s%s", diff, a.body)
	}
}

// checkPassed wants a1's own answer: byte for byte, or as a proper stream of the same content.
func (d *demand) checkPassed(w *world, got answer, stream bool) {
	w.Helper()
	got.check(w, 200, "a1=ok", "a1")
	if !stream {
		if got.body != d.Body {
			w.Errorf("the answer was changed:\n%s", got.body)
		}
		return
	}
	a, err := readStream(got.body)
	var want struct {
		Choices []struct{ Message struct{ Content string } }
	}
	if json.Unmarshal([]byte(d.Body), &want) != nil || err != nil || a.content != want.Choices[0].Message.Content || !a.done {
		w.Errorf("%v: %+v\n%s", err, a, got.body)
	}
}

// exhaustedStatus is what a client is told when such an answer was the only one.
func (d *demand) exhaustedStatus() (status int, kind, code string) {
	switch {
	case d.Class == "context_length":
		return 400, "invalid_request_error", "context_length_exceeded"
	case d.limit():
		return 429, "rate_limit_error", codeExhausted
	}
	return 503, "server_error", codeExhausted
}

// checkRefusal wants one error object of OpenAI's form and nothing of the upstream's headers.
func (d *demand) checkRefusal(w *world, got answer, alone bool) {
	w.Helper()
	status, kind, code := d.exhaustedStatus()
	model := ""
	if d.refused(alone) {
		status, model = d.Status, "a1"
	}
	got.check(w, status, "a1="+d.Class, model)
	e := got.object(w)
	if n := len([]rune(e.Message)); n == 0 || n > 500 {
		w.Errorf("a message of %d characters: %s", n, e.Message)
	}
	if d.refused(alone) {
		if words := upstreamWords(d.Body); !strings.Contains(words, e.Message) {
			w.Errorf("message %q is not of %s", e.Message, words)
		}
		return
	}
	if e.Type != kind || e.Code == nil || *e.Code != code || strings.Contains(d.Body, e.Message) || !strings.Contains(e.Message, "a1") {
		w.Errorf("%+v, want type %s, code %s, advice", e, kind, code)
	}
}

// upstreamWords are the strings of a JSON document, one under the other.
func upstreamWords(doc string) string {
	var v any
	_ = json.Unmarshal([]byte(doc), &v)
	var words []string
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case string:
			words = append(words, strings.Join(strings.Fields(v), " "))
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			for _, k := range slices.Sorted(maps.Keys(v)) {
				walk(v[k])
			}
		}
	}
	walk(v)
	return strings.Join(words, "\n")
}

// checkExhausted wants Retry-After to be true, and asks again when it says so.
func (d *demand) checkExhausted(w *world, got answer) {
	w.Helper()
	after, should := got.header.Get("Retry-After"), got.header.Get("X-Should-Retry")
	wantAfter, wantShould := "", ""
	wait := d.until().Sub(d.now)
	switch {
	case got.status == 400:
	case !d.until().IsZero():
		wantAfter, wantShould = strconv.Itoa(int(math.Ceil(wait.Seconds()))), strconv.FormatBool(wait <= time.Minute)
	case d.fault():
		wantAfter, wantShould = "1", "true" // nothing rests
	default:
		wantShould = "false"
	}
	if after != wantAfter || should != wantShould {
		w.Errorf("Retry-After %q, x-should-retry %q; want %q, %q", after, should, wantAfter, wantShould)
	}
	w.fakes["a"].Script("a1")
	if d.until().IsZero() {
		return
	}
	const later = 300 * time.Millisecond
	time.Sleep(later)
	early := w.chat(asked("auto", false))
	left := strconv.Itoa(int(math.Ceil((wait - later).Seconds())))
	if early.status != got.status || early.header.Get(headerAttempts) != "0" || early.header.Get("Retry-After") != left {
		w.Errorf("asked again at once: %d after %s calls: %v", early.status, early.header.Get(headerAttempts), early.header)
	}
	seconds, _ := strconv.Atoi(after)
	time.Sleep(time.Duration(seconds) * time.Second)
	if late := w.chat(asked("auto", false)); late.status != 200 {
		w.Errorf("asked again after %s s: %d %s", after, late.status, late.body)
	}
}

// checkState compares what the state API says of a1, and of its neighbour at the same provider.
func (d *demand) checkState(w *world) {
	w.Helper()
	type row struct {
		FailureCount int
		Available    bool
		Reason, At   string
	}
	want := map[string]row{"a1": {Available: true}, "a2": {Available: true}, "b1": {Available: true}}
	rests := d.rests()
	if rests != "none" {
		at := "null"
		if !d.until().IsZero() {
			at = d.until().Format(time.RFC3339)
		}
		want["a1"] = row{Reason: d.reason(), At: at}
		if rests == "key" || rests == "account" || rests == "provider" {
			want["a2"] = want["a1"]
		}
	}
	if d.Action != "pass_through" {
		r := want["a1"]
		r.FailureCount = d.count()
		want["a1"] = r
	}
	got := map[string]row{}
	_, rows := w.state()
	for id, m := range rows {
		r := row{FailureCount: m.FailureCount, Available: m.Available}
		if m.Reason != nil {
			r.Reason, r.At = *m.Reason, "null"
		}
		if m.AvailableAt != nil {
			r.At = *m.AvailableAt
			if at, err := time.Parse(time.RFC3339, *m.AvailableAt); err == nil && at.Sub(d.until()).Abs() <= time.Second {
				r.At = d.until().Format(time.RFC3339)
			}
		}
		got[id] = r
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.Errorf("state (-want +got):\n%s", diff)
	}
	last := rows["a1"].LastError
	switch {
	case (last == nil) != (d.Action == "pass_through"):
		w.Errorf("last_error %v", last)
	case last != nil:
		words, ok := strings.CutPrefix(*last, d.Class)
		if words = strings.TrimPrefix(words, ": "); !ok || len([]rune(words)) > 300 || strings.ContainsAny(words, "\r\n") {
			w.Errorf("last_error %q", *last)
		}
	}
}

// ownHeaders are all that an answer may carry, beside X-Freefall-*.
var ownHeaders = []string{"Cache-Control", "Connection", "Content-Length", "Content-Type", "Date", "Retry-After", "Vary",
	"X-Accel-Buffering", "X-Request-Id", "X-Should-Retry"}

var likeAKey = regexp.MustCompile(`sk-[a-z]|gsk_|AIza|nvapi-|hf_[A-Za-z]{6}|[Bb]earer [A-Za-z0-9]|org_[a-z0-9]{8}|user_[A-Za-z0-9]{8}`)

// checkSecrets wants nothing like a key or an account in what the client or the operator sees, and no header of the
// upstream's.
func (w *world) checkSecrets(got answer) {
	w.Helper()
	for name := range got.header {
		if !strings.HasPrefix(name, "X-Freefall-") && !slices.Contains(ownHeaders, name) {
			w.Errorf("header %s: %s", name, got.header.Get(name))
		}
	}
	for where, text := range map[string]string{"answer": got.body, "headers": fmt.Sprint(got.header), "log": w.log.String(),
		"state": w.do(http.MethodGet, "/api/chat/models", "").body} {
		if found := likeAKey.FindString(text); found != "" {
			w.Errorf("%q in the %s:\n%s", found, where, text)
		}
	}
}

// errorObject is OpenAI's, strictly.
type errorObject struct {
	Message string
	Type    string
	Param   *string
	Code    *string
}

// object reads the one error object of an answer: its four fields and nothing else.
func (a answer) object(w *world) (e errorObject) {
	w.Helper()
	var doc map[string]map[string]json.RawMessage
	if err := json.Unmarshal([]byte(a.body), &doc); err != nil {
		w.Fatalf("%v in %s", err, a.body)
	}
	if fields := slices.Sorted(maps.Keys(doc["error"])); len(doc) != 1 || !slices.Equal(fields, []string{"code", "message", "param", "type"}) {
		w.Errorf("fields %v of %s", fields, a.body)
	}
	raw, _ := json.Marshal(doc["error"])
	if err := json.Unmarshal(raw, &e); err != nil {
		w.Errorf("%v in %s", err, a.body)
	}
	if ct := a.header.Get("Content-Type"); ct != "application/json" {
		w.Errorf("Content-Type %q", ct)
	}
	return e
}

var identity = regexp.MustCompile(`"id":"chatcmpl-[^"]*"|"created":\d+`)

// scrubbed is an answer of the simulated provider without what differs from request to request.
func scrubbed(body string) string { return identity.ReplaceAllString(body, `"-"`) }
