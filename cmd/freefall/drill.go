package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"freefall/internal/config"
	"freefall/internal/fakellm"
)

func drillCommand() *cobra.Command {
	d := drill{total: chaosRequests}
	var at, key, upstream string
	var chaos time.Duration
	cmd := &cobra.Command{
		Use:   "drill",
		Short: "Test the fall-back of a running freefall: force each failure and see who answers",
		Long: `Sends plain, streamed and tool requests to a running freefall and reads the answers
as a strict client does.

With --upstream, the simulated provider behind that freefall, each kind of failure
is forced at the model that stands first, and a table tells who answered after how
many attempts. Kinds that rest a key until a restart (a wrong key, a bill) are left
out: they would leave the freefall without it. The provider's script is reset at
the end, also after Ctrl-C.

Without --upstream nothing is forced and at most 6 requests are sent, since they
spend real quota.

Exits with 1 if any request failed.`,
		Example: `  freefall demo                                                       in one window, then in another:
  freefall drill --upstream http://127.0.0.1:8001
  freefall drill --upstream http://127.0.0.1:8001 --chaos 60s         2,000 requests in a minute of random failures
  freefall drill --url http://127.0.0.1:8000 --key KEY                a real one, gently`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			at, err := address("--url", at, config.Options{})
			if err != nil {
				return err
			}
			if upstream != "" {
				if upstream, err = address("--upstream", upstream, config.Options{}); err != nil {
					return err
				}
			}
			if cmd.Flags().Changed("chaos") && (chaos < time.Second || chaos > time.Hour) {
				return exitError{2, errors.New("--chaos takes 1s to 1h")}
			}
			if chaos > 0 && upstream == "" {
				return exitError{2, fmt.Errorf("--chaos sends %d requests, which would spend real quota: name the simulated provider with --upstream", d.total)}
			}
			ctx, stop := signals()
			defer stop()
			d.out, d.caller, d.control = cmd.OutOrStdout(), newCaller(at, key), fakellm.Control{URL: upstream}
			defer d.close()
			if isatty.IsTerminal(os.Stderr.Fd()) {
				d.progress = os.Stderr
			}
			return d.run(ctx, chaos)
		},
	}
	cmd.Flags().StringVar(&at, "url", "http://127.0.0.1:8000", "address of the running freefall")
	cmd.Flags().StringVar(&upstream, "upstream", "", "address of the simulated provider behind it, which is told to fail")
	cmd.Flags().DurationVar(&chaos, "chaos", 0, "2,000 mixed requests over this time, with random failures all along")
	cmd.Flags().StringVar(&key, "key", "", "client key of the freefall, if it wants one")
	return cmd
}

// drill is the fallback test of one running freefall.
type drill struct {
	*caller
	control  fakellm.Control // no URL = a real provider stands behind
	out      io.Writer
	progress io.Writer // a terminal, nil = none
	total    int       // requests of the chaos

	asked  int
	failed []string // the story of each request that failed
}

func (d *drill) run(ctx context.Context, chaos time.Duration) (err error) {
	switch {
	case d.control.URL == "":
		err = d.gentle(ctx)
	case chaos > 0:
		err = d.scripted(ctx, func() error { return d.chaos(ctx, chaos) })
	default:
		err = d.scripted(ctx, func() error { return d.force(ctx) })
	}
	if ctx.Err() != nil {
		err = errors.New("interrupted: the rest was not asked")
	}
	var exit exitError
	if err != nil && !errors.As(err, &exit) {
		err = exitError{1, err}
	}
	return err
}

// gentle asks once in each form and forces nothing.
func (d *drill) gentle(ctx context.Context) error {
	if _, err := d.state(ctx); err != nil {
		return err
	}
	fmt.Fprintf(d.out, `freefall drill: %s. Only %d requests, since they spend real quota (it never sends more than 6).
To force failures: freefall demo, and in a second window freefall drill --upstream http://127.0.0.1:8001

`, d.url, len(forms))
	d.headline()
	for _, f := range forms {
		h := d.ask(ctx, f, "auto")
		d.row("no failure", &h, h.wrong())
	}
	return d.verdict()
}

// scripted runs a test that scripts the simulated provider, once it is sure that this is who stands behind; whatever
// happens, the script is reset.
func (d *drill) scripted(ctx context.Context, test func() error) (err error) {
	before, err := d.control.State()
	if err != nil {
		return fmt.Errorf("%w; --upstream wants the address of a simulated provider, such as that of freefall demo", err)
	}
	models, err := d.state(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if lost := d.control.Reset(); lost != nil && err == nil {
			err = lost
		}
	}()
	if err := d.control.Script("*", fakellm.OK().Forever()); err != nil {
		return err
	}
	for _, m := range models.Models {
		if err := d.control.Script(m.ID); err != nil {
			return err
		}
	}
	h := d.ask(ctx, plainForm, "auto")
	after, err := d.control.State()
	if err != nil {
		return err
	}
	if h.calls > 0 && requests(after) == requests(before) {
		return fmt.Errorf("%s does not ask the simulated provider at %s but another one; nothing more was sent, to spare its quota", d.url, d.control.URL)
	}
	return test()
}

func requests(s fakellm.State) (n int) {
	for _, m := range s.Models {
		n += m.Requests
	}
	return n
}

// force makes the first model fail in every way, and asks in each form.
func (d *drill) force(ctx context.Context) error {
	fmt.Fprintf(d.out, "freefall drill: %s; %s is told how to fail\n\n", d.url, d.control.URL)
	d.headline()
	for _, t := range troubles {
		for _, f := range t.forms {
			if err := d.one(ctx, t, f); err != nil {
				return err
			}
		}
	}
	state, err := d.control.State()
	if err != nil {
		return err
	}
	if state.Paid > 0 {
		d.failed = append(d.failed, fmt.Sprintf("%d upstream calls would have cost money", state.Paid))
	}
	return d.verdict()
}

// tries is how often a failure is set up again when other traffic changed the order in between.
const tries = 3

// one forces a failure at the model that a request of this form would ask first, asks, and makes good for what the model was
// made to do: a good answer counts its failure down again.
func (d *drill) one(ctx context.Context, t trouble, f form) error {
	for try := 1; ; try++ {
		first, err := d.first(ctx, f)
		if err != nil {
			return err
		}
		target, well := first, []fakellm.Step(nil) // nothing of its own: the script of all others
		if t.everybody {
			target, well = "*", always(fakellm.OK())
		}
		if err := d.control.Script(target, t.steps...); err != nil {
			return err
		}
		h := d.ask(ctx, f, "auto")
		met := t.met(&h, first)
		if err := d.control.Script(target, well...); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !met && h.answered() && try < tries {
			continue
		}
		fault := t.judge(&h, met)
		if fault == "" && h.status == 429 {
			fault = d.comeBack(ctx, &h)
		}
		d.row(t.kind, &h, fault)
		d.ask(ctx, plainForm, first)
		return ctx.Err()
	}
}

// comeBack takes a refusal at its word: after Retry-After there must be an answer.
func (d *drill) comeBack(ctx context.Context, h *heard) string {
	select {
	case <-ctx.Done():
	case <-time.After(h.retry):
	}
	again := d.ask(ctx, h.form, "auto")
	if wrong := again.wrong(); wrong != "" {
		return fmt.Sprintf("Retry-After said %v, but then: %s", h.retry, wrong)
	}
	return ""
}

// rested bounds the wait for models that rest, be it from another test.
const rested = 45 * time.Second

// first is the model that a request of this form would ask first. It waits until a second one could answer in its place.
func (d *drill) first(ctx context.Context, f form) (string, error) {
	for end := time.Now().Add(rested); ; {
		list, err := d.order(ctx, f)
		if err != nil {
			return "", err
		}
		var ready []string
		able := 0
		for _, c := range list {
			if !c.Skipped {
				ready = append(ready, c.ID)
			}
			if !c.Skipped || c.AvailableAt != nil {
				able++
			}
		}
		switch {
		case len(ready) >= 2:
			return ready[0], nil
		case able < 2:
			return "", fmt.Errorf("a drill wants two models that could answer a %s request, and there are %d: see freefall check", f.name, able)
		case time.Now().After(end):
			return "", fmt.Errorf("within %v there were no two models for a %s request: see freefall status", rested, f.name)
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

const rowFormat = "%-28s %-8s %-7s %-22s %-8s %-30s %6s  %s\n"

func (d *drill) headline() {
	fmt.Fprintf(d.out, rowFormat, "FAILURE", "REQUEST", "STATUS", "ANSWERED BY", "ATTEMPTS", "TRAIL", "MS", "RESULT")
}

// row prints what came of one request; fault says why that is not good, "" if it is.
func (d *drill) row(kind string, h *heard, fault string) {
	d.asked++
	status, by, result := fmt.Sprint(h.status), brand(h.model), "ok"
	switch {
	case fault != "":
		result = "FAILED"
		d.failed = append(d.failed, fmt.Sprintf("%s, %s: %s\n    trail %q, request %s", kind, h.form.name, fault, h.trail(), h.id))
	case h.status == 429:
		result = fmt.Sprintf("ok, 200 after %v", h.retry)
	case h.status != 200:
		result = "ok, told"
	case h.refusal != "":
		result = "ok, told in the stream"
	}
	if h.status == 0 {
		status = "-"
	}
	if h.status != 200 || by == "" {
		by = "-"
	}
	fmt.Fprintf(d.out, rowFormat, kind, h.form.name, status, by, fmt.Sprint(h.calls), h.classes(), fmt.Sprint(h.ended.Sub(h.began).Milliseconds()), result)
}

// brand is an id without its vendor and its price.
func brand(id string) string {
	id = strings.TrimSuffix(id[strings.LastIndexByte(id, '/')+1:], ":free")
	if len(id) > 22 {
		id = id[:21] + "…"
	}
	return id
}

// verdict is the last line, and the exit code.
func (d *drill) verdict() error {
	if len(d.failed) == 0 {
		fmt.Fprintf(d.out, "\n%d requests, %d ok\n", d.asked, d.asked)
		return nil
	}
	fmt.Fprintln(d.out)
	for _, story := range d.failed {
		fmt.Fprintln(d.out, "FAILED "+story)
	}
	return exitError{1, fmt.Errorf("%d of %d requests failed; freefall's log tells more of each request id, and freefall status what rests", len(d.failed), d.asked)}
}
