package main

import (
	"fmt"
	"net"
	"strings"
	"testing"
)

// A Redis that is not there costs nobody an answer, and is told once.
func TestRedisThatIsNotThere(t *testing.T) {
	_, url := simulated(t, models("a"))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	_ = ln.Close()
	f := start(t, fmt.Sprintf("providers: {p: {base_url: %q, limits: {rpm: 3}}}\nmodels: [{id: a, provider: p}]\nredis: redis://ana:pa55word@%s/0\nrouting: {max_wait: 0s}\n", url, addr))
	for range 3 {
		f.want(f.chat(ask("a")), 200, "a=ok")
	}
	f.want(f.chat(ask("a")), 429, "")
	if got := f.get("/readyz"); got.status != 200 {
		t.Errorf("readyz: %d %s", got.status, got.body)
	}
	if got := f.get("/metrics"); !strings.Contains(got.body, "\nfreefall_redis_up 0\n") {
		t.Error("the metrics do not tell")
	}
	if got := f.get("/api/chat/models"); !strings.Contains(got.body, `"redis_up":false`) {
		t.Errorf("the state does not tell: %s", got.body)
	}
	out, err := command(f.dir, nil, "status", "--url", f.url).CombinedOutput()
	if text := string(out); err != nil || !strings.Contains(text, "\nRedis does not answer: this replica goes by its own counts\n") {
		t.Errorf("status: %v %s", err, text)
	}
	out, err = command(f.dir, nil, "check").CombinedOutput()
	if text := string(out); err != nil || !strings.Contains(text, "\nShared with other replicas over redis://"+addr+"/0\n") || strings.Contains(text, "pa55word") {
		t.Errorf("check: %v %s", err, text)
	}
	said := f.stderr.String()
	if strings.Count(said, "Redis does not answer, each replica goes by its own counts until it does: ") != 1 || strings.Contains(said, "pa55word") ||
		strings.Contains(said, "not served") {
		t.Errorf("it says %s", said)
	}
}
