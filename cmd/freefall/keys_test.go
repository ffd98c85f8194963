package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"freefall/internal/config"
	"freefall/internal/roster"
	"freefall/proxy"
)

// baseYAML is what each row of effects changes one key of.
const baseYAML = `
providers:
  p: {base_url: "http://127.0.0.1:9/v1", keys: [k-0123456789]}
  q: {base_url: "http://127.0.0.1:8/v1", keys: []}
  r: {base_url: "http://127.0.0.1:7/v1", limits: {rpd: 9}, model_limits: {rpd: 9}}
  s: {base_url: "https://openrouter.ai/api/v1", keys: [k-9876543210]}
models:
  - {id: a/b:free, provider: p}
  - {id: c, provider: p}
  - {id: d, provider: r, limits: {rpd: 8}}
  - {id: e, provider: r}
  - {id: v/priced, provider: s}
clients: [{name: one, key: k-one-0123456, rpd: 7}]
`

// effects is a file for each key that differs from baseYAML in that key alone. What the file means to the parts that serve
// must differ as well.
var effects = map[string]string{
	"admin_key":                        `admin_key: k-0123456789`,
	"allowed_hosts.[]":                 `allowed_hosts: [llm.example.org]`,
	"allowed_origins.[]":               `allowed_origins: ["https://app.example.org"]`,
	"breaker.cooldown":                 `breaker: {cooldown: 31s}`,
	"breaker.failures":                 `breaker: {failures: 4}`,
	"breaker.max_cooldown":             `breaker: {max_cooldown: 11m}`,
	"chains.*.models.[]":               `chains: {code: {models: ["a/*"]}}`,
	"chains.*.match.tools":             `chains: {code: {models: ["*"], match: {tools: true}}}`,
	"chains.*.match.vision":            `chains: {code: {models: ["*"], match: {vision: true}}}`,
	"chains.*.match.json_schema":       `chains: {code: {models: ["*"], match: {json_schema: true}}}`,
	"chains.*.match.images":            `chains: {code: {models: ["*"], match: {images: true}}}`,
	"chains.*.match.json":              `chains: {code: {models: ["*"], match: {json: true}}}`,
	"chains.*.match.min_context":       `chains: {code: {models: ["*"], match: {min_context: 5000}}}`,
	"chains.*.match.task":              `chains: {code: {models: ["*"], match: {task: code}}}`,
	"chains.*.privacy":                 `chains: {code: {models: ["*"], privacy: no_train}}`,
	"client_keys.[]":                   `client_keys: [k-0123456789]`,
	"clients.[].key":                   bounded(`name: one, key: k-two-0123456, rpd: 7`),
	"clients.[].name":                  bounded(`name: two, key: k-one-0123456, rpd: 7`),
	"clients.[].rpd":                   bounded(`name: one, key: k-one-0123456, rpd: 8`),
	"clients.[].rpm":                   bounded(`name: one, key: k-one-0123456, rpd: 7, rpm: 1`),
	"clients.[].tpd":                   bounded(`name: one, key: k-one-0123456, rpd: 7, tpd: 1`),
	"allow_paid.[].id":                 `allow_paid: [{id: v/priced, usd_per_day: 1}]`,
	"allow_paid.[].usd_per_day":        `allow_paid: [{id: v/priced, usd_per_day: 2}]`,
	"max_body":                         `max_body: 1MiB`,
	"privacy":                          `privacy: no_train`,
	"routing.broken_stream":            `routing: {broken_stream: continue}`,
	"routing.hedge_after":              `routing: {hedge_after: 800ms}`,
	"routing.hedge_share":              `routing: {hedge_share: 0.2}`,
	"routing.max_wait":                 `routing: {max_wait: 14s}`,
	"routing.max_waiting":              `routing: {max_waiting: 199}`,
	"routing.order":                    `routing: {order: priority}`,
	"routing.pace":                     `routing: {pace: day}`,
	"routing.spread":                   `routing: {spread: fill}`,
	"routing.stick":                    `routing: {stick: 61s}`,
	"routing.validate":                 `routing: {validate: json}`,
	"timeouts.connect":                 `timeouts: {connect: 4s}`,
	"timeouts.first_token":             `timeouts: {first_token: 21s}`,
	"timeouts.answer":                  `timeouts: {answer: 91s}`,
	"timeouts.min_rate":                `timeouts: {min_rate: 20}`,
	"timeouts.idle":                    `timeouts: {idle: 31s}`,
	"timeouts.total":                   `timeouts: {total: 121s}`,
	"models.[].id":                     model(`id: other, provider: p`),
	"models.[].name":                   model(`id: c, provider: p, name: Sea`),
	"models.[].kind":                   model(`id: c, provider: p, kind: embedding`),
	"models.[].provider":               model(`id: c, provider: q`),
	"models.[].context_length":         model(`id: c, provider: p, context_length: 9`),
	"models.[].strengths.[]":           model(`id: c, provider: p, strengths: [korean]`),
	"models.[].supports_tools":         model(`id: c, provider: p, supports_tools: true`),
	"models.[].supports_vision":        model(`id: c, provider: p, supports_vision: true`),
	"models.[].supports_json_schema":   model(`id: c, provider: p, supports_json_schema: true`),
	"models.[].timeouts.connect":       model(`id: c, provider: p, timeouts: {connect: 4s}`),
	"models.[].timeouts.first_token":   model(`id: c, provider: p, timeouts: {first_token: 21s}`),
	"models.[].timeouts.answer":        model(`id: c, provider: p, timeouts: {answer: 91s}`),
	"models.[].timeouts.min_rate":      model(`id: c, provider: p, timeouts: {min_rate: 20}`),
	"models.[].timeouts.idle":          model(`id: c, provider: p, timeouts: {idle: 31s}`),
	"providers.*.base_url":             provided(`base_url: "http://127.0.0.1:7/v1", keys: [k-0123456789]`),
	"providers.*.discover":             provided(`base_url: "http://127.0.0.1:9/v1", keys: [k-0123456789], discover: off`),
	"providers.*.discover.every":       provided(`base_url: "http://127.0.0.1:9/v1", keys: [k-0123456789], discover: {every: 2h}`),
	"providers.*.discover.approve":     provided(`base_url: "http://127.0.0.1:9/v1", keys: [k-0123456789], discover: {approve: manual}`),
	"providers.*.discover.prefer.[]":   provided(`base_url: "http://127.0.0.1:9/v1", keys: [k-0123456789], discover: {prefer: ["*2"]}`),
	"providers.*.discover.deny.[]":     provided(`base_url: "http://127.0.0.1:9/v1", keys: [k-0123456789], discover: {deny: ["*2"]}`),
	"providers.*.dialect":              provided(`base_url: "http://127.0.0.1:9/v1", keys: [k-0123456789], dialect: mistral`),
	"providers.*.free":                 provided(`base_url: "http://127.0.0.1:9/v1", keys: [k-0123456789], free: "no"`),
	"providers.*.headers.*":            provided(`base_url: "http://127.0.0.1:9/v1", keys: [k-0123456789], headers: {X-Title: mine}`),
	"providers.*.keys.[]":              provided(`base_url: "http://127.0.0.1:9/v1", keys: [k-0123456789, k-9876543210]`),
	"providers.*.keys.[].key":          provided(`base_url: "http://127.0.0.1:9/v1", keys: [{key: k-other-0123}]`),
	"providers.*.keys.[].account":      provided(`base_url: "http://127.0.0.1:9/v1", keys: [{key: k-0123456789, account: mine}]`),
	"providers.*.timeouts.connect":     provided(`base_url: "http://127.0.0.1:9/v1", keys: [k-0123456789], timeouts: {connect: 4s}`),
	"providers.*.timeouts.first_token": provided(`base_url: "http://127.0.0.1:9/v1", keys: [k-0123456789], timeouts: {first_token: 21s}`),
	"providers.*.timeouts.answer":      provided(`base_url: "http://127.0.0.1:9/v1", keys: [k-0123456789], timeouts: {answer: 91s}`),
	"providers.*.timeouts.min_rate":    provided(`base_url: "http://127.0.0.1:9/v1", keys: [k-0123456789], timeouts: {min_rate: 20}`),
	"providers.*.timeouts.idle":        provided(`base_url: "http://127.0.0.1:9/v1", keys: [k-0123456789], timeouts: {idle: 31s}`),
}

func model(second string) string {
	return strings.Replace(baseYAML, "id: c, provider: p", second, 1)
}

func bounded(client string) string {
	return strings.Replace(baseYAML, "name: one, key: k-one-0123456, rpd: 7", client, 1)
}

// limitKeys are those of limits, each with limits that differ in it alone from {rpd: N}.
var limitKeys = map[string]string{
	"":                     "none",
	".rpd":                 "{rpd: 5}",
	".rpm":                 "{rpd: N, rpm: 3}",
	".tpm":                 "{rpd: N, tpm: 3}",
	".tpd":                 "{rpd: N, tpd: 3}",
	".concurrency":         "{rpd: N, concurrency: 3}",
	".day_resets":          `{rpd: N, day_resets: "01:00 UTC"}`,
	".windows.[]":          "{rpd: N, windows: [{requests: 3, per: 5s}]}",
	".windows.[].requests": "{rpd: N, windows: [{requests: 4, per: 5s}]}",
	".windows.[].tokens":   "{rpd: N, windows: [{tokens: 3, per: 5s}]}",
	".windows.[].per":      "{rpd: N, windows: [{requests: 3, per: 6s}]}",
	".windows.[].kind":     "{rpd: N, windows: [{requests: 3, per: 5s, kind: fixed}]}",
}

// limitEffects are rows for the keys of limits wherever they stand.
func limitEffects() map[string]string {
	rows := map[string]string{}
	for key, limits := range limitKeys {
		for place, now := range map[string]string{"providers.*.limits": " limits: {rpd: 9}", "providers.*.model_limits": "model_limits: {rpd: 9}", "models.[].limits": "limits: {rpd: 8}"} {
			name, n, _ := strings.Cut(strings.TrimSuffix(now, "}"), ": {rpd: ")
			rows[place+key] = strings.Replace(baseYAML, now, name+": "+strings.ReplaceAll(limits, "N", n), 1)
		}
	}
	return rows
}

func provided(p string) string {
	return strings.Replace(baseYAML, `base_url: "http://127.0.0.1:9/v1", keys: [k-0123456789]`, p, 1)
}

// shown are the keys whose effect is on the program itself, with the test here that changes each and sees it.
var shown = map[string]string{
	"listen":     "TestListenAndLogKeys",
	"data_dir":   "TestStateInMemory",
	"drain":      "TestStopCutsAfterDrain",
	"redis":      "TestRedisThatIsNotThere",
	"log.file":   "TestListenAndLogKeys",
	"log.level":  "TestListenAndLogKeys",
	"log.format": "TestListenAndLogKeys",
}

// aliases are other words for a key.
var aliases = map[string]string{"chains.*.match.images": "chains.*.match.vision", "chains.*.match.json": "chains.*.match.json_schema"}

// Every key of the schema is served, or it is named as not served yet: none is read and forgotten.
func TestEveryKeyHasAnEffect(t *testing.T) {
	effects := maps.Clone(effects)
	maps.Copy(effects, limitEffects())
	seen := map[string]string{}
	base := meaning(t, baseYAML)
	if meaning(t, baseYAML) != base {
		t.Fatal("the same file means two things: nothing below could fail")
	}
	for _, key := range schemaKeys(t) {
		if test, ok := shown[key]; ok {
			if !strings.Contains(sources(t), "func "+test+"(") {
				t.Errorf("%s is said to be shown by %s, which does not exist", key, test)
			}
			continue
		}
		if unserved(key) || key == "free_only" { // which takes only its default: internal/config refuses the other
			continue
		}
		yaml, ok := effects[key]
		if !ok {
			t.Errorf("no row shows the effect of %s", key)
			continue
		}
		if !strings.Contains(yaml, "models:\n") {
			yaml += baseYAML
		}
		means := meaning(t, yaml)
		if means == base {
			t.Errorf("%s changes nothing:\n%s", key, yaml)
		}
		if of, ok := aliases[key]; ok {
			if means != meaning(t, effects[of]+baseYAML) {
				t.Errorf("%s is not another word for %s", key, of)
			}
			continue
		}
		if other, ok := seen[means]; ok {
			t.Errorf("%s and %s mean the same:\n%s", key, other, yaml)
		}
		seen[means] = key
	}
	keys := schemaKeys(t)
	for key := range effects {
		if !slices.Contains(keys, key) {
			t.Errorf("the schema has no %s", key)
		}
	}
}

// sources are the tests of this package, as text.
func sources(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	return all.String()
}

// unserved keys are held by the tests of internal/config: each is named when it is set.
func unserved(key string) bool {
	for _, prefix := range []string{"providers.*.timeouts.total", "models.[].timeouts.total"} {
		if strings.HasPrefix(key, prefix) {
			return true
		}
	}
	return false
}

// meaning is all that a file says to the parts that serve it, as text.
func meaning(t *testing.T, yaml string) string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "models.yaml")
	if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(config.Options{Path: path, Dir: dir, Known: known()})
	if err != nil {
		t.Fatalf("%v in\n%s", err, yaml)
	}
	b := build(c)
	var out strings.Builder
	fmt.Fprintf(&out, "%+v\n%+v\n%+v %v %v %v\n", b.settings, b.pool.Chains, b.pool.Breaker, b.pool.Order, b.pool.Spread, b.pool.Stick)
	fmt.Fprintf(&out, "%v %v %+v %v %v\n", b.pool.Pace, b.pool.MaxWaiting, b.pool.Shares, b.pool.NoTrain, b.pool.HedgeShare)
	for _, m := range b.pool.Models {
		route := m.Via.(*proxy.Route)
		m.Via = nil
		fmt.Fprintf(&out, "%+v\n%+v\n", m, reflect.ValueOf(*route))
		p := route.Provider
		fmt.Fprintf(&out, "%s %s %s %+v %v %v %v\n", p.Name, p.ChatURL, p.Dialect.Name, p.Edits, p.Local, p.Keys, p.Headers)
	}
	// What lies behind a pointer is told above by its values.
	text := out.String()
	told := b.pool.Models
	b.take(c, freeModels{}, time.Unix(1e9, 0))
	for _, s := range b.sources(c) {
		text += fmt.Sprintln(s.Provider, s.URL, s.Every)
	}
	for _, j := range b.joined {
		text += fmt.Sprintln(j.Provider, j.ID)
	}
	for _, m := range told {
		text = strings.ReplaceAll(text, fmt.Sprintf("%p", m.Via.(*proxy.Route).Provider), "")
	}
	return text
}

// freeModels are what every provider lists.
type freeModels struct{}

func (freeModels) Of(s *roster.Source) *roster.List {
	return roster.NewList(s.URL, time.Unix(1e9, 0), []roster.Listed{{ID: "x/1", Price: roster.Zero}, {ID: "x/2", Price: roster.Zero}})
}

// schemaKeys are the paths of all values that the schema knows.
func schemaKeys(t *testing.T) []string {
	t.Helper()
	var schema map[string]any
	if err := json.Unmarshal(config.Schema, &schema); err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	var walk func(node map[string]any, path string)
	walk = func(node map[string]any, path string) {
		if ref, ok := node["$ref"].(string); ok {
			node = schema["$defs"].(map[string]any)[ref[strings.LastIndexByte(ref, '/')+1:]].(map[string]any)
		}
		for _, word := range []string{"anyOf", "oneOf"} {
			alternatives, _ := node[word].([]any)
			for _, alternative := range alternatives {
				walk(alternative.(map[string]any), path)
			}
		}
		properties, _ := node["properties"].(map[string]any)
		others, _ := node["additionalProperties"].(map[string]any)
		items, _ := node["items"].(map[string]any)
		switch {
		case properties != nil:
			for name, child := range properties {
				walk(child.(map[string]any), strings.TrimPrefix(path+"."+name, "."))
			}
		case others != nil:
			walk(others, path+".*")
		case items != nil:
			walk(items, path+".[]")
		default:
			found[path] = true
		}
	}
	walk(schema, "")
	keys := make([]string, 0, len(found))
	for key := range found {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func TestListenAndLogKeys(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "models.yaml")
	yaml := "listen: 127.0.0.1:9123\nlog: {level: error, format: console, file: here.log}\n" + baseYAML
	if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	if url, err := ownURL(config.Options{Path: path}); err != nil || url != "http://127.0.0.1:9123" {
		t.Errorf("it would be sought at %s, %v", url, err)
	}
	c, err := config.Load(config.Options{Path: path, Dir: dir, Known: known()})
	if err != nil {
		t.Fatal(err)
	}
	screen, err := os.Create(filepath.Join(dir, "screen"))
	if err != nil {
		t.Fatal(err)
	}
	terminal := os.Stderr
	os.Stderr = screen
	log, closeLog := openLog(c)
	os.Stderr = terminal
	log.Info().Msg("quiet")
	log.Error().Msg("loud")
	closeLog()
	_ = screen.Close()
	for name, want := range map[string]string{"here.log": `"message":"loud"`, "screen": "ERR loud"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !strings.Contains(string(b), want) || strings.Contains(string(b), "quiet") {
			t.Errorf("%s holds %q, %v", name, b, err)
		}
	}
}
