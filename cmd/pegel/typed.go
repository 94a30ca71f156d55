package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
)

// typed are the lines that come from a terminal, to the end of the process; nil where in is none. Anything else that stands
// there (a file, a pipe that a shell's loop reads) is left alone.
func typed(in *os.File) <-chan string {
	if !terminal(in) {
		return nil
	}
	signal.Ignore(syscall.SIGTTIN) // in the background reading fails instead of stopping the run
	lines := make(chan string)
	go func() {
		scanner := bufio.NewScanner(in)
		for scanner.Scan() {
			lines <- scanner.Text()
		}
	}()
	return lines
}

// watchTyped makes what the operator types into pauses of the ramp. The returned function ends that.
func (d *driving) watchTyped(ctx context.Context) (pause <-chan bool, done func()) {
	if d.env.typed == nil {
		return nil, func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	asked := make(chan bool)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			var line string
			select {
			case line = <-d.env.typed:
			case <-ctx.Done():
				return
			}
			var paused bool
			switch strings.TrimSpace(line) {
			case "p", "pause":
				paused = true
			case "r", "resume":
			case "":
				continue
			default:
				fmt.Fprintln(d.env.stderr, "pegel: p and Enter pauses the ramp, r and Enter resumes it, Ctrl-C ends the run")
				continue
			}
			select {
			case asked <- paused:
			case <-ctx.Done():
				return
			}
		}
	})
	return asked, func() { cancel(); wg.Wait() }
}
