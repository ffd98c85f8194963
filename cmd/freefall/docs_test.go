package main

import (
	"os"
	"regexp"
	"slices"
	"testing"
)

// Each metric of our own has a row in docs/operating.md, and no row tells of another.
func TestDocsNameTheMetrics(t *testing.T) {
	var served []string
	for _, file := range []string{"../../proxy/metrics.go", "../../proxy/metrics_pool.go", "serve.go", "replicas.go", "discover.go"} {
		served = append(served, matches(t, file, `"(freefall_[a-z_]+)"`)...)
	}
	told := matches(t, "../../docs/operating.md", "(?m)^\\| `(freefall_[a-z_]+)` \\|")
	slices.Sort(served)
	slices.Sort(told)
	if len(served) < 10 || !slices.Equal(served, told) {
		t.Errorf("docs/operating.md tells of the metrics\n%v,\nserved are\n%v", told, served)
	}
}

func matches(t *testing.T, file, pattern string) (all []string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(pattern).FindAllSubmatch(b, -1) {
		all = append(all, string(m[1]))
	}
	return all
}
