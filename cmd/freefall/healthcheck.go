package main

import (
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"freefall/internal/config"
)

func healthcheckCommand() *cobra.Command {
	var options config.Options
	var at string
	cmd := &cobra.Command{
		Use:     "healthcheck",
		Short:   "Exit 0 if a running freefall answers /healthz (for images)",
		Example: "  freefall healthcheck\n  freefall healthcheck --url http://freefall:8000",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			at, err := address("--url", at, options)
			if err != nil {
				return err
			}
			client := http.Client{Timeout: 3 * time.Second}
			resp, err := client.Get(at + "/healthz")
			if err != nil {
				return exitError{1, away(at, err)}
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				return exitError{1, fmt.Errorf("%s/healthz answers %s", at, resp.Status)}
			}
			return nil
		},
	}
	configFlags(cmd, &options)
	cmd.Flags().StringVar(&at, "url", "", "address of the running freefall (default: where the config listens)")
	return cmd
}
