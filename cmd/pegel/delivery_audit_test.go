package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"pegel/internal/archive"
	"pegel/internal/corpus"
	"pegel/internal/plan"
	"pegel/probes"
	"pegel/probes/probe"
	"pegel/scenarios"
	"pegel/testenv/real"
)

// senders send mail as a mail server from outside does, to one recipient each, so that nothing but delivery depends on Dovecot.
// Nobody reads: what the ledger knows it knows from the search afterwards.
const senders = `
name: mail
seed: 9
targets: {smtp: {url: "smtp://127.0.0.1:9"}, imap: {url: "imap://127.0.0.1:9"}}
accounts: {pattern: "u{n:05}@example.test", count: 40, password: {env: PEGEL_PASSWORD}}
activity: {sender: 100%, source: test}
personas: [{name: sender, journey: send}]
journeys:
  send: [{repeat: {for: session}, steps: [{do: smtp.send, with: {size: 2KB, as: mta, from: "x@outside.example", backoff: 300ms}, think: 200ms}]}]
delivery: {check: true, wait: 60s}
load: {stages: {users: [20], ramp: 200ms, settle: 200ms, hold: 3s}}
`

// quickQueue makes Postfix try again what could not be delivered after seconds instead of minutes.
const quickQueue = "minimal_backoff_time = 2s\nmaximal_backoff_time = 4s\nqueue_run_delay = 2s\n"

// mailStack starts real servers, or skips.
func mailStack(t *testing.T, accounts int, postfix string) *real.Stack {
	t.Helper()
	if missing := real.Missing(); len(missing) > 0 {
		t.Skipf("delivery by real servers is not tested here: missing %s", strings.Join(missing, ", "))
	}
	stack, err := real.Start(t.Context(), real.Options{Accounts: accounts, Ports: real.Ports{Free: true},
		// Sessions of one account in one process stop each other (Dovecot 2.3 panics: "Resource deadlock avoided").
		Tweaks: real.Tweaks{PostfixExtra: postfix, DovecotStock: true}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stack.Close() })
	return stack
}

// mailRun is a finished run.
type mailRun struct {
	code int
	said string
	d    *archive.Delivery
	run  string // its ID
	dir  string
	took time.Duration
}

// sendMail runs a scenario of senders against a stack, or against another way in. It runs once, however busy the machine is:
// what happens to the platform meanwhile happens once.
func sendMail(t *testing.T, stack *real.Stack, way string, sets ...string) mailRun {
	t.Helper()
	dir := t.TempDir()
	file, out := filepath.Join(dir, "mail.yaml"), filepath.Join(dir, "run")
	if err := os.WriteFile(file, []byte(senders), 0o600); err != nil {
		t.Fatal(err)
	}
	if way == "" {
		way = stack.SMTPInbound
	}
	args := []string{"run", file, "--out", out, "--set", fmt.Sprintf(`targets={imap: {url: "%s", ca: "%s"}, smtp: {url: "%s"}}`, stack.IMAPDirect, stack.CAFile, way)}
	for _, set := range sets {
		args = append(args, "--set", set)
	}
	var stdout, stderr bytes.Buffer
	m := mailRun{dir: out}
	began := time.Now()
	m.code = run(context.Background(), args, environment{stdout: &stdout, stderr: &stderr, getenv: func(name string) (string, bool) {
		return real.DefaultPassword, name == "PEGEL_PASSWORD"
	}})
	m.took, m.said = time.Since(began), stdout.String()+stderr.String()
	r, err := archive.Open(out)
	if err != nil {
		t.Fatalf("exit code %d: %v\n%s", m.code, err, m.said)
	}
	if m.d, err = r.Delivery(); err != nil || m.d == nil {
		t.Fatalf("no account of the mail: %v\n%s", err, m.said)
	}
	m.run = r.Meta.RunID
	return m
}

// lying is what lies in INBOXes.
type lying struct {
	copies map[string]int // by Message-ID and account number
	files  map[string]string
}

// audit reads the messages of a run from Dovecot's files, without asking any server or pegel's ledger: dbox has a file for each
// message, deleted ones have none.
func audit(t *testing.T, stack *real.Stack, run string) lying {
	t.Helper()
	found := lying{map[string]int{}, map[string]string{}}
	tried := triedBefore(t)
	files, err := filepath.Glob(filepath.Join(stack.Dir, "mail", "*", "*", "mailboxes", "INBOX", "dbox-Mails", "u.*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		id := messageID(t, path)
		if key, ours := corpus.KeyOf(run, id); !ours || key == tried { // of which the ledger knows nothing
			continue
		}
		user := filepath.Base(filepath.Dir(filepath.Dir(filepath.Dir(filepath.Dir(path)))))
		number, err := strconv.Atoi(strings.TrimPrefix(user, "u"))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		key := fmt.Sprintf("%s %d", id, number)
		found.copies[key]++
		found.files[key] = path
	}
	return found
}

// triedBefore is the key of the mail with which a run of senders tries its way in, before it begins.
func triedBefore(t *testing.T) uint64 {
	t.Helper()
	s, err := scenarios.Parse("mail.yaml", []byte(senders), scenarios.Options{Getenv: func(string) (string, bool) { return "x", true }})
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Build(s, probes.All())
	if err != nil {
		t.Fatal(err)
	}
	return probe.Mix(p.Opening(0)[0].Key) // draw 0 of the action, from which smtp.send makes the Message-ID
}

// twice is how many messages lie in one INBOX more than once.
func (l lying) twice() (n int) {
	for _, copies := range l.copies {
		if copies > 1 {
			n++
		}
	}
	return n
}

func messageID(t *testing.T, path string) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if id, is := strings.CutPrefix(s.Text(), "Message-ID: "); is {
			return strings.TrimSpace(id)
		}
		if s.Text() == "" {
			break
		}
	}
	return ""
}
