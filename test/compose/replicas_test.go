package compose

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
)

// Two replicas have one Redis and a folder each, and nobody but nginx is reached from outside.
func TestReplicas(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	options, err := cli.NewProjectOptions([]string{filepath.Join(root, "examples", "replicas", "compose.yml")}, cli.WithWorkingDirectory(root), cli.WithName("freefall"))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if names := project.ServiceNames(); !slices.Equal(names, []string{"front", "one", "redis", "two"}) {
		t.Fatalf("services %v", names)
	}
	folders := map[string]bool{}
	front := string(read(t, "examples/replicas/nginx.conf"))
	for _, name := range []string{"one", "two"} {
		s := project.Services[name]
		url := s.Environment["REDIS_URL"]
		if url == nil || *url != "redis://redis:6379/0" || !s.ReadOnly || len(s.Ports) > 0 || !strings.Contains(front, "server "+name+":8000;") {
			t.Errorf("%s: %+v", name, s)
		}
		for _, v := range s.Volumes {
			if v.Target == "/data" {
				folders[v.Source] = true
			}
		}
	}
	if len(folders) != 2 {
		t.Errorf("they keep their state in %v", folders)
	}
	redis := project.Services["redis"]
	if len(redis.Ports) > 0 || !slices.Contains(redis.Command, "--appendonly") || !strings.Contains(redis.Image, ":") {
		t.Errorf("redis: %+v", redis)
	}
	if ports := project.Services["front"].Ports; len(ports) != 1 || ports[0].HostIP != "127.0.0.1" {
		t.Errorf("front publishes %+v", ports)
	}
	for _, v := range project.Services["front"].Volumes {
		if info, err := os.Stat(v.Source); err != nil || !info.Mode().IsRegular() {
			t.Errorf("%s: %v", v.Source, err)
		}
	}
}
