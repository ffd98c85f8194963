// Command check holds examples/monitoring against Prometheus' own programs and a running freefall: the files are read, the alerts
// tested, the page of metrics looked at, and each panel of the dashboard asked of a Prometheus that has watched for a while.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"freefall/test/monitoring"
)

var (
	binary     = flag.String("binary", "bin/freefall", "the freefall that is watched")
	examples   = flag.String("examples", "examples/monitoring", "the folder of the files")
	promtool   = flag.String("promtool", "promtool", "Prometheus' tool")
	prometheus = flag.String("prometheus", "prometheus", "Prometheus itself")
	watch      = flag.Duration("watch", 20*time.Second, "how long it watches before it is asked")
)

// bound is how long any of the programs may take to say what it has to say.
const bound = 60 * time.Second

func main() {
	flag.Parse()
	if err := check(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func check() error {
	for _, name := range []string{*promtool, *prometheus} {
		if _, err := exec.LookPath(name); err != nil {
			return fmt.Errorf("%s is missing: apt-get install prometheus, or unpack its package without installing it (apt-get download prometheus && dpkg -x prometheus_*.deb FOLDER) and give PROMTOOL=FOLDER/usr/bin/promtool PROMETHEUS=FOLDER/usr/bin/prometheus to make", name)
		}
	}
	for _, args := range [][]string{
		{"check", "config", *examples + "/prometheus.yml"}, // and the rules that it names
		{"test", "rules", *examples + "/alerts_test.yml"},
	} {
		if err := tool("", args...); err != nil {
			return err
		}
	}
	panels, err := monitoring.Dashboard(*examples + "/dashboard.json")
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "freefall-monitoring-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	f, err := startWatched(*binary, dir)
	if err != nil {
		return err
	}
	defer f.stop()
	p, err := startPrometheus(*prometheus, *examples, dir, f)
	if err != nil {
		return err
	}
	defer p.stop()
	fmt.Printf("freefall is used, and Prometheus watches it, for %v\n", *watch)
	if err := f.use(*watch); err != nil {
		return err
	}
	page, err := f.metrics()
	if err != nil {
		return err
	}
	if err := tool(page, "check", "metrics"); err != nil {
		return err
	}
	return p.ask(panels)
}

// tool runs promtool, which is silent when all is well.
func tool(input string, args ...string) error {
	cmd := exec.Command(*promtool, args...)
	cmd.Stdin = strings.NewReader(input)
	cmd.WaitDelay = time.Second
	ended := time.AfterFunc(bound, func() { _ = cmd.Process.Kill() })
	defer ended.Stop()
	out, err := cmd.CombinedOutput()
	if err == nil && args[1] == "metrics" && len(out) > 0 {
		err = errors.New("it would have them otherwise")
	}
	if err != nil {
		return fmt.Errorf("promtool %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	fmt.Printf("promtool %s: good\n", strings.Join(args, " "))
	return nil
}
