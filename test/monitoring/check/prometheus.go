package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"freefall/test/child"
	"freefall/test/monitoring"
)

// watcher is a Prometheus that reads a freefall every second, with the alerts of the examples.
type watcher struct {
	url    string
	cmd    *exec.Cmd
	ended  chan struct{}
	said   bytes.Buffer // to be read when it has ended
	client *http.Client
}

// startPrometheus runs it with the examples' own configuration, in which only the place, the key and the pace differ.
func startPrometheus(binary, examples, dir string, f *watched) (*watcher, error) {
	if err := prepare(examples, dir, f.program.Addr); err != nil {
		return nil, err
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr := free.Addr().String()
	free.Close()
	p := &watcher{url: "http://" + addr, ended: make(chan struct{}), client: &http.Client{Timeout: bound}}
	p.cmd = exec.Command(binary, "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "tsdb"),
		"--web.listen-address="+addr, "--log.level=warn")
	p.cmd.Stdout, p.cmd.Stderr = &p.said, &p.said
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.ended)
	}()
	for end := time.Now().Add(bound); ; time.Sleep(50 * time.Millisecond) {
		if resp, err := p.client.Get(p.url + "/-/ready"); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return p, nil
			}
		}
		select {
		case <-p.ended:
			return nil, fmt.Errorf("prometheus has ended:\n%s", &p.said)
		default:
		}
		if time.Now().After(end) {
			p.stop()
			return nil, fmt.Errorf("prometheus is not ready after %v:\n%s", bound, &p.said)
		}
	}
}

func prepare(examples, dir, addr string) error {
	text, err := os.ReadFile(filepath.Join(examples, "prometheus.yml"))
	if err != nil {
		return err
	}
	config := string(text)
	for _, swap := range [][2]string{
		{"freefall:8000", addr},
		{"interval: 15s", "interval: 1s"},
		{"# authorization: {credentials_file: /etc/prometheus/freefall-admin-key}", "authorization: {credentials: " + adminKey + "}"},
	} {
		if !strings.Contains(config, swap[0]) {
			return fmt.Errorf("%s/prometheus.yml does not say %q", examples, swap[0])
		}
		config = strings.ReplaceAll(config, swap[0], swap[1])
	}
	alerts, err := os.ReadFile(filepath.Join(examples, "alerts.yml"))
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(config), 0o600), os.WriteFile(filepath.Join(dir, "alerts.yml"), alerts, 0o600))
}

func (p *watcher) stop() { child.End(p.cmd.Process, p.ended, syscall.SIGTERM) }

// ask puts the questions of all panels; each must have an answer that is a number.
func (p *watcher) ask(panels []monitoring.Panel) (err error) {
	asked := 0
	for _, panel := range panels {
		for _, q := range panel.Targets {
			asked++
			numbers, e := p.query(monitoring.Plain(q.Expr, "15s"))
			if e == nil && numbers == 0 {
				e = errors.New("there is nothing to show")
			}
			if e != nil {
				err = errors.Join(err, fmt.Errorf("panel %d (%s) %s: %w: %s", panel.ID, panel.Title, q.RefID, e, q.Expr))
			}
		}
	}
	if err == nil {
		fmt.Printf("dashboard: %d questions have answers\n", asked)
	}
	return errors.Join(err, p.alerts())
}

// query says how many numbers the answer has.
func (p *watcher) query(expr string) (numbers int, err error) {
	var got struct {
		Result []struct{ Value [2]any }
	}
	if err := p.get("/api/v1/query?query="+url.QueryEscape(expr), &got); err != nil {
		return 0, err
	}
	for _, r := range got.Result {
		if r.Value[1] != "NaN" {
			numbers++
		}
	}
	return numbers, nil
}

// alerts says which alerts cannot be judged. The one of the refused key must be about to fire, since there is one.
func (p *watcher) alerts() (err error) {
	var got struct {
		Groups []struct {
			Rules []struct{ Name, Health, LastError, State string }
		}
	}
	if err := p.get("/api/v1/rules", &got); err != nil {
		return err
	}
	judged, pending := 0, false
	for _, g := range got.Groups {
		for _, r := range g.Rules {
			if r.Health != "ok" {
				err = errors.Join(err, fmt.Errorf("alert %s: %s %s", r.Name, r.Health, r.LastError))
			}
			pending = pending || r.Name == "FreefallKeyRefused" && r.State != "inactive"
			judged++
		}
	}
	if !pending {
		err = errors.Join(err, errors.New("alert FreefallKeyRefused does not see the refused key"))
	}
	if err == nil {
		fmt.Printf("alerts: %d are judged\n", judged)
	}
	return err
}

// get reads the data of an answer.
func (p *watcher) get(path string, into any) error {
	resp, err := p.client.Get(p.url + path)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer := struct {
		Status, Error string
		Data          any
	}{Data: into}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return fmt.Errorf("%s: %w", resp.Status, err)
	}
	if answer.Status != "success" {
		return errors.New(answer.Error)
	}
	return nil
}
