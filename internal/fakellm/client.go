package fakellm

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Control scripts a server from another process.
type Control struct {
	URL string // of the server, without /control
}

// patience bounds a call of a Control.
const patience = 10 * time.Second

// Script sets what the next requests for a model get; see Server.Script.
func (c Control) Script(model string, steps ...Step) error {
	if steps == nil {
		steps = []Step{}
	}
	_, err := c.do(http.MethodPost, Order{Script: map[string][]Step{model: steps}})
	return err
}

// Limits replaces the standing limits.
func (c Control) Limits(limits ...Limit) error {
	if limits == nil {
		limits = []Limit{}
	}
	_, err := c.do(http.MethodPost, Order{Limits: &limits})
	return err
}

// Reset forgets what was counted and goes back to the script the server began with.
func (c Control) Reset() error {
	_, err := c.do(http.MethodDelete, Order{})
	return err
}

// State asks for counters and scripts.
func (c Control) State() (State, error) { return c.do(http.MethodGet, Order{}) }

func (c Control) do(method string, o Order) (State, error) {
	state, err := c.call(method, o)
	if err != nil {
		return State{}, fmt.Errorf("control of the simulated provider at %s: %w", c.URL, err)
	}
	return state, nil
}

func (c Control) call(method string, o Order) (state State, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(c.URL, "/")+"/control", bytes.NewReader(encode(o)))
	if err != nil {
		return state, err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return state, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxBody))
	if err != nil {
		return state, err
	}
	if answer.StatusCode != http.StatusOK {
		return state, fmt.Errorf("status %d: %.300s", answer.StatusCode, bytes.TrimSpace(body))
	}
	return state, json.Unmarshal(body, &state)
}
