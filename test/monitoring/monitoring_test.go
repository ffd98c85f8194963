package monitoring

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

const examples = "../../examples/monitoring/"

func TestDashboard(t *testing.T) {
	panels, err := Dashboard(examples + "dashboard.json")
	if err != nil || len(panels) < 20 {
		t.Errorf("%d panels: %v", len(panels), err)
	}
}

// What Grafana would show in silence is told.
func TestDashboardsThatAreWrong(t *testing.T) {
	good, err := os.ReadFile(examples + "dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ old, new, want string }{
		{`"id": 3,`, `"id": 2,`, "panel 2 (Left today): the id is that of \"Answers now\""},
		{`"Left today"`, `"Answers now"`, "stands there twice"},
		{`"x": 6, "y": 1`, `"x": 5, "y": 1`, "it lies over \"Answers now\""},
		{`"x": 21, "y": 1`, `"x": 22, "y": 1`, "outside of the grid"},
		{`"refId": "B"`, `"refId": "A"`, "there are two"},
		{`"type": "datasource"`, `"type": "custom"`, "no variable for its data source"},
		{`"uid": "${datasource}"},
      "gridPos"`, `"uid": "mine"},
      "gridPos"`, "the variable as its data source"},
		{`{`, `{{`, "invalid character"},
	} {
		path := filepath.Join(t.TempDir(), "dashboard.json")
		text := strings.Replace(string(good), tt.old, tt.new, 1)
		if text == string(good) {
			t.Fatalf("%s is not in it", tt.old)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Dashboard(path); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.new, err)
		}
	}
}

// Each alert says what is wrong and what to do, and is shown to fire and to be silent.
func TestRules(t *testing.T) {
	rules, err := Rules(examples + "alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	fires, silent, err := Tested(examples + "alerts_test.yml")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, r := range rules {
		if seen[r.Alert] || fires[r.Alert] == 0 || silent[r.Alert] < 2 {
			t.Errorf("%s: twice (%t), or not tested enough: %d fires, %d silent", r.Alert, seen[r.Alert], fires[r.Alert], silent[r.Alert])
		}
		seen[r.Alert] = true
		if r.Annotations["summary"] == "" || r.Annotations["description"] == "" || !strings.Contains("critical warning info", r.Labels["severity"]) || r.Labels["severity"] == "" {
			t.Errorf("%s does not say what is wrong, what to do and how bad it is", r.Alert)
		}
	}
	for name := range fires {
		if !seen[name] {
			t.Errorf("%s is tested and not there", name)
		}
	}
	if len(rules) < 10 {
		t.Errorf("%d alerts", len(rules))
	}
}

func TestQuestions(t *testing.T) {
	expr := `sum by (model, le) (rate(freefall_a_total{instance=~"$instance", state="x"}[$__rate_interval])) / on (job) go_b{c=~"d|e"}`
	want := []Selector{{"freefall_a_total", map[string][]string{"instance": {"$instance"}, "state": {"x"}}}, {"go_b", map[string][]string{"c": {"d", "e"}}}}
	if got := Selectors(expr); !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
	if got := Grouped(expr); !reflect.DeepEqual(got, []string{"model", "le", "job"}) {
		t.Errorf("%v", got)
	}
	if got := Shown("{{model}} p95 of {{ $labels.instance }} {{ $value }}"); !reflect.DeepEqual(got, []string{"model", "instance"}) {
		t.Errorf("%v", got)
	}
	if got := Plain(expr, "1m"); strings.Contains(got, "$") {
		t.Errorf("%s", got)
	}
}
