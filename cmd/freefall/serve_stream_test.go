package main

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"freefall/internal/fakellm"
)

// secret stands for the words of the first model, which nobody may see.
const secret = "words of the model that failed"

func saying(s fakellm.Step) fakellm.Step {
	s.Text = secret
	return s
}

// 4.2: until an event bears content, or the body is whole, every failure moves on and leaves no trace.
func TestServeMovesOnBeforeTheCommitPoint(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		step fakellm.Step
		body string
	}{
		{"500", fakellm.Fault(500), plainBody},
		{"503, streamed", fakellm.Fault(503), streamBody},
		{"error in a 200", fakellm.Error200(), plainBody},
		{"error in a 200, streamed", fakellm.Error200(), streamBody},
		{"html", fakellm.HTML(), plainBody},
		{"html, streamed", fakellm.HTML(), streamBody},
		{"empty", fakellm.Empty(), plainBody},
		{"empty, streamed", fakellm.Empty(), streamBody},
		{"cut, whole", saying(fakellm.Cut(0, fakellm.Close)), plainBody},
		{"reset, whole", saying(fakellm.Cut(0, fakellm.Reset)), plainBody},
		{"cut after the role", saying(fakellm.Cut(1, fakellm.Close)), streamBody},
		{"reset after the role", saying(fakellm.Cut(1, fakellm.Reset)), streamBody},
		{"half an event", saying(fakellm.Cut(1, fakellm.Garble)), streamBody},
		{"a clean end without a word", saying(fakellm.Cut(1, fakellm.End)), streamBody},
		{"error as the second event", saying(fakellm.ErrorAt(2)), streamBody},
		{"error in a choice", saying(fakellm.Cut(1, fakellm.ErrorChoice)), streamBody},
		{"no bytes at all", fakellm.Raw(200, map[string]string{"content-type": "text/event-stream"}, ""), streamBody},
		{"nothing but [DONE]", fakellm.RawStream("data: [DONE]\n\n", 0), streamBody},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			fake, url := simulated(t, models("a", "b"))
			fake.Script("a", tt.step)
			fake.Script("b", fakellm.Say("all of the answer"))
			f := start(t, chain(url, "", "a", "b"))
			got := f.chat(tt.body)
			if got.status != 200 || got.attempts() != "2" || !strings.HasSuffix(got.trail(), "; b=ok") || got.err != nil {
				t.Errorf("%d by %q (%v)", got.status, got.trail(), got.err)
			}
			if got.text() != "all of the answer" || strings.Contains(got.body, secret) || strings.Contains(got.body, `"a"`) {
				t.Errorf("the client got %s", got.body)
			}
			if tt.body == streamBody && !got.clean() {
				t.Errorf("no clean end: %s", got.body)
			}
		})
	}
}

// 4.2: an empty completion moves on once; a second one is the answer.
func TestServeBelievesASecondEmptyAnswer(t *testing.T) {
	t.Parallel()
	fake, url := simulated(t, models("a", "b", "c"))
	fake.Script("a", fakellm.Empty())
	fake.Script("b", fakellm.Empty())
	f := start(t, chain(url, "", "a", "b", "c"))
	if got := f.chat(plainBody); got.status != 200 || got.attempts() != "2" || got.text() != "" || fake.Hits("c") != 0 {
		t.Errorf("%d after %s attempts, c was asked %d times: %s", got.status, got.attempts(), fake.Hits("c"), got.body)
	}
}

// 4.2: after the commit point nothing is hidden: one error event, no clean end, nothing of another model.
func TestServeTellsWhatBreaksAfterTheCommitPoint(t *testing.T) {
	t.Parallel()
	for _, how := range []fakellm.How{fakellm.Close, fakellm.Reset, fakellm.Stall, fakellm.Garble, fakellm.End,
		fakellm.ErrorEvent, fakellm.ErrorBare, fakellm.ErrorEmpty, fakellm.ErrorChoice, fakellm.ErrorNamed} {
		t.Run(string(how), func(t *testing.T) {
			t.Parallel()
			fake, url := simulated(t, models("a", "b"))
			step := fakellm.Cut(3, how)
			step.Text, step.Chunks = "one two three four five six", 6
			fake.Script("a", step)
			f := start(t, chain(url, "timeouts: {idle: 500ms}\n", "a", "b"))
			got := f.chat(streamBody)
			f.want(got, 200, "a=ok")
			if text := got.text(); !strings.HasPrefix("one two three four five six", text) || text == "" {
				t.Errorf("the content is %q", text)
			}
			if got.problem().Message == "" || got.problem().Type == "" || strings.Contains(got.body, "[DONE]") || strings.Count(got.body, `data: {"error"`) != 1 {
				t.Errorf("ends with %.300q", got.body[max(0, len(got.body)-300):])
			}
			if a := f.row("a"); a.FailureCount != 1 || fake.Hits("b") != 0 {
				t.Errorf("%d failures, b asked %d times", a.FailureCount, fake.Hits("b"))
			}
		})
	}
}

// 4.9: what the client writes goes up as it is, but for the model's name; what the model says comes down as it is.
func TestServeKeepsBytes(t *testing.T) {
	t.Parallel()
	fake, url := simulated(t, models("vendor/a:free"))
	f := start(t, chain(url, "", "vendor/a:free"))

	const up = "\t{ \"temperature\":1.50e+00,\r\n\"unknown\" : {\"z\":1,\"a\":[1 , 2],\"z\":12345678901234567890.10},\"model\"  :  %s ,\n" +
		"\"messages\":[ {\"content\":\"caf\\u00e9 \\ud83d\\ude00 \u2028 日本 \\/ \",\"role\":\"user\"} ],\"seed\":9007199254740993%s}\r\n"
	const whole = "{ \"id\":\"x\" ,\"unknown\":{\"b\":1.0,\"a\":null},\"object\":\"chat.completion\",\"created\":1,\"model\":\"who/knows\",\n\t\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"a\\u00e9\\/ 日\"},\"finish_reason\":\"stop\"}]}\n"
	const streamed = `,"stream":true,"stream_options":{"include_usage":true}` // whoever asks for usage leaves nothing to be added
	fake.Script("vendor/a:free", fakellm.Raw(200, map[string]string{"content-type": "application/json", "x-ratelimit-remaining-requests": "3"}, whole))
	got := f.chat(fmt.Sprintf(up, `"gpt-4o"`, ""))
	if got.status != 200 || got.body != whole {
		t.Errorf("%d, the answer came as\n%q, not as\n%q", got.status, got.body, whole)
	}
	if h := got.header.Get("X-Ratelimit-Remaining-Requests"); h != "" {
		t.Error("a limit of one key was passed on")
	}

	const events = "data: {\"id\":\"x\", \"created\":1,\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n" +
		"data: {\"id\":\"x\",\"created\":1,  \"choices\":[ {\"index\":0,\"delta\":{\"content\":\"a\\u00e9 日\"},\"odd\":1.0e0}]}\n\n" +
		"data: {\"id\":\"x\",\"created\":1,\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n" +
		"data: [DONE]\n\n"
	fake.Script("vendor/a:free", fakellm.RawStream(events, 0, -1))
	if got = f.chat(fmt.Sprintf(up, `"gpt-4o"`, streamed)); got.body != events {
		t.Errorf("the stream came as\n%q, not as\n%q", got.body, events)
	}

	odd := "\ufeffid: 1\r\nevent: message\r\nretry: 10\r\ndata: {\"id\":\"x\",\"created\":1,\r\ndata: \"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"}}]}\r\n\r\n" +
		"data:\r\n\r\n: comment\r\rdata:{\"id\":\"x\",\"created\":1,\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\r\rdata: [DONE]\n\n"
	fake.Script("vendor/a:free", fakellm.RawStream(odd, 0))
	got = f.chat(fmt.Sprintf(up, `"gpt-4o"`, streamed))
	if got.text() != "hi" || !got.clean() || strings.ContainsAny(got.body, "\r\ufeff") || strings.Contains(got.body, "id: 1") ||
		strings.Contains(got.body, "event:") || strings.Contains(got.body, "retry:") || strings.Contains(got.body, "data: \n") {
		t.Errorf("another framing came as\n%q", got.body)
	}

	for i, more := range []string{"", streamed, streamed} {
		if sent, want := string(chats(fake)[i].Body), fmt.Sprintf(up, `"vendor/a:free"`, more); sent != want {
			t.Errorf("sent\n%q, not\n%q", sent, want)
		}
	}
}

// 4.9: usage that only freefall asked for stays here; usage that the client asked for comes once and last.
func TestServeTellsUsageToThoseWhoAsk(t *testing.T) {
	t.Parallel()
	fake, url := simulated(t, models("a"))
	f := start(t, chain(url, "", "a"))
	if got := f.chat(streamBody); strings.Contains(got.body, `"usage":{`) || !got.clean() {
		t.Errorf("not asked for: %s", got.body)
	}
	if sent := string(chats(fake)[0].Body); !strings.Contains(sent, `"include_usage":true`) {
		t.Errorf("freefall wants to know what was used, and sent %s", sent)
	}
	got := f.chat(strings.Replace(streamBody, `"stream":true`, `"stream":true,"stream_options":{"include_usage":true}`, 1))
	events := got.events()
	if n := strings.Count(got.body, `"usage":{`); n != 1 || len(events) < 2 || !strings.Contains(events[len(events)-2], `"usage":{`) || !got.clean() {
		t.Errorf("asked for: %s", got.body)
	}
}

// 4.12: each bound holds on its own: beside the one that is meant all others are longer than a call of the test may take.
func TestServeKeepsTimes(t *testing.T) {
	t.Parallel()
	after := func(t *testing.T, got answer, least time.Duration) {
		t.Helper()
		if got.took < least {
			t.Errorf("took %v, want %v at least", got.took, least)
		}
	}
	short := func(bounds ...string) string {
		all := map[string]string{"connect": "60s", "first_token": "60s", "answer": "60s", "idle": "60s", "total": "60s"}
		for _, b := range bounds {
			key, value, _ := strings.Cut(b, " ")
			all[key] = value
		}
		return fmt.Sprintf("timeouts: {connect: %s, first_token: %s, answer: %s, idle: %s, total: %s}\n",
			all["connect"], all["first_token"], all["answer"], all["idle"], all["total"])
	}
	for _, how := range []fakellm.How{fakellm.NoHead, fakellm.Silence, fakellm.CommentsOnly} {
		t.Run("first_token/"+string(how), func(t *testing.T) {
			t.Parallel()
			fake, url := simulated(t, models("a", "b"))
			fake.Script("a", fakellm.Hang(how))
			f := start(t, chain(url, short("first_token 600ms"), "a", "b"))
			got := f.chat(streamBody)
			f.want(got, 200, "a=timeout; b=ok")
			after(t, got, 600*time.Millisecond)
			if a := f.row("a"); a.FailureCount != 1 {
				t.Errorf("%+v", a)
			}
		})
	}
	t.Run("answer", func(t *testing.T) {
		t.Parallel()
		fake, url := simulated(t, models("a", "b"))
		fake.Script("a", fakellm.Hang(fakellm.Silence))
		f := start(t, chain(url, short("answer 600ms"), "a", "b"))
		got := f.chat(plainBody)
		f.want(got, 200, "a=timeout; b=ok")
		after(t, got, 600*time.Millisecond)
	})
	t.Run("connect", func(t *testing.T) {
		t.Parallel()
		_, url := simulated(t, models("b"))
		f := start(t, fmt.Sprintf("%sproviders: {mute: {base_url: \"https://%s/v1\"}, p: {base_url: %q}}\nmodels: [{id: a, provider: mute}, {id: b, provider: p}]\n",
			short("connect 300ms"), mute(t), url))
		got := f.chat(streamBody)
		f.want(got, 200, "a=timeout; b=ok")
		after(t, got, 300*time.Millisecond)
	})
	t.Run("idle", func(t *testing.T) {
		t.Parallel()
		fake, url := simulated(t, models("a"))
		fake.Script("a", fakellm.Cut(3, fakellm.Stall))
		f := start(t, chain(url, short("idle 500ms"), "a"))
		got := f.chat(streamBody)
		after(t, got, 500*time.Millisecond)
		if got.problem().Message == "" {
			t.Errorf("silence ended as %s", got.body)
		}
	})
	t.Run("comments stretch idle to three times", func(t *testing.T) {
		t.Parallel()
		fake, url := simulated(t, models("a"))
		const content = "data: {\"id\":\"x\",\"created\":1,\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"}}]}\n\n"
		var body strings.Builder
		body.WriteString(content)
		packets := []int{body.Len()}
		for range 60 {
			body.WriteString(": still here\n\n")
			packets = append(packets, body.Len())
		}
		fake.Script("a", fakellm.RawStream(body.String(), 100*time.Millisecond, packets...))
		f := start(t, chain(url, short("idle 1s"), "a"))
		got := f.chat(streamBody)
		after(t, got, 2900*time.Millisecond)
		if got.text() != "hi" || got.problem().Message == "" {
			t.Errorf("comments ended as %s", got.body)
		}
	})
	t.Run("total", func(t *testing.T) {
		t.Parallel()
		fake, url := simulated(t, models("a", "b", "c"))
		for _, id := range []string{"a", "b", "c"} {
			fake.Script(id, fakellm.Hang(fakellm.NoHead).Forever())
		}
		f := start(t, chain(url, short("first_token 1s", "total 1500ms"), "a", "b", "c"))
		got := f.chat(streamBody)
		after(t, got, 1500*time.Millisecond)
		if got.status != 503 || got.problem().Code != "all_models_exhausted" || got.attempts() != "2" || fake.Hits("c") != 0 {
			t.Errorf("%d after %s attempts, c was asked %d times: %s", got.status, got.attempts(), fake.Hits("c"), got.body)
		}
		if b := f.row("b"); b.FailureCount != 0 {
			t.Errorf("the model that had the last moments alone is blamed: %+v", b)
		}
	})
	t.Run("total does not cut a stream that has begun", func(t *testing.T) {
		t.Parallel()
		fake, url := simulated(t, models("a"))
		slow := fakellm.Slow(0, 0, 20*time.Millisecond) // far from idle, on a busy machine as well
		slow.Text, slow.Chunks = strings.Repeat("word ", 100), 100
		fake.Script("a", slow)
		f := start(t, chain(url, short("total 1s"), "a"))
		got := f.chat(streamBody)
		if !got.clean() || got.text() != slow.Text || got.took < 1200*time.Millisecond {
			t.Errorf("took %v: %s", got.took, got.body)
		}
	})
}

// mute is the address of a server that takes connections and says nothing.
func mute(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln.Addr().String() // the kernel accepts
}
