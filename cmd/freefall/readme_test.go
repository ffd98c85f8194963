package main

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func readme(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// transcript is the console block of the README under this mark.
func transcript(t *testing.T, name string) string {
	t.Helper()
	block := regexp.MustCompile("(?s)<!-- transcript: " + name + " -->\n```console\n(.*?)```\n").FindStringSubmatch(readme(t))
	if block == nil {
		t.Fatalf("the README has no transcript %s", name)
	}
	return block[1]
}

// Each freefall command that the README gives can be typed: the command is there and takes these flags.
func TestReadmeCommandsExist(t *testing.T) {
	var blocks strings.Builder
	for _, block := range regexp.MustCompile("(?s)```(?:sh|console)\n(.*?)```").FindAllStringSubmatch(readme(t), -1) {
		blocks.WriteString(block[1])
	}
	for _, inline := range regexp.MustCompile("`([^`\n]+)`").FindAllStringSubmatch(readme(t), -1) {
		blocks.WriteString(inline[1] + "\n")
	}
	calls := regexp.MustCompile(`(?m)(?:^|[\s$])(?:go run \./cmd/freefall|\./freefall|freefall) ([a-z]+)([^\n|#]*)`).FindAllStringSubmatch(blocks.String(), -1)
	seen := map[string]bool{}
	for _, call := range calls {
		if strings.HasSuffix(call[0], ":") || call[2] != "" && call[2][0] == ':' {
			continue // freefall's own output
		}
		cmd, rest, err := rootCommand().Find([]string{call[1]})
		if err != nil || cmd.Name() != call[1] || len(rest) > 0 {
			t.Errorf("%q: there is no such command: %v", strings.TrimSpace(call[0]), err)
			continue
		}
		seen[call[1]] = true
		if err := cmd.ParseFlags(strings.Fields(call[2])); err != nil {
			t.Errorf("%q: %v", strings.TrimSpace(call[0]), err)
		}
	}
	for _, name := range []string{"demo", "drill", "check", "status", "schema"} {
		if !seen[name] {
			t.Errorf("the README does not show freefall %s", name)
		}
	}
}

func TestReadmeMakeTargetsExist(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	targets := regexp.MustCompile("(?m)(?:^|`)make ([a-z0-9]+)").FindAllStringSubmatch(readme(t), -1)
	if len(targets) < 3 {
		t.Errorf("%d targets are shown", len(targets))
	}
	for _, target := range targets {
		if !strings.Contains("\n"+string(makefile), "\n"+target[1]+":") {
			t.Errorf("make %s: there is no such target", target[1])
		}
	}
}

var (
	trailShape  = regexp.MustCompile(`^google/gemini-2\.0-flash-exp:free=rate_limited; [a-z0-9./:-]+=ok$`)
	switchShape = regexp.MustCompile(`^\d\d:\d\d:\d\d  Rate limit on google/gemini-2\.0-flash-exp:free \(until \d\d:\d\d:\d\d\)\. ` +
		`Switching from google/gemini-2\.0-flash-exp:free to [a-z0-9./:-]+\n$`)
)

// What the README shows of the demo has the shape of what the demo does today.
func TestReadmeShowsTheDemo(t *testing.T) {
	d := startDemo(t, 0)
	head, body, _ := strings.Cut(transcript(t, "demo"), "\n\n")
	lines := strings.Split(head, "\n")
	command, status, fields := lines[0], lines[1], lines[2:]
	shown := map[string]string{}
	var names []string
	for _, field := range fields {
		name, value, _ := strings.Cut(field, ": ")
		shown[name] = value
		names = append(names, name)
	}
	if want := strings.TrimPrefix(command, "$ "); !strings.Contains(strings.ReplaceAll(d.screen.String(), strings.TrimPrefix(d.url, "http://"), "127.0.0.1:8000"), want) {
		t.Errorf("the demo proposes another command than %s:\n%s", want, d.screen)
	}
	resp, err := d.do(t.Context(), "POST", "/v1/chat/completions", []byte(`{"model":"auto","messages":[{"role":"user","content":"Hello"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if status != "HTTP/1.1 "+resp.Status {
		t.Errorf("the status is %s", resp.Status)
	}
	for name := range resp.Header {
		if !slices.Contains(names, name) {
			t.Errorf("the README lacks the header %s", name)
		}
	}
	for _, name := range names {
		if resp.Header.Get(name) == "" {
			t.Errorf("there is no header %s today", name)
		}
	}
	for where, trail := range map[string]string{"the README": shown["X-Freefall-Trail"], "the demo": resp.Header.Get("X-Freefall-Trail")} {
		if !trailShape.MatchString(trail) {
			t.Errorf("the trail of %s is %q", where, trail)
		}
	}
	if !strings.HasPrefix(body, `{"id":"gen-`) || !strings.Contains(body, `You said: \"Hello\"`) {
		t.Errorf("the README's answer is %s", body)
	}
	_, printed, _ := strings.Cut(d.screen.String(), "Ctrl-C ends it.\n\n")
	for where, line := range map[string]string{"the README": transcript(t, "switch"), "the demo": printed} {
		if !switchShape.MatchString(line) {
			t.Errorf("the line of %s is %q", where, line)
		}
	}
}

// The tables of the README are those that the drill prints: its columns, its kinds of failure, its sums.
func TestReadmeShowsTheDrill(t *testing.T) {
	asked := 0
	var rows []string
	for _, tr := range troubles {
		asked += len(tr.forms)
		for _, f := range tr.forms {
			rows = append(rows, fmt.Sprintf("%-28s %-8s ", tr.kind, f.name))
		}
	}
	d, screen := drillOf(nil, "")
	d.headline()
	table := transcript(t, "drill")
	if !strings.Contains(table, "\n"+screen.String()) {
		t.Errorf("the columns are %s", screen)
	}
	if !strings.HasSuffix(table, fmt.Sprintf("\n%d requests, %d ok\n", asked, asked)) {
		t.Errorf("the drill asks %d times", asked)
	}
	_, shown, _ := strings.Cut(table, screen.String())
	shown, _, _ = strings.Cut(shown, "...")
	for line := range strings.Lines(shown) {
		if len(line) < 40 || !slices.Contains(rows, line[:38]) {
			t.Errorf("the drill has no row %q", line)
		}
	}
	chaos := transcript(t, "chaos")
	if !strings.Contains(chaos, "\nREQUESTS  TRAIL\n") || !strings.HasSuffix(chaos, "\n0 errors, 0 wasted, 0 cents\n") ||
		!strings.Contains(chaos, fmt.Sprintf("\n%d requests, ", chaosRequests)) {
		t.Errorf("chaos:\n%s", chaos)
	}
}
