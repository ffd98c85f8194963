// Package monitoring reads what examples/monitoring offers to Prometheus and Grafana, so that it can be held against what freefall
// really serves.
package monitoring

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Panel is one panel of the dashboard with the questions that it asks.
type Panel struct {
	ID          int
	Type, Title string
	Description string
	Datasource  struct{ Type, UID string }
	GridPos     struct{ X, Y, W, H int }
	Targets     []struct {
		RefID, Expr, LegendFormat string
	}
}

// Dashboard reads the panels of a Grafana dashboard, or says all that is wrong with them.
func Dashboard(path string) ([]Panel, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var d struct {
		UID, Title string
		Panels     []Panel
		Templating struct {
			List []struct{ Type, Name, Query any }
		}
	}
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(d.Templating.List) == 0 || d.Templating.List[0].Type != "datasource" || d.Templating.List[0].Name != "datasource" {
		return nil, fmt.Errorf("%s has no variable for its data source", path)
	}
	return d.Panels, wrong(d.Panels)
}

// wrong is what Grafana would not say of panels, but show.
func wrong(panels []Panel) (err error) {
	ids, titles, taken := map[int]string{}, map[string]bool{}, map[[2]int]string{}
	for _, p := range panels {
		complain := func(format string, args ...any) {
			err = errors.Join(err, fmt.Errorf("panel %d (%s): %s", p.ID, p.Title, fmt.Sprintf(format, args...)))
		}
		if other, twice := ids[p.ID]; twice || p.ID <= 0 {
			complain("the id is that of %q", other)
		}
		if titles[p.Title] || p.Title == "" {
			complain("the title stands there twice, or is none")
		}
		ids[p.ID], titles[p.Title] = p.Title, true
		g := p.GridPos
		if g.W <= 0 || g.H <= 0 || g.X < 0 || g.X+g.W > 24 {
			complain("it lies outside of the grid")
			continue
		}
		for x := g.X; x < g.X+g.W; x++ {
			for y := g.Y; y < g.Y+g.H; y++ {
				if other, lies := taken[[2]int{x, y}]; lies {
					complain("it lies over %q", other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
		if p.Type == "row" {
			continue
		}
		if p.Description == "" || p.Datasource.UID != "${datasource}" || len(p.Targets) == 0 {
			complain("it lacks a description, the variable as its data source, or questions")
		}
		var refs []string
		for _, t := range p.Targets {
			if t.Expr == "" || t.RefID == "" || slices.Contains(refs, t.RefID) {
				complain("question %q is empty, or there are two", t.RefID)
			}
			refs = append(refs, t.RefID)
		}
	}
	return err
}

// Plain is a question as Grafana would ask it, of all instances.
func Plain(expr, interval string) string {
	return strings.NewReplacer("$__rate_interval", interval, "$instance", ".*").Replace(expr)
}

// Rule is an alert.
type Rule struct {
	Alert, Expr         string
	Labels, Annotations map[string]string
}

// Rules reads the alerts of a file.
func Rules(path string) (rules []Rule, err error) {
	var file struct{ Groups []struct{ Rules []Rule } }
	if err := read(path, &file); err != nil {
		return nil, err
	}
	for _, g := range file.Groups {
		rules = append(rules, g.Rules...)
	}
	return rules, nil
}

// Tested says how often each alert is shown to fire, and to be silent.
func Tested(path string) (fires, silent map[string]int, err error) {
	var file struct {
		Tests []struct {
			Cases []struct {
				Alert string `yaml:"alertname"`
				Fires []any  `yaml:"exp_alerts"`
			} `yaml:"alert_rule_test"`
		}
	}
	if err := read(path, &file); err != nil {
		return nil, nil, err
	}
	fires, silent = map[string]int{}, map[string]int{}
	for _, t := range file.Tests {
		for _, c := range t.Cases {
			if len(c.Fires) > 0 {
				fires[c.Alert]++
			} else {
				silent[c.Alert]++
			}
		}
	}
	return fires, silent, nil
}

func read(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// Selector is a metric that a question names, with the labels that it wants of it: name to the values, of which each must be there.
type Selector struct {
	Name   string
	Labels map[string][]string
}

var (
	selector = regexp.MustCompile(`\b((?:freefall|process|go)_[a-z_]+)(?:\{([^}]*)\})?`)
	matcher  = regexp.MustCompile(`([a-z_]+)\s*(=~|=|!=|!~)\s*"([^"]*)"`)
	grouping = regexp.MustCompile(`\b(?:by|without|on|ignoring)\s*\(([^)]*)\)`)
	shown    = regexp.MustCompile(`\{\{\s*(?:\$labels\.)?([a-z_]+)\s*\}\}`)
)

// Selectors are those of a question.
func Selectors(expr string) (all []Selector) {
	for _, m := range selector.FindAllStringSubmatch(expr, -1) {
		s := Selector{Name: m[1], Labels: map[string][]string{}}
		for _, l := range matcher.FindAllStringSubmatch(m[2], -1) {
			s.Labels[l[1]] = append(s.Labels[l[1]], strings.Split(l[3], "|")...)
		}
		all = append(all, s)
	}
	return all
}

// Grouped are the labels that a question sorts its answers by.
func Grouped(expr string) (labels []string) {
	for _, m := range grouping.FindAllStringSubmatch(expr, -1) {
		for name := range strings.SplitSeq(m[1], ",") {
			if name = strings.TrimSpace(name); name != "" {
				labels = append(labels, name)
			}
		}
	}
	return labels
}

// Shown are the labels that a legend or an annotation shows.
func Shown(text string) (labels []string) {
	for _, m := range shown.FindAllStringSubmatch(text, -1) {
		labels = append(labels, m[1])
	}
	return labels
}
