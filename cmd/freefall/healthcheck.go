package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"freefall/internal/config"
)

func healthcheckCommand() *cobra.Command {
	var options config.Options
	var url string
	cmd := &cobra.Command{
		Use:     "healthcheck",
		Short:   "Exit 0 if a running freefall answers /healthz (for images)",
		Example: "  freefall healthcheck\n  freefall healthcheck --url http://freefall:8000",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if url == "" {
				var err error
				if url, err = ownURL(options); err != nil {
					return err
				}
			}
			client := http.Client{Timeout: 3 * time.Second}
			resp, err := client.Get(url + "/healthz")
			if err != nil {
				return exitError{1, fmt.Errorf("no answer from %s: %w", url, err)}
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				return exitError{1, fmt.Errorf("%s answers %s", url, resp.Status)}
			}
			return nil
		},
	}
	configFlags(cmd, &options)
	cmd.Flags().StringVar(&url, "url", "", "address of the running freefall (default: where the config listens)")
	return cmd
}

// ownURL is where a freefall with this config can be reached from this machine.
func ownURL(o config.Options) (string, error) {
	// The environment wins over the file, which is not even read then: a running freefall keeps its last good config, and a
	// broken edit must not make its container look ill.
	listen := strings.TrimSpace(os.Getenv("FREEFALL_LISTEN"))
	if listen == "" {
		c, err := load(o)
		if err != nil {
			return "", err
		}
		listen = c.Listen
	}
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", exitError{2, err}
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port), nil
}
