// Package compose reads docker-compose.yml as Docker Compose does, with its own loader. A module of its own: nobody else
// needs that loader.
package compose

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// load reads the file as `docker compose --profile ...` would, with a .env of these lines, or none.
func load(t *testing.T, dotEnv string, profiles ...string) *types.Project {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "docker-compose.yml"), read(t, "docker-compose.yml"), 0o600); err != nil {
		t.Fatal(err)
	}
	if dotEnv != "" {
		if err := os.WriteFile(filepath.Join(dir, ".env"), []byte(dotEnv), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	options, err := cli.NewProjectOptions([]string{filepath.Join(dir, "docker-compose.yml")},
		cli.WithWorkingDirectory(dir), cli.WithName("freefall"), cli.WithProfiles(profiles))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return project
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestProfiles(t *testing.T) {
	for profile, want := range map[string][]string{
		"":        {"freefall"},
		"demo":    {"demo", "freefall"},
		"example": {"example", "freefall"},
	} {
		if got := slices.Sorted(maps.Keys(load(t, "", profile).Services)); !slices.Equal(got, want) {
			t.Errorf("profile %q starts %v, want %v", profile, got, want)
		}
	}
}

// The port is published to this machine alone: the proxy is open as long as no client has a key.
func TestPorts(t *testing.T) {
	project := load(t, "", "demo")
	for service, published := range map[string]string{"freefall": "8000", "demo": "8080"} {
		ports := project.Services[service].Ports
		if len(ports) != 1 || ports[0].HostIP != "127.0.0.1" || ports[0].Published != published || ports[0].Target != 8000 {
			t.Errorf("%s publishes %+v", service, ports)
		}
	}
}

func TestKeysComeFromDotEnvWhichMayBeMissing(t *testing.T) {
	if got := load(t, "").Services["freefall"].Environment; len(got) != 0 {
		t.Errorf("without .env the environment is %v", got)
	}
	value := load(t, "OPENROUTER_API_KEY=k\n").Services["freefall"].Environment["OPENROUTER_API_KEY"]
	if value == nil || *value != "k" {
		t.Error("a key in .env does not reach freefall")
	}
}

// The config is a folder that lies in the repository, the state a volume where the image keeps it.
func TestFolders(t *testing.T) {
	project := load(t, "")
	mounts := map[string]types.ServiceVolumeConfig{}
	for _, v := range project.Services["freefall"].Volumes {
		mounts[v.Target] = v
	}
	config := mounts[workdir(t)]
	if config.Type != "bind" || !config.ReadOnly || config.Source != filepath.Join(project.WorkingDir, "config") {
		t.Errorf("the config is mounted as %+v", config)
	}
	if info, err := os.Stat("../../config"); err != nil || !info.IsDir() {
		t.Error("the mounted folder is missing: an engine would make it, owned by root")
	}
	data := mounts[instruction(t, "VOLUME")]
	if _, declared := project.Volumes[data.Source]; data.Type != "volume" || data.ReadOnly || !declared {
		t.Errorf("the state lies in %+v", data)
	}
	if len(mounts) != 2 {
		t.Errorf("mounts %v", slices.Sorted(maps.Keys(mounts)))
	}
}

// Running answers get all the time that freefall gives them, and more.
func TestStopOutlastsDrain(t *testing.T) {
	found := regexp.MustCompile(`(?m)^# drain: (\S+)`).FindSubmatch(read(t, "models.yaml"))
	if found == nil {
		t.Fatal("models.yaml does not show the default of drain")
	}
	drain, err := time.ParseDuration(string(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	grace := load(t, "").Services["freefall"].StopGracePeriod
	if grace == nil || time.Duration(*grace) < drain+5*time.Second {
		t.Errorf("stop_grace_period %v leaves no room for drain %v", grace, drain)
	}
}

func TestNothingMayDoMoreThanItMust(t *testing.T) {
	for name, s := range load(t, "", "demo", "example").Services {
		if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Equal(s.SecurityOpt, []string{"no-new-privileges:true"}) ||
			s.Privileged || len(s.CapAdd) > 0 || s.User != "" {
			t.Errorf("%s may do too much: read_only %v, cap_drop %v, security_opt %v, user %q", name, s.ReadOnly, s.CapDrop, s.SecurityOpt, s.User)
		}
	}
}

func TestHealthcheckIsTheImages(t *testing.T) {
	s := load(t, "").Services["freefall"]
	h := s.HealthCheck
	if h == nil || !slices.Equal(h.Test, types.HealthCheckTest{"CMD", "/freefall", "healthcheck"}) {
		t.Fatalf("healthcheck %+v", h)
	}
	if image := string(read(t, "Dockerfile")); !strings.Contains(image, `CMD ["/freefall", "healthcheck"]`) {
		t.Error("the image checks its health in another way")
	}
	if time.Duration(*h.Interval) > 30*time.Second || time.Duration(*h.Timeout) >= time.Duration(*h.Interval) {
		t.Errorf("every %v within %v", h.Interval, h.Timeout)
	}
	if s.Restart != "unless-stopped" {
		t.Errorf("restart %q", s.Restart)
	}
}

func TestExampleAsksThroughTheNetwork(t *testing.T) {
	s := load(t, "", "example").Services["example"]
	if !slices.Contains(s.Command, "http://freefall:8000/v1/chat/completions") {
		t.Errorf("the example runs %v", s.Command)
	}
	if s.DependsOn["freefall"].Condition != types.ServiceConditionHealthy {
		t.Error("the example does not wait for a healthy freefall")
	}
	if tag := s.Image[strings.LastIndex(s.Image, ":")+1:]; tag == "latest" || !strings.Contains(tag, ".") {
		t.Errorf("the example's image %s has no fixed version", s.Image)
	}
}

func workdir(t *testing.T) string { return instruction(t, "WORKDIR") }

// instruction is the last argument of its kind in the Dockerfile.
func instruction(t *testing.T, name string) string {
	t.Helper()
	all := regexp.MustCompile(`(?m)^`+name+` (\S+)$`).FindAllStringSubmatch(string(read(t, "Dockerfile")), -1)
	if len(all) == 0 {
		t.Fatalf("the Dockerfile has no %s", name)
	}
	return all[len(all)-1][1]
}
