package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"syscall"
	"testing"
	"time"

	"freefall/internal/fakellm"
)

const loggedJSON = `[
{"id":"r1","time":"2026-11-22T19:48:00.500Z","client":null,"asked":"auto","model":"b:free","provider":"p","status":200,"outcome":"ok","error":null,"waited_ms":0,"took_ms":812,"ttft_ms":640,"trail":"a:free=rate_limited; b:free=ok","attempts":[{"model":"a:free"},{"model":"b:free"}]},
{"id":"r2","time":"2026-11-22T19:48:10.500Z","client":"ana","asked":null,"model":null,"provider":null,"status":429,"outcome":"failed","error":"all_models_exhausted","waited_ms":15000,"took_ms":15004,"ttft_ms":null,"trail":"","attempts":[]},
{"id":"r3","time":"2026-11-22T19:49:10.500Z","client":"ana","asked":"x\u001b[2J","model":"\u202ea","provider":"p","status":200,"outcome":"upstream_fault","error":null,"waited_ms":0,"took_ms":1000,"ttft_ms":999,"trail":"a=ok","attempts":[]}]`

func TestLogTable(t *testing.T) {
	var rows []loggedRequest
	if err := json.Unmarshal([]byte(loggedJSON), &rows); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	l := logReader{out: &out, place: time.UTC}
	l.show(rows[:2])
	l.show(rows)
	want := `TIME      STATUS                    TOOK                    FIRST   CLIENT  MODEL   TRAIL
19:48:00  200                       812 ms                  640 ms  -       b:free  a:free=rate_limited; b:free=ok
19:48:10  429 all_models_exhausted  15.0 s (waited 15.0 s)  -       ana     -       nobody was asked
19:49:10  200 upstream_fault        1.0 s                   999 ms  ana     ?a      a=ok
`
	if out.String() != want {
		t.Errorf("%s\nwant\n%s", &out, want)
	}
	for i, want := range map[logWish][3]bool{{}: {true, true, true}, {failed: true}: {false, true, true}, {model: "a:free"}: {true, false, false}, {model: "auto"}: {true, false, false},
		{model: "b:free", failed: true}: {}} {
		for n := range rows {
			if got := i.matches(&rows[n]); got != want[n] {
				t.Errorf("%+v of %s: %t", i, rows[n].ID, got)
			}
		}
	}
}

// The journal as a table, then each further request, over a restart of freefall too, until Ctrl-C.
func TestLogOfARunningProxy(t *testing.T) {
	t.Parallel()
	fake, url := simulated(t, models("a", "b"))
	yaml := strings.Replace(chain(url, "clients: [{name: ana, key: k-ana-0123456}]\nadmin_key: k-admin-0123456\n", "a", "b"), "providers:", "data_dir: ''\nproviders:", 1)
	f := start(t, yaml)
	ana := []string{"Authorization", "Bearer k-ana-0123456"}
	fake.Script("a", fakellm.Fault(500))
	f.want(f.chat(plainBody, ana...), 200, "a=upstream_fault; b=ok")
	f.want(f.chat(`{`, ana...), 400, "")

	out, err := command(f.dir, nil, "log", "--url", f.url).CombinedOutput()
	if text := string(out); err != nil || !strings.Contains(text, "ana     b      a=upstream_fault; b=ok\n") || !strings.Contains(text, "400 invalid_json") || strings.Count(text, "\n") != 3 {
		t.Errorf("%v:\n%s", err, out)
	}
	for args, lines := range map[string]int{"--failed": 2, "--model b": 2, "--model nobody": 1, "--limit 1": 2, "--key k-ana-0123456": 3} {
		out, err := command(f.dir, nil, append([]string{"log", "--url", f.url}, strings.Fields(args)...)...).CombinedOutput()
		if err != nil || strings.Count(string(out), "\n") != lines {
			t.Errorf("%s: %v:\n%s", args, err, out)
		}
	}
	for args, want := range map[string]string{"--key wrong": "wants a key", "--limit 0": "--limit takes"} {
		out, err := command(f.dir, nil, append([]string{"log", "--url", f.url}, strings.Fields(args)...)...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), want) {
			t.Errorf("%s: %v:\n%s", args, err, out)
		}
	}

	var seen output
	follow := command(f.dir, nil, "log", "--follow", "--url", f.url)
	follow.Stdout, follow.Stderr = &seen, &seen
	if err := follow.Start(); err != nil {
		t.Fatal(err)
	}
	f.until(callBound, "the journal", func() bool { return strings.Contains(seen.String(), "400 invalid_json") })
	f.want(f.chat(streamBody, ana...), 200, "b=ok")
	f.until(callBound, "another request", func() bool { return strings.Count(seen.String(), " b=ok\n") == 2 })
	f.stop()
	for end := time.Now().Add(callBound); !strings.Contains(seen.String(), "trying again"); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it does not tell that freefall is away:\n%s", &seen)
		}
	}
	again := startAt(t, f.dir, f.addr)
	again.want(again.chat(plainBody, append(ana, "X-Request-Id", "later")...), 200, "a=ok")
	again.until(callBound, "a request of the next freefall", func() bool { return strings.Contains(seen.String(), " a=ok\n") })
	if err := follow.Process.Signal(syscall.SIGINT); err != nil {
		t.Error(err)
	}
	if err := follow.Wait(); err != nil {
		t.Errorf("Ctrl-C ended it with %v:\n%s", err, &seen)
	}
	if n := strings.Count(seen.String(), "400 invalid_json"); n != 1 {
		t.Errorf("a request stands there %d times:\n%s", n, &seen)
	}
}
