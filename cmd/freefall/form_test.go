package main

import (
	"strings"
	"testing"

	"freefall/internal/fakellm"
)

// What a model has refused to know is left out after a restart, too.
func TestRefusedKeysOutliveTheProcess(t *testing.T) {
	t.Parallel()
	const body = `{"model":"auto","min_p":0.1,"messages":[{"role":"user","content":"Hello"}]}`
	fake, url := simulated(t, models("a", "b"))
	fake.Script("a", fakellm.Raw(400, map[string]string{"content-type": "application/json"}, `{"error":{"message":"property 'min_p' is unsupported"}}`))
	f := start(t, chain(url, "routing: {order: priority}\n", "a", "b"))
	f.want(f.chat(body), 200, "a=unsupported_feature; b=ok")
	if code := f.stop(); code != 0 {
		t.Fatalf("ended with %d", code)
	}
	f = startIn(t, f.dir)
	f.want(f.chat(body), 200, "a=ok")
	all := fake.Requests()
	if sent := string(all[len(all)-1].Body); strings.Contains(sent, "min_p") {
		t.Errorf("a was sent %s", sent)
	}
}

func TestRoutingValidate(t *testing.T) {
	t.Parallel()
	const body = `{"model":"auto","messages":[{"role":"user","content":"Hello"}],"response_format":{"type":"json_object"}}`
	for setting, trail := range map[string]string{"json": "a=unsupported_feature; b=ok", "off": "a=ok"} {
		fake, url := simulated(t, models("a", "b"))
		fake.Script("a", fakellm.Say("Sure!"))
		f := start(t, chain(url, "routing: {order: priority, validate: "+setting+"}\n", "a", "b"))
		f.want(f.chat(body), 200, trail)
	}
}
