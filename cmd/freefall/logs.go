package main

import (
	"io"
	"os"
	"path/filepath"

	"github.com/DeRuina/timberjack"
	"github.com/mattn/go-isatty"
	"github.com/rs/zerolog"

	"freefall/internal/config"
)

const (
	logMegabytes = 20
	logBackups   = 5
)

// openLog gives the program's log: standard error, and a file beside the config. A file that cannot be written is a warning:
// serving matters more. What was logged last is written when it is closed.
func openLog(c *config.Config) (zerolog.Logger, func()) {
	zerolog.TimeFieldFormat = "2006-01-02T15:04:05.000Z07:00"
	level, err := zerolog.ParseLevel(c.Log.Level)
	if err != nil {
		level = zerolog.InfoLevel
	}
	stderr := gather(os.Stderr)
	var screen io.Writer = stderr
	terminal := isatty.IsTerminal(os.Stderr.Fd())
	if c.Log.Format == "console" || c.Log.Format == "auto" && terminal {
		screen = zerolog.ConsoleWriter{Out: stderr, NoColor: !terminal || os.Getenv("NO_COLOR") != "", TimeFormat: "15:04:05"}
	}
	file, err := openLogFile(c.Log.File)
	if file == nil {
		log := zerolog.New(screen).Level(level).With().Timestamp().Logger()
		if err != nil {
			log.Warn().Err(err).Msg("the log file cannot be written; set log.file in models.yaml (\"\" = none)")
		}
		return log, stderr.flush
	}
	kept := gather(file)
	log := zerolog.New(zerolog.MultiLevelWriter(screen, kept)).Level(level).With().Timestamp().Logger()
	return log, func() {
		stderr.flush()
		kept.flush()
		_ = file.Close()
	}
}

// openLogFile tries the file once, so that a folder that is not ours is told at the start.
func openLogFile(path string) (io.WriteCloser, error) {
	if path == "" {
		return nil, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	return &timberjack.Logger{Filename: path, MaxSize: logMegabytes, MaxBackups: logBackups}, nil
}
