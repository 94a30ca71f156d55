package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"pegel/internal/archive"
)

// forgetful is an IMAP server that gives INBOX a new UIDVALIDITY with every tenth SELECT, and repeats in its greeting of a login
// the password it was told.
func forgetful(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	var selects atomic.Int64
	serve := func(c net.Conn) {
		defer c.Close()
		fmt.Fprint(c, "* OK [CAPABILITY IMAP4rev1] ready\r\n")
		for lines := bufio.NewScanner(c); lines.Scan(); {
			tag, rest, _ := strings.Cut(lines.Text(), " ")
			switch verb, args, _ := strings.Cut(rest, " "); verb {
			case "LOGIN":
				fmt.Fprintf(c, "* OK hello %s\r\n", args)
			case "CAPABILITY":
				fmt.Fprint(c, "* CAPABILITY IMAP4rev1\r\n")
			case "SELECT":
				fmt.Fprintf(c, "* 3 EXISTS\r\n* OK [UIDVALIDITY %d] ok\r\n", 7+selects.Add(1)/10)
			}
			fmt.Fprintf(c, "%s OK done\r\n", tag)
		}
	}
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { serve(c) })
		}
	})
	t.Cleanup(func() { l.Close(); running.Wait() })
	return "imap://" + l.Addr().String()
}

const checksScenario = `
name: state
seed: 6
targets: {imap: {url: "imap://127.0.0.1:9"}}
accounts: {pattern: "u{n:05}@example.test", count: 40, password: {env: PEGEL_PASSWORD}}
activity: {reader: 50%, source: test}
personas: [{name: reader, journey: read}]
journeys: {read: [{repeat: {for: session}, steps: [{do: imap.select, think: 20ms}, {do: imap.noop, think: 20ms}]}]}
checks: {state: true, share: 100%}
load: {stages: {users: [20], ramp: 200ms, settle: 200ms, hold: 2s}}
`

// A platform that forgets is found out: actions fail with class content, and archive and reports name rule and account with
// a transcript that has no secret. The same run without checks notices nothing.
func TestChecksOfState(t *testing.T) {
	const password = "a-password-that-nobody-shall-see"
	url := forgetful(t)
	for _, share := range []string{"100%", ""} {
		dir := t.TempDir()
		file, out := filepath.Join(dir, "state.yaml"), filepath.Join(dir, "run")
		if err := os.WriteFile(file, []byte(checksScenario), 0o600); err != nil {
			t.Fatal(err)
		}
		args := []string{"run", file, "--out", out, "--set", "targets.imap.url=" + url}
		if share == "" {
			args = append(args, "--set", "checks={state: false}")
		}
		_, stdout, stderr := runInto(t, out, args, func(name string) (string, bool) { return password, name == "PEGEL_PASSWORD" })
		r, err := archive.Open(out)
		if err != nil {
			t.Fatalf("%v\n%s%s", err, stdout, stderr)
		}
		list, err := r.Violations()
		if err != nil {
			t.Fatal(err)
		}
		html, err := os.ReadFile(filepath.Join(out, archive.ReportFile))
		if err != nil {
			t.Fatal(err)
		}
		if share == "" {
			if len(list) > 0 || strings.Contains(stderr, "checks:") || bytes.Contains(html, []byte(`id="state"`)) {
				t.Errorf("without checks %d violations\n%s", len(list), stderr)
			}
			continue
		}
		if len(list) == 0 || len(list) > 25 || !strings.Contains(stderr, "checks: ") {
			t.Fatalf("%d violations\n%s", len(list), stderr)
		}
		for _, v := range list {
			if v.Rule != "uidvalidity" || v.Mailbox != "INBOX" || v.Persona != "reader" || !strings.Contains(v.Transcript, `SELECT "INBOX"`) {
				t.Errorf("%+v", v)
			}
		}
		if !bytes.Contains(html, []byte("uidvalidity")) || !bytes.Contains(html, []byte("(secret)")) && !strings.Contains(list[0].Transcript, "(secret)") {
			t.Error("the report has no transcript")
		}
		if !strings.Contains(stdout, "uidvalidity in INBOX") {
			t.Errorf("the summary does not say so:\n%s", stdout)
		}
		err = filepath.Walk(out, func(path string, info os.FileInfo, err error) error {
			if err != nil || info.IsDir() {
				return err
			}
			raw, err := os.ReadFile(path)
			if bytes.Contains(raw, []byte(password)) {
				t.Errorf("%s has the password", path)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
		for _, v := range list { // rows are compressed in the files
			if strings.Contains(v.Transcript, password) {
				t.Errorf("a transcript has the password:\n%s", v.Transcript)
			}
		}
	}
}
