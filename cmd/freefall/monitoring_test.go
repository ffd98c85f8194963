package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"
	prom "github.com/prometheus/common/model"

	"freefall/internal/fakellm"
	"freefall/test/monitoring"
)

// What the dashboard and the alerts ask for is what a running freefall tells: each metric, each label, and each value of one that
// they name.
func TestExamplesAskForWhatIsServed(t *testing.T) {
	t.Parallel()
	page := eventful(t)
	problems, err := promlint.New(strings.NewReader(page)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v %v", problems, err)
	}
	served := servedBy(t, page)
	const examples = "../../examples/monitoring/"
	panels, err := monitoring.Dashboard(examples + "dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range panels {
		for _, q := range p.Targets {
			served.answers(t, p.Title, q.Expr, q.LegendFormat)
		}
	}
	rules, err := monitoring.Rules(examples + "alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rules {
		served.answers(t, r.Alert, r.Expr, r.Annotations["summary"]+r.Annotations["description"])
	}
}

// eventful is the page of metrics of a freefall to which everything has happened that has a metric.
func eventful(t *testing.T) string {
	t.Helper()
	o := models("a", "b", "c")
	o.Keys, o.Keyless = map[string]string{"key-good-0123": "x", "key-also-0123": "y"}, false
	fake, url := simulated(t, o)
	f := start(t, fmt.Sprintf(`
clients: [{name: ana, key: k-ana-0123456, rpd: 100}]
admin_key: k-admin-0123456
routing: {order: priority}
providers:
  p: {base_url: %q, keys: [{key: key-good-0123, account: x}, {key: key-dead-0123, account: z}], limits: {rpd: 20, day_resets: "%02d:00 UTC"}, model_limits: {rpm: 100}, discover: {every: 1h}}
models: [{id: a}, {id: b}]
`, url, (time.Now().UTC().Hour()+12)%24))
	ana := []string{"Authorization", "Bearer k-ana-0123456"}
	fake.Script("a", fakellm.Fault(500), fakellm.Fault(429))
	for range 4 {
		f.chat(plainBody, ana...)
		f.chat(streamBody, ana...)
	}
	var page string
	f.until(callBound, "the list of models", func() bool {
		page = f.get("/metrics", "Authorization", "Bearer k-admin-0123456").body
		return strings.Contains(page, "\nfreefall_list_models{")
	})
	return page
}

// series are the labels of metrics, and their values.
type series map[string]map[string][]string

func servedBy(t *testing.T, page string) series {
	t.Helper()
	parser := expfmt.NewTextParser(prom.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	all := series{}
	for name, family := range families {
		parts := []string{name}
		if family.GetType().String() == "HISTOGRAM" {
			parts = []string{name + "_bucket", name + "_sum", name + "_count"}
		}
		for _, name := range parts {
			labels := map[string][]string{"job": nil, "instance": nil} // Prometheus' own
			for _, m := range family.Metric {
				for _, l := range m.Label {
					labels[l.GetName()] = append(labels[l.GetName()], l.GetValue())
				}
			}
			if strings.HasSuffix(name, "_bucket") {
				labels["le"] = nil
			}
			all[name] = labels
		}
	}
	return all
}

// answers says what a question asks for in vain.
func (s series) answers(t *testing.T, who, expr, shown string) {
	t.Helper()
	known := map[string]bool{}
	for _, want := range monitoring.Selectors(expr) {
		labels, ok := s[want.Name]
		if !ok {
			t.Errorf("%s: nobody serves %s", who, want.Name)
			continue
		}
		for label := range labels {
			known[label] = true
		}
		for label, values := range want.Labels {
			for _, v := range values {
				if has, ok := labels[label]; !ok || has != nil && !slices.Contains(has, v) {
					t.Errorf("%s: %s has no %s %q", who, want.Name, label, v)
				}
			}
		}
	}
	if len(known) == 0 && strings.Contains(expr, "freefall_") {
		t.Errorf("%s asks for nothing: %s", who, expr)
	}
	for _, label := range append(monitoring.Grouped(expr), monitoring.Shown(shown)...) {
		if !known[label] && len(known) > 0 {
			t.Errorf("%s: label %s is none of %v", who, label, slices.Sorted(maps.Keys(known)))
		}
	}
}
