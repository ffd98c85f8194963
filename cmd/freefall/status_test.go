package main

import (
	"encoding/json"
	"strings"
	"syscall"
	"testing"
	"time"
)

const statusJSON = `{"current_model":"b:free","models":[
{"id":"a:free","name":"A","supports_tools":true,"is_current":false,"failure_count":1,"is_available":false,"provider":"p","reason":"quota_exhausted",
 "available_at":"2026-11-23T00:00:00Z","last_error":"429 \u001b[2Jspent","success_rate":0.5,"ttft_ms":{"p50":null,"p95":null},
 "quota":[{"window":"rpm","scope":"account","used":1,"limit":20,"resets_at":null,"account":"p/#1"},{"window":"rpd","scope":"account","used":50,"limit":50,"resets_at":"2026-11-23T00:00:00Z","account":"p/#1"},
          {"window":"rpm","scope":"account","used":0,"limit":20,"resets_at":null,"account":"p/two"},{"window":"rpd","scope":"account","used":12,"limit":1000,"resets_at":null,"account":"p/two"}]},
{"id":"b:free","name":"B","supports_tools":false,"is_current":true,"failure_count":3,"is_available":true,"provider":"p","reason":"trial","available_at":null,"last_error":null,"quota":[]},
{"id":"c","name":"C","supports_tools":false,"is_current":false,"failure_count":0,"is_available":false,"provider":"q","reason":"rate_limited","available_at":"2026-11-22T19:48:41Z","last_error":null,
 "quota":[{"window":"tpm","scope":"model","used":7000,"limit":8000,"resets_at":null},{"window":"concurrency","scope":"account","used":0,"limit":1,"resets_at":null}]},
{"id":"d","name":"D","supports_tools":false,"is_current":false,"failure_count":0,"is_available":false,"provider":"q","reason":"not_free","available_at":null,"last_error":null}
],"waiting":2,"accounts":[
{"name":"p/#1","models":["a:free"],"quota":[{"window":"rpm","scope":"account","used":1,"limit":20,"resets_at":"2026-11-22T19:48:30Z"},{"window":"rpd","scope":"account","used":50,"limit":50,"resets_at":"2026-11-23T00:00:00Z"}]},
{"name":"q","models":["c"],"quota":[]},
{"name":"r","models":["e"],"quota":[{"window":"requests/30d","scope":"account","used":9,"limit":1000,"resets_at":"2026-11-26T00:00:00Z","learned":true}]}],
"clients":[{"name":"ana","quota":[{"window":"rpd","scope":"client","used":5,"limit":20,"resets_at":"2026-11-23T00:00:00Z"}]}],"keys":[
{"provider":"p","n":1,"last4":"ab12","account":"p/#1","state":"rests","reason":"quota_exhausted","until":"2026-11-23T00:00:00Z"},
{"provider":"p","n":2,"last4":null,"account":"p/two","state":"available","reason":null,"until":null},
{"provider":"r","n":1,"last4":"cd\u001b4","account":"r","state":"parked","reason":"auth","until":null}],"config_error":"models.yaml:3: no"}`

func TestStatusTables(t *testing.T) {
	var s statusAnswer
	if err := json.Unmarshal([]byte(statusJSON), &s); err != nil {
		t.Fatal(err)
	}
	goldenCheck(t, "testdata/check/status.txt", s.text(time.Date(2026, 11, 22, 19, 48, 0, 0, time.UTC)))
}

func TestTimeLeft(t *testing.T) {
	now := time.Date(2026, 11, 22, 19, 48, 0, 0, time.UTC)
	for d, want := range map[time.Duration]string{
		-time.Hour: "0 s", 0: "0 s", time.Millisecond: "1 s", 41 * time.Second: "41 s", time.Minute: "60 s", 61 * time.Second: "2 m",
		59*time.Minute + time.Second: "1 h 0 m", 4*time.Hour + 12*time.Minute: "4 h 12 m", 76 * time.Hour: "3 d 4 h",
	} {
		if got := left(now.Add(d), now); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
	if got := left(time.Time{}, now); got != "" {
		t.Errorf("no end in sight: %s", got)
	}
}

// status shows what a request has drawn, and --watch what changes meanwhile, until Ctrl-C; that the proxy is away for a
// moment does not end it.
func TestStatusOfARunningProxy(t *testing.T) {
	t.Parallel()
	_, url := simulated(t, models("a", "b"))
	f := start(t, strings.Replace(chain(url, "clients: [{name: ana, key: k-ana-0123456, rpd: 9}]\nadmin_key: k-admin-0123456\n", "a", "b"),
		`{id: "a", `, `{id: "a", limits: {rpd: 50, rpm: 2}, `, 1))
	f.want(f.chat(plainBody, "Authorization", "Bearer k-ana-0123456"), 200, "a=ok")

	out, err := command(f.dir, nil, "status", "--url", f.url).CombinedOutput()
	if text := string(out); err != nil || !strings.Contains(text, ">  a      p         yes    0         1/2 rpm  available") || !strings.Contains(text, "ana     1/9 rpd") {
		t.Errorf("%v:\n%s", err, out)
	}

	var seen output
	watch := command(f.dir, nil, "status", "--watch", "--url", f.url)
	watch.Stdout, watch.Stderr = &seen, &seen
	if err := watch.Start(); err != nil {
		t.Fatal(err)
	}
	f.until(callBound, "the first look", func() bool { return strings.Contains(seen.String(), "1/2 rpm") })
	f.want(f.chat(plainBody, "Authorization", "Bearer k-ana-0123456"), 200, "a=ok")
	f.until(callBound, "a second look", func() bool { return strings.Contains(seen.String(), "2/2 rpm") })
	f.stop()
	for end := time.Now().Add(callBound); !strings.Contains(seen.String(), "no freefall at"); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Error("it does not tell that the proxy is away")
			break
		}
	}
	if err := watch.Process.Signal(syscall.SIGINT); err != nil {
		t.Error(err)
	}
	if err := watch.Wait(); err != nil {
		t.Errorf("Ctrl-C ended it with %v:\n%s", err, &seen)
	}
}
