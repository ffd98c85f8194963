package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"freefall/internal/config"
)

func statusCommand() *cobra.Command {
	var options config.Options
	var url string
	var watch bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the state of a running freefall",
		Example: `  freefall status
  freefall status --watch --url http://127.0.0.1:8000`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := load(options)
			if err != nil {
				return err
			}
			if url == "" {
				if url, err = ownURL(options); err != nil {
					return err
				}
			}
			key := c.AdminKey.Reveal()
			if key == "" && len(c.Clients) > 0 {
				key = c.Clients[0].Key.Reveal()
			}
			ctx, stop := signals()
			defer stop()
			if watch {
				return watchStatus(ctx, cmd.OutOrStdout(), url, key)
			}
			text, err := statusText(url, key)
			fmt.Fprint(cmd.OutOrStdout(), text)
			return err
		},
	}
	configFlags(cmd, &options)
	cmd.Flags().StringVar(&url, "url", "", "address of the running freefall (default: where the config listens)")
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "show it again each second")
	return cmd
}

// watchStatus shows the state each second, until the context ends. Once it was seen, a freefall that does not answer may be
// about to come back.
func watchStatus(ctx context.Context, w io.Writer, url, key string) error {
	const home, clear = "\x1b[H", "\x1b[J"
	for seen := false; ; {
		text, err := statusText(url, key)
		switch {
		case err == nil:
			seen = true
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

func statusText(url, key string) (string, error) {
	s, err := fetchStatus(url, key)
	if err != nil {
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

func fetchStatus(url, key string) (s statusAnswer, err error) {
	req, err := http.NewRequest(http.MethodGet, strings.TrimRight(url, "/")+"/api/chat/models", nil)
	if err != nil {
		return s, err
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	client := http.Client{Timeout: 5 * time.Second}
	resp, err := client.Do(req)
	if err != nil {
		return s, fmt.Errorf("no freefall at %s (%w); start one, or name another with --url", url, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return s, fmt.Errorf("%s answers %s", url, resp.Status)
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 16<<20)).Decode(&s); err != nil {
		return s, fmt.Errorf("%s does not speak freefall's state API: %w", url, err)
	}
	return s, nil
}
