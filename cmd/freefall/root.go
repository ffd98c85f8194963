package main

import (
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set at link time for releases; otherwise the build info speaks.
var version = ""

func rootCommand() *cobra.Command {
	serve := serveCommand()
	root := &cobra.Command{
		Use:   "freefall",
		Short: "One dependable OpenAI-compatible endpoint over a pool of free language models",
		Long: `freefall turns a pool of free, rate-limited language models into one dependable
OpenAI-compatible endpoint. Set base_url=http://localhost:8000/v1 in the SDK you
already use; freefall picks the model, moves on before you notice a limit,
remembers what is spent until when, and never costs money.`,
		Example: `  freefall demo                        see it work: no key, no network, no file
  OPENROUTER_API_KEY=... freefall      serve on 127.0.0.1:8000
  freefall check                       what it understood of models.yaml, and what is skipped
  freefall models                      what the providers list, and what is new or gone
  freefall status                      which model answers now, and why not the first`,
		Version:       versionText(),
		Args:          noArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          serve.RunE,
	}
	root.SuggestionsMinimumDistance = 2 // letters
	root.Flags().AddFlagSet(serve.Flags())
	root.AddCommand(serve, demoCommand(), drillCommand(), checkCommand(), statusCommand(), logCommand(), modelsCommand(), healthcheckCommand(), schemaCommand(), versionCommand())
	nameShells(root)
	return root
}

// nameShells makes cobra's completion command refuse what is no shell: by itself it shows its help and ends well, and a script
// that misspells its shell would install that.
func nameShells(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			c.Args = cobra.ArbitraryArgs
			c.RunE = func(_ *cobra.Command, args []string) error {
				if len(args) == 0 {
					return errors.New("completion wants a shell: bash, zsh, fish or powershell")
				}
				return fmt.Errorf("completion knows bash, zsh, fish and powershell, not %q", args[0])
			}
		}
	}
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  freefall version",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), "freefall "+versionText())
			return err
		},
	}
}

// versionText is the release, else the commit it was built from.
func versionText() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	text := info.Main.Version
	if text != "" && text != "(devel)" {
		return text
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			text += " " + s.Value[:12]
		}
	}
	return text
}
