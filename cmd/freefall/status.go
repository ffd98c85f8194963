package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"
)

func statusCommand() *cobra.Command {
	var at reach
	var watch bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the state of a running freefall",
		Example: `  freefall status
  freefall status --watch --url http://127.0.0.1:8000`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := at.caller()
			if err != nil {
				return err
			}
			defer c.close()
			ctx, stop := signals()
			defer stop()
			if watch {
				return watchStatus(ctx, cmd.OutOrStdout(), c)
			}
			text, err := statusText(ctx, c)
			fmt.Fprint(cmd.OutOrStdout(), text)
			return err
		},
	}
	at.flags(cmd)
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "show it again each second")
	return cmd
}

// watchStatus shows the state each second, until the context ends. Once it was seen, a freefall that does not answer may be
// about to come back.
func watchStatus(ctx context.Context, w io.Writer, c *caller) error {
	const home, clear = "\x1b[H", "\x1b[J"
	for seen := false; ; {
		text, err := statusText(ctx, c)
		switch {
		case err == nil:
			seen = true
		case ctx.Err() != nil:
			return nil
		case !seen:
			return err
		default:
			text = err.Error() + "\n"
		}
		fmt.Fprint(w, home+clear+text)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
	}
}

func statusText(ctx context.Context, c *caller) (string, error) {
	var s statusAnswer
	if err := c.get(ctx, http.MethodGet, "/api/chat/models", nil, &s); err != nil {
		return "", exitError{1, err}
	}
	return s.text(time.Now()), nil
}

// statusAnswer is what is shown of GET /api/chat/models.
type statusAnswer struct {
	Models []struct {
		ID           string        `json:"id"`
		Name         string        `json:"name"`
		Tools        bool          `json:"supports_tools"`
		Current      bool          `json:"is_current"`
		FailureCount int           `json:"failure_count"`
		Available    bool          `json:"is_available"`
		Provider     string        `json:"provider"`
		Reason       string        `json:"reason"`
		AvailableAt  time.Time     `json:"available_at"`
		LastError    string        `json:"last_error"`
		Quota        []statusQuota `json:"quota"`
	} `json:"models"`
	Waiting     int           `json:"waiting"`
	Accounts    []statusOwner `json:"accounts"`
	Clients     []statusOwner `json:"clients"`
	Keys        []statusKey   `json:"keys"`
	ConfigError string        `json:"config_error"`
	RedisUp     *bool         `json:"redis_up"`
}

// statusOwner is an account or a client with its windows.
type statusOwner struct {
	Name  string        `json:"name"`
	Quota []statusQuota `json:"quota"`
}

type statusKey struct {
	Provider string    `json:"provider"`
	N        int       `json:"n"`
	Last4    string    `json:"last4"`
	Account  string    `json:"account"`
	State    string    `json:"state"`
	Reason   string    `json:"reason"`
	Until    time.Time `json:"until"`
}

type statusQuota struct {
	Window   string    `json:"window"`
	Scope    string    `json:"scope"`
	Used     int64     `json:"used"`
	Limit    int64     `json:"limit"`
	ResetsAt time.Time `json:"resets_at"`
	Learned  bool      `json:"learned"`
}
