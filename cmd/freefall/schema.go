package main

import (
	"github.com/spf13/cobra"

	"freefall/internal/config"
)

func schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of models.yaml",
		Example: `  freefall schema > schema.json
  # then, as the first line of models.yaml:
  # yaml-language-server: $schema=schema.json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := cmd.OutOrStdout().Write(config.Schema)
			return err
		},
	}
}
