package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// noArgs refuses what is neither a command nor a flag, and says what was meant, if that is clear.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := ""
	switch near := cmd.SuggestionsFor(args[0]); {
	case len(near) > 0:
		hint = fmt.Sprintf(" (did you mean %q?)", near[0])
	case cmd.Flags().Lookup("config") != nil && (strings.HasSuffix(args[0], ".yaml") || strings.HasSuffix(args[0], ".yml")):
		hint = fmt.Sprintf(" (did you mean --config %s?)", args[0])
	}
	if cmd.HasSubCommands() {
		return fmt.Errorf("unknown command %q for %q%s", args[0], cmd.CommandPath(), hint)
	}
	return fmt.Errorf("%s takes flags alone, not %q%s", cmd.CommandPath(), args[0], hint)
}
