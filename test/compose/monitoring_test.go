package compose

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
)

// Prometheus and Grafana beside freefall: they find each other, their files are there, and nobody else reaches them.
func TestMonitoring(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	options, err := cli.NewProjectOptions([]string{filepath.Join(root, "docker-compose.yml"), filepath.Join(root, "examples", "monitoring", "compose.yml")},
		cli.WithWorkingDirectory(root), cli.WithName("freefall"))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"prometheus", "grafana"} {
		s := project.Services[name]
		if len(s.Ports) != 1 || s.Ports[0].HostIP != "127.0.0.1" {
			t.Errorf("%s publishes %+v", name, s.Ports)
		}
		if tag := s.Image[strings.LastIndex(s.Image, ":")+1:]; strings.Count(tag, ".") != 2 {
			t.Errorf("%s has no fixed version", s.Image)
		}
		if s.Privileged || len(s.CapDrop) != 1 || len(s.SecurityOpt) != 1 {
			t.Errorf("%s may do too much", name)
		}
		for _, v := range s.Volumes {
			if v.Type != "bind" {
				continue
			}
			if info, err := os.Stat(v.Source); err != nil || !info.Mode().IsRegular() || !v.ReadOnly {
				t.Errorf("%s mounts %s: %v", name, v.Source, err)
			}
		}
	}
	if _, there := project.Services["freefall"]; !there || !strings.Contains(string(read(t, "examples/monitoring/prometheus.yml")), `["freefall:8000"]`) {
		t.Error("Prometheus does not look at the service freefall")
	}
	if source := project.Configs["datasources"].Content; !strings.Contains(source, `"http://prometheus:9090"`) {
		t.Errorf("Grafana asks %s", source)
	}
	mounted := ""
	for _, v := range project.Services["grafana"].Volumes {
		if filepath.Base(v.Source) == "dashboard.json" {
			mounted = v.Target
		}
	}
	home := project.Services["grafana"].Environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
	if content := project.Configs["dashboards"].Content; mounted == "" || home == nil || *home != mounted || !strings.Contains(content, mounted) {
		t.Errorf("the dashboard is mounted at %q, looked for at %v and by %s", mounted, home, content)
	}
}
