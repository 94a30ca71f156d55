package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pegel/internal/archive"
	"pegel/testenv"
)

const toBePaused = `
name: paused
targets: {imap: {url: "%"}}
accounts: {pattern: "u{n:05}@example.test", count: 20, password: {env: PEGEL_DEMO_PASSWORD}}
activity: {desktop: 100%, source: test}
personas: [{name: desktop, journey: mail}]
journeys: {mail: [{do: imap.login}, {repeat: {for: session}, steps: [{do: imap.noop, think: 100ms}]}]}
load: {stages: {users: [2, 20], ramp: 1s, settle: 500ms, hold: 2s}}
objectives: [{errors: 1%}]
`

// What the operator types pauses the ramp and resumes it, and is in the archive.
func TestTypedPause(t *testing.T) {
	platform, err := testenv.Start(t.Context(), testenv.Options{Accounts: 20, Password: demoPassword})
	if err != nil {
		t.Fatal(err)
	}
	defer platform.Close()
	dir := t.TempDir()
	file := filepath.Join(dir, "paused.yaml")
	if err := os.WriteFile(file, []byte(strings.Replace(toBePaused, "%", platform.URLs.IMAP, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	lines, stderr := make(chan string), new(lockedBuffer)
	go func() {
		for _, x := range []struct{ when, line string }{{"stage 1/2", "what?"}, {"p and Enter pauses", "p"}, {"paused the ramp", "r"}} {
			for end := time.Now().Add(30 * time.Second); !strings.Contains(stderr.String(), x.when) && time.Now().Before(end); {
				time.Sleep(10 * time.Millisecond)
			}
			if x.line == "r" {
				time.Sleep(3 * time.Second)
			}
			select {
			case lines <- x.line:
			case <-t.Context().Done():
				return
			}
		}
	}()
	var stdout bytes.Buffer
	out := filepath.Join(dir, "run")
	code := run(context.Background(), []string{"run", file, "--out", out}, environment{stdout: &stdout, stderr: stderr, getenv: os.LookupEnv, typed: lines})
	if code != exitOK && code != exitCaution && code != exitGenerator {
		t.Fatalf("exit code %d\n%s", code, stderr)
	}
	run, err := archive.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	var notes []string
	var end time.Duration
	for _, e := range run.Events {
		switch e.Kind {
		case archive.EventNote:
			notes = append(notes, e.Text)
		case archive.EventDone:
			end = e.At
		}
	}
	if len(notes) != 2 || !strings.Contains(notes[0], "paused the ramp") || !strings.Contains(notes[1], "resumed the ramp after") {
		t.Errorf("notes %q\n%s", notes, stderr)
	}
	if end < 10*time.Second { // 7 s and the pause
		t.Errorf("the run was over after %v", end)
	}
}

// What is no terminal is not read.
func TestOnlyTerminalsAreRead(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if typed(r) != nil {
		t.Error("a pipe is read")
	}
}
