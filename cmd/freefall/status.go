package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"text/tabwriter"
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
			for {
				if watch {
					fmt.Fprint(cmd.OutOrStdout(), "\x1b[H\x1b[2J")
				}
				if err := showStatus(cmd.OutOrStdout(), url, key); err != nil {
					return exitError{1, err}
				}
				if !watch {
					return nil
				}
				select {
				case <-ctx.Done():
					return nil
				case <-time.After(time.Second):
				}
			}
		},
	}
	configFlags(cmd, &options)
	cmd.Flags().StringVar(&url, "url", "", "address of the running freefall (default: where the config listens)")
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "show it again each second")
	return cmd
}

type statusAnswer struct {
	Current string `json:"current_model"`
	Models  []struct {
		ID           string  `json:"id"`
		Name         string  `json:"name"`
		Tools        bool    `json:"supports_tools"`
		Current      bool    `json:"is_current"`
		FailureCount int     `json:"failure_count"`
		Available    bool    `json:"is_available"`
		Provider     string  `json:"provider"`
		Reason       string  `json:"reason"`
		AvailableAt  *string `json:"available_at"`
		LastError    string  `json:"last_error"`
	} `json:"models"`
}

func showStatus(w io.Writer, url, key string) error {
	req, err := http.NewRequest(http.MethodGet, strings.TrimRight(url, "/")+"/api/chat/models", nil)
	if err != nil {
		return err
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	client := http.Client{Timeout: 5 * time.Second}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("no freefall at %s (%w); start one, or name another with --url", url, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, resp.Status)
	}
	var s statusAnswer
	if err := json.NewDecoder(io.LimitReader(resp.Body, 16<<20)).Decode(&s); err != nil {
		return fmt.Errorf("%s does not speak freefall's state API: %w", url, err)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\tMODEL\tPROVIDER\tTOOLS\tFAILURES\tSTATE\tLAST ERROR")
	for _, m := range s.Models {
		mark, state := " ", "available"
		if m.Current {
			mark = ">"
		}
		if !m.Available {
			state = m.Reason
			if m.AvailableAt != nil {
				state += " until " + local(*m.AvailableAt)
			}
		} else if m.Reason != "" {
			state = m.Reason
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\t%s\t%s\n", mark, m.ID, m.Provider, yes(m.Tools), m.FailureCount, state, short(m.LastError))
	}
	return table.Flush()
}

func local(stamp string) string {
	t, err := time.Parse(time.RFC3339, stamp)
	if err != nil {
		return stamp
	}
	if t = t.Local(); time.Until(t) < 12*time.Hour {
		return t.Format("15:04:05")
	}
	return t.Format("2006-01-02 15:04")
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func short(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:59]) + "…"
	}
	return s
}
