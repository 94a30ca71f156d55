package real

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	stopGrace = 8 * time.Second // for the first process; then all are killed
	// for the others after the first one: Dovecot's stats waits as long as a client keeps its connection open
	orphanGrace = time.Second
	stopLimit   = 12 * time.Second
	pollEvery   = 25 * time.Millisecond
)

// launcher starts all daemons from one thread that lives as long as they do: Linux sends the death signal of a child when
// the thread that made it ends, and the Go runtime may end any other.
type launcher struct {
	work chan func()
	done chan struct{}
}

func newLauncher() *launcher {
	l := &launcher{work: make(chan func()), done: make(chan struct{})}
	go func() {
		defer close(l.done)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		for f := range l.work {
			f()
		}
	}()
	return l
}

func (l *launcher) start(command *exec.Cmd) error {
	started := make(chan error, 1)
	l.work <- func() { started <- command.Start() }
	return <-started
}

// run runs a command as a system user to its end, with what it reads given, and returns what it printed as the error if
// it fails.
func (l *launcher) run(ctx context.Context, user, input, path string, args ...string) error {
	command := exec.CommandContext(ctx, path, args...)
	command.Dir = "/"
	command.Stdin = strings.NewReader(input)
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	command.WaitDelay = orphanGrace
	var err error
	if command.SysProcAttr, err = attributes(user, syscall.SIGKILL); err != nil {
		return err
	}
	if err = l.start(command); err == nil {
		err = command.Wait()
	}
	if err != nil {
		return fmt.Errorf("running %s: %w: %s", filepath.Base(path), err, strings.TrimSpace(out.String()))
	}
	return nil
}

func (l *launcher) close() {
	close(l.work)
	<-l.done
}

// daemon is a started server with all its processes.
type daemon struct {
	name    string
	log     string
	command *exec.Cmd
	family  family
	signal  syscall.Signal // asks it to end
	exited  chan struct{}  // closed when the first process has been waited for
	err     error          // its end; valid once exited is closed
	stopped atomic.Bool    // by StopServer
}

// launch starts p in a session of its own, with its output appended to the log.
func (l *launcher) launch(p program, log string) (*daemon, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening the log of %s: %w", p.name, err)
	}
	defer out.Close()
	line := p.commandLine()
	command := exec.Command(line[0], line[1:]...)
	command.Dir = "/"
	command.Env = append([]string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"}, p.env...)
	command.Stdout, command.Stderr = out, out
	if command.SysProcAttr, err = attributes(p.user, p.stopSignal()); err != nil {
		return nil, fmt.Errorf("starting %s: %w", p.name, err)
	}
	if err := l.start(command); err != nil {
		return nil, fmt.Errorf("starting %s: %w", p.name, err)
	}
	d := &daemon{name: p.name, log: log, command: command, signal: p.stopSignal(), exited: make(chan struct{}), family: newFamily(command.Process.Pid)}
	go func() {
		defer close(d.exited)
		d.err = command.Wait()
	}()
	return d, nil
}

func (d *daemon) ended() bool { return closed(d.exited) }

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// stop asks the server to end and returns when none of its processes is left. Once hurry is closed they are killed.
func (d *daemon) stop(hurry <-chan struct{}) error {
	d.family.update(!d.ended())
	d.terminate()
	deadline := time.Now().Add(stopGrace)
	orphaned := false
	for end := time.Now().Add(stopLimit); ; time.Sleep(pollEvery) {
		// in this order: a process that appears before the first one's end is seen by the update after it
		ended := d.ended()
		left := d.family.update(!ended)
		if ended && len(left) == 0 {
			return nil
		}
		if ended && !orphaned {
			orphaned = true
			deadline = time.Now().Add(orphanGrace)
		}
		switch now := time.Now(); {
		case now.After(end):
			return fmt.Errorf("stopping %s: processes %v do not end", d.name, left)
		case now.After(deadline) || closed(hurry):
			d.family.kill()
		}
	}
}

func (d *daemon) terminate() {
	if !d.ended() {
		// an error means that it has just ended, which the caller sees anyway
		_ = d.command.Process.Signal(d.signal)
	}
}

// failure describes what happened to the daemon with the end of its log.
func (d *daemon) failure(what string) error {
	text := fmt.Sprintf("%s %s", d.name, what)
	if d.ended() {
		text = fmt.Sprintf("%s (%v)", text, d.command.ProcessState)
	}
	if last := tail(d.log, 8); last != "" {
		text += "; its log ends:\n" + last
	}
	return errors.New(text)
}

// tail returns the last lines of a file, of its last 4 KiB at most; "" if it cannot be read.
func tail(path string, lines int) string {
	const most = 4 << 10
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return ""
	}
	from := max(0, info.Size()-most)
	block := make([]byte, info.Size()-from)
	n, err := f.ReadAt(block, from)
	if n == 0 && err != nil {
		return ""
	}
	all := strings.Split(strings.TrimSpace(string(block[:n])), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
