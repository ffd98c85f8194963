// Command freefall turns a pool of free, rate-limited language models into one dependable OpenAI-compatible endpoint.
package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	_ "time/tzdata" // day resets name zones, and an image from scratch has none

	"freefall/internal/roster"
)

func main() {
	neighbours = roster.Neighbours()
	os.Exit(run(os.Args[1:]))
}

// run is the program: 0 ok, 1 runtime error, 2 usage or config.
func run(args []string) int {
	root := rootCommand()
	root.SetArgs(args)
	err := root.Execute()
	if err == nil {
		return 0
	}
	var exit exitError
	if !errors.As(err, &exit) { // cobra's own errors are about usage
		exit = exitError{2, fmt.Errorf("%w; freefall --help shows commands, and freefall COMMAND --help their flags", err)}
	}
	if text := exit.Error(); text != "" {
		separator := " "
		if strings.Contains(text, "\n") {
			separator = "\n" // several mistakes: each line begins with its own place
		}
		fmt.Fprintln(os.Stderr, "freefall:"+separator+text)
	}
	return exit.code
}
