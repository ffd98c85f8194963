package main

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"freefall/test/child"
)

// program is a running freefall in a folder of its own.
type program struct {
	*child.Program
	dir    string
	client http.Client // of the metrics: one connection, so that looking costs the same at any time
}

// start runs freefall with this models.yaml on a free port.
func start(binary, yaml string) (*program, error) {
	dir, err := os.MkdirTemp("", "freefall-soak-")
	if err != nil {
		return nil, err
	}
	p := &program{dir: dir, client: http.Client{Timeout: child.StopBound, Transport: &http.Transport{}}}
	if err = p.configure(yaml); err == nil {
		p.Program, err = child.Start(binary, dir)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return p, nil
}

// configure writes models.yaml as an editor does: beside it, then over it.
func (p *program) configure(yaml string) error {
	path := filepath.Join(p.dir, "models.yaml")
	if err := os.WriteFile(path+".new", []byte(yaml), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// stop ends the program as an operator does, and says when it did not end well.
func (p *program) stop() error {
	defer os.RemoveAll(p.dir)
	p.client.CloseIdleConnections()
	return p.Stop(syscall.SIGTERM)
}

// metrics reads /metrics: each series and its value.
func (p *program) metrics() (map[string]float64, error) {
	resp, err := p.client.Get("http://" + p.Addr + "/metrics")
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	series := map[string]float64{}
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		at := strings.LastIndexByte(lines.Text(), ' ')
		if at < 0 || lines.Text()[0] == '#' {
			continue
		}
		if series[lines.Text()[:at]], err = strconv.ParseFloat(lines.Text()[at+1:], 64); err != nil {
			return nil, err
		}
	}
	return series, lines.Err()
}

// metric reads one value of /metrics.
func (p *program) metric(name string) (float64, error) {
	series, err := p.metrics()
	if err != nil {
		return 0, err
	}
	return value(series, name)
}

func value(series map[string]float64, name string) (float64, error) {
	v, ok := series[name]
	if !ok {
		return 0, fmt.Errorf("there is no metric %s", name)
	}
	return v, nil
}
