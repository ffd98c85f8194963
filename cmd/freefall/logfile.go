package main

import (
	"os"
	"os/signal"
	"path/filepath"
	"sync/atomic"
	"syscall"

	"github.com/DeRuina/timberjack"
)

const (
	logMegabytes = 20
	logBackups   = 5
)

// logFile is the log on disk. It is put aside when it has grown large, and opened anew on a SIGHUP: by then another program, such as
// logrotate, or a person may have moved it, and what was open would be written to for ever where nobody looks.
type logFile struct {
	path      string
	megabytes int
	open      atomic.Pointer[timberjack.Logger]
}

// openLogFile tries the file once, so that a folder that is not ours is told at the start. Without a path there is none.
func openLogFile(path string, megabytes int) (*logFile, error) {
	if path == "" {
		return nil, nil
	}
	f := &logFile{path: path, megabytes: megabytes}
	if err := f.reopen(); err != nil {
		return nil, err
	}
	return f, nil
}

// reopen goes on in the file that has the name now. What cannot be opened leaves the one before in use.
func (f *logFile) reopen() error {
	if err := os.MkdirAll(filepath.Dir(f.path), 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(f.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	if old := f.open.Swap(&timberjack.Logger{Filename: f.path, MaxSize: f.megabytes, MaxBackups: logBackups}); old != nil {
		_ = old.Close()
	}
	return nil
}

// follow reopens the file on each SIGHUP, until the function that it gives is called.
func (f *logFile) follow(failed func(error)) (end func()) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	go func() {
		for range hangup {
			if err := f.reopen(); err != nil {
				failed(err)
			}
		}
	}()
	return func() {
		signal.Stop(hangup)
		close(hangup)
	}
}

func (f *logFile) Write(p []byte) (int, error) { return f.open.Load().Write(p) }

func (f *logFile) Close() error { return f.open.Load().Close() }
