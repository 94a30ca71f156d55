package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"pegel/testenv"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"pegel": func() {
		signals := make(chan os.Signal, 4)
		signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
		os.Exit(run(context.Background(), os.Args[1:], environment{stdout: os.Stdout, stderr: os.Stderr, getenv: os.LookupEnv, signals: signals}))
	}, imapsName: serveIMAPS})
}

// The command as its users meet it: transcripts in testdata/script, against a running embedded platform.
func TestScripts(t *testing.T) {
	dir := t.TempDir()
	platform, err := testenv.Start(t.Context(), testenv.Options{Accounts: 100, Password: "right-word", TLS: true, CADir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { platform.Close() })
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(e *testscript.Env) error {
			u := platform.URLs
			e.Setenv("WEB", u.Web)
			e.Setenv("WEBTLS", u.WebTLS)
			e.Setenv("IMAP", u.IMAP)
			e.Setenv("IMAPS", u.IMAPS)
			e.Setenv("SMTP", u.SMTP)
			e.Setenv("CALDAV", u.CalDAV)
			e.Setenv("CARDDAV", u.CardDAV)
			e.Setenv("METRICS", u.Metrics)
			e.Setenv("CA", platform.CAFile)
			e.Setenv("PEGEL_PASSWORD", "right-word")
			return nil
		},
		Condition: func(name string) (bool, error) {
			if name == "netns" { // whether a network of its own can be had, as only root may
				return exec.Command("unshare", "-n", "true").Run() == nil, nil
			}
			return false, fmt.Errorf("unknown condition %q", name)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"archive": archiveCommand,
			"code":    codeCommand,
			"done":    doneCommand,
			"signal":  signalCommand,
		},
	})
}

// codeCommand is "code N COMMAND ARG…": the command must end with exit code N. Its output is left in the files stdout
// and stderr for grep.
func codeCommand(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	for attempt := 1; ; attempt++ {
		code, stdout, stderr := execute(ts, command(ts, args[1:]), nil)
		// What the machine disturbed says nothing of the command: the run is tried again.
		if at := slices.Index(args, "--out"); attempt < tries && at > 0 && at+1 < len(args) && disturbed(stdout+stderr) {
			ts.Check(os.RemoveAll(ts.MkAbs(args[at+1])))
			continue
		}
		check(ts, args[1:], want, code, stdout, stderr)
		return
	}
}

// signalCommand is "signal N WHEN SIGNALS COMMAND ARG…": starts the command, waits until its standard error has the text
// WHEN, sends the signals (INT, KILL; joined by +, a second apart), and wants exit code N (−1: killed).
func signalCommand(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	when, signals := args[1], strings.Split(args[2], "+")
	code, stdout, stderr := execute(ts, command(ts, args[3:]), func(cmd *exec.Cmd, stderr *lockedBuffer) {
		deadline := time.Now().Add(60 * time.Second)
		for !strings.Contains(stderr.String(), when) && time.Now().Before(deadline) {
			time.Sleep(20 * time.Millisecond)
		}
		for i, name := range signals {
			if i > 0 {
				time.Sleep(time.Second)
			}
			sig := syscall.SIGINT
			if name == "KILL" {
				sig = syscall.SIGKILL
			}
			_ = cmd.Process.Signal(sig) // it may have ended by itself, which the exit code tells
		}
	})
	check(ts, args[3:], want, code, stdout, stderr)
}

func command(ts *testscript.TestScript, args []string) *exec.Cmd {
	path := args[0]
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if _, err := os.Stat(filepath.Join(dir, args[0])); err == nil {
			path = filepath.Join(dir, args[0])
			break
		}
	}
	cmd := exec.Command(path, args[1:]...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"PATH", "HOME", "WEB", "PEGEL_PASSWORD", "PEGEL_CANARY_KEY", "TMPDIR"} {
		if v := ts.Getenv(name); v != "" {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	if path := ts.Getenv("SEARCHPATH"); path != "" { // what the command itself finds
		cmd.Env = append(cmd.Env, "PATH="+path)
	}
	return cmd
}

// execute runs a command and leaves its output in the files stdout and stderr.
func execute(ts *testscript.TestScript, cmd *exec.Cmd, during func(*exec.Cmd, *lockedBuffer)) (code int, out, errors string) {
	var stdout bytes.Buffer
	stderr := new(lockedBuffer)
	cmd.Stdout, cmd.Stderr = &stdout, stderr
	ts.Check(cmd.Start())
	if during != nil {
		during(cmd, stderr)
	}
	_ = cmd.Wait() // the exit code says all
	ts.Check(os.WriteFile(ts.MkAbs("stdout"), stdout.Bytes(), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("stderr"), []byte(stderr.String()), 0o600))
	return cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()
}

func check(ts *testscript.TestScript, args []string, want, code int, stdout, stderr string) {
	if code != want {
		ts.Fatalf("%s ended with %d, want %d\nstdout: %s\nstderr: %s", strings.Join(args, " "), code, want, stdout, stderr)
	}
	for _, out := range []string{stdout, stderr} {
		if strings.Contains(out, "right-word") || strings.Contains(out, "wrong-word") {
			ts.Fatalf("the output shows a password:\n%s", out)
		}
	}
	fmt.Fprintln(ts.Stdout(), strings.TrimSpace(stdout))
}
