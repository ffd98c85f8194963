package main

import (
	"fmt"
	"io"
	"os"

	"github.com/mattn/go-isatty"
	"github.com/rs/zerolog"

	"freefall/internal/config"
)

// openLog gives the program's log: standard error, and a file beside the config. A file that cannot be written is a warning:
// serving matters more. What was logged last is written when it is closed.
func openLog(c *config.Config) (zerolog.Logger, func()) {
	zerolog.TimeFieldFormat = stampLayout
	if setLogLevel(c.Log.Level) != nil {
		zerolog.SetGlobalLevel(zerolog.InfoLevel)
	}
	terminal := isatty.IsTerminal(os.Stderr.Fd())
	console := c.Log.Format == "console" || c.Log.Format == "auto" && terminal
	file, err := openLogFile(c.Log.File, logMegabytes)
	outs := both{os.Stderr}
	if file != nil && !console {
		outs = both{file, os.Stderr} // the same lines, gathered once
	}
	stderr := gather(outs)
	var w io.Writer = stderr
	if console {
		w = zerolog.ConsoleWriter{Out: stderr, NoColor: !terminal || os.Getenv("NO_COLOR") != "", TimeFormat: "15:04:05"}
	}
	kept := stderr
	if file != nil && console {
		kept = gather(file)
		w = zerolog.MultiLevelWriter(w, kept)
	}
	log, end := newLog(w)
	if err != nil {
		log.Warn().Err(err).Msg("the log file cannot be written; set log.file in models.yaml (\"\" = none)")
	}
	done := func() {}
	if file != nil {
		done = file.follow(func(err error) {
			log.Warn().Err(err).Msg("the log file cannot be opened anew, lines go where they went before; make its folder writable and send SIGHUP again")
		})
	}
	return log, func() {
		done()
		end()
		stderr.flush()
		kept.flush()
		if file != nil {
			_ = file.Close()
		}
	}
}

// both are where the same lines go.
type both []io.Writer

// Write writes to each of them: one that fails is no reason to leave the others out.
func (b both) Write(p []byte) (int, error) {
	for _, out := range b {
		_, _ = out.Write(p)
	}
	return len(p), nil
}

// newLog gives a log in which storms are summed up, and what writes the last sums.
func newLog(w io.Writer) (log zerolog.Logger, end func()) {
	bare := zerolog.New(w).Hook(stamp{})
	c := &sampler{log: bare}
	return bare.Hook(c), func() {
		c.flush()
		zerolog.SetGlobalLevel(zerolog.TraceLevel) // the level is one of the process
	}
}

// setLogLevel sets the least that is logged, from now on, by everybody.
func setLogLevel(word string) error {
	switch word {
	case "debug", "info", "warn", "error":
		level, err := zerolog.ParseLevel(word)
		if err == nil {
			zerolog.SetGlobalLevel(level)
		}
		return err
	}
	return fmt.Errorf("there is no log level %q", word)
}
