//go:build linux

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"freefall/test/child"
)

// ticks is how the kernel counts processor time for /proc: 100 a second on every Linux that Go runs on.
const ticks = 100

// process is a running program with its children.
type process struct {
	cmd   *exec.Cmd
	stdin *os.File // closed when the program shall end, if it listens to that
	ended chan struct{}
	once  sync.Once
}

// start runs a program whose words go to a file in dir. What it prints first, if asked for, is its address.
func start(cmd *exec.Cmd, dir string, speaks bool) (p *process, line string, err error) {
	out, err := os.Create(filepath.Join(dir, "output"))
	if err != nil {
		return nil, "", err
	}
	defer out.Close()
	in, hold, err := os.Pipe()
	if err != nil {
		return nil, "", err
	}
	defer in.Close()
	cmd.Stdin, cmd.Stderr, cmd.Stdout = in, out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var said *os.File
	if speaks {
		var say *os.File
		if said, say, err = os.Pipe(); err != nil {
			return nil, "", err
		}
		defer said.Close()
		defer say.Close()
		cmd.Stdout = say
	}
	if err := cmd.Start(); err != nil {
		hold.Close()
		return nil, "", fmt.Errorf("%w; nginx and haproxy come with apt-get install nginx haproxy", err)
	}
	p = &process{cmd: cmd, stdin: hold, ended: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(p.ended)
	}()
	if !speaks {
		return p, "", nil
	}
	_ = said.SetReadDeadline(time.Now().Add(patience))
	line, err = bufio.NewReader(said).ReadString('\n')
	if err != nil {
		p.stop()
		return nil, "", fmt.Errorf("%s does not start: %w", filepath.Base(cmd.Path), err)
	}
	return p, strings.TrimSpace(line), nil
}

// stop ends the program, kindly at first.
func (p *process) stop() {
	p.once.Do(func() {
		p.stdin.Close()
		child.End(p.cmd.Process, p.ended, syscall.SIGTERM)
	})
}

func (p *process) alive() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// stat is what /proc tells of one process.
type stat struct {
	parent int
	cpu    time.Duration // its own, user and system
}

// parseStat reads a line of /proc/PID/stat. The name in it may hold anything, so fields are counted from its end.
func parseStat(line []byte) (s stat, err error) {
	i := bytes.LastIndexByte(line, ')')
	f := bytes.Fields(line[i+1:])
	if i < 0 || len(f) < 13 {
		return s, errors.New("unknown form of /proc/PID/stat")
	}
	var n [3]int
	for i, at := range []int{1, 11, 12} {
		if n[i], err = strconv.Atoi(string(f[at])); err != nil {
			return s, err
		}
	}
	return stat{n[0], time.Duration(n[1]+n[2]) * (time.Second / ticks)}, nil
}

// each calls of for the program and its children.
func (p *process) each(of func(pid int, s stat) error) error {
	found, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return err
	}
	for _, path := range found {
		line, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended since
		}
		s, err := parseStat(line)
		if err != nil {
			return err
		}
		pid, _ := strconv.Atoi(strings.Split(path, "/")[2])
		if pid == p.cmd.Process.Pid || s.parent == p.cmd.Process.Pid {
			if err := of(pid, s); err != nil {
				return err
			}
		}
	}
	return nil
}

// cpu is the processor time that the program has taken so far.
func (p *process) cpu() (d time.Duration, err error) {
	err = p.each(func(_ int, s stat) error {
		d += s.cpu
		return nil
	})
	return d, err
}

// memory is what the program holds of the machine, pages that its processes share counted once.
func (p *process) memory() (bytes int, err error) {
	err = p.each(func(pid int, _ stat) error {
		n, err := child.Memory(pid, "smaps_rollup", "Pss")
		bytes += n
		return err
	})
	return bytes, err
}

// resident is the resident memory of the process itself, code of files included.
func (p *process) resident() (int, error) {
	return child.Memory(p.cmd.Process.Pid, "status", "VmRSS")
}
