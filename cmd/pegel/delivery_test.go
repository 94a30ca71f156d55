package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"pegel/internal/archive"
	"pegel/internal/delivery"
	"pegel/internal/record"
	"pegel/testenv"
	"pegel/testenv/real"
)

const mailScenario = `
name: mail
seed: 6
targets: {smtp: {url: "smtp://127.0.0.1:9"}, imap: {url: "imap://127.0.0.1:9"}}
accounts: {pattern: "u{n:05}@example.test", count: 40, password: {env: PEGEL_PASSWORD}}
activity: {reader: 50%, sender: 50%, source: test}
personas: [{name: reader, journey: read}, {name: sender, journey: send}]
journeys:
  read: [{repeat: {for: session}, steps: [{do: imap.idle, think: 1s}, {do: imap.fetch_headers, with: {last: 30}}]}]
  send: [{repeat: {for: session}, steps: [{do: smtp.send, with: {size: 2KB}, think: 200ms}]}]
delivery: {check: true, wait: 2s}
load: {stages: {users: [20], ramp: 200ms, settle: 200ms, hold: 1s}}
`

// drive runs the scenario of mail and returns its exit code, what it printed, and the account of the mail.
func driveMail(t *testing.T, sets ...string) (code int, said string, d *archive.Delivery, dir string) {
	t.Helper()
	dir = t.TempDir()
	file, out := filepath.Join(dir, "mail.yaml"), filepath.Join(dir, "run")
	if err := os.WriteFile(file, []byte(mailScenario), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"run", file, "--out", out}
	for _, set := range sets {
		args = append(args, "--set", set)
	}
	code, stdout, stderr := runInto(t, out, args, func(name string) (string, bool) {
		return real.DefaultPassword, name == "PEGEL_PASSWORD"
	})
	said = stdout + stderr
	r, err := archive.Open(out)
	if err != nil {
		t.Fatalf("exit code %d: %v\n%s", code, err, said)
	}
	if d, err = r.Delivery(); err != nil || d == nil {
		t.Fatalf("no account of the mail: %v\n%s", err, said)
	}
	return code, said, d, out
}

// A platform that loses one mail, delivers one twice and one to somebody else is found out, each time with the account.
func TestWrongDelivery(t *testing.T) {
	for _, c := range []struct {
		name, kind string
		route      func(account int) []int
		check      func(d *archive.Delivery) bool
		where      func(account int) int // that the example names
	}{
		{"lost", delivery.Lost, func(int) []int { return nil },
			func(d *archive.Delivery) bool {
				return d.Lost == 1 && d.Twice+d.Wrong == 0 && d.Delivered == d.Accepted-1
			}, func(a int) int { return a }},
		{"twice", delivery.Twice, func(a int) []int { return []int{a, a} },
			func(d *archive.Delivery) bool {
				return d.Twice == 1 && d.Lost+d.Wrong == 0 && d.Delivered == d.Accepted
			}, func(a int) int { return a }},
		{"wrong", delivery.Wrong, func(a int) []int { return []int{a%40 + 1} },
			func(d *archive.Delivery) bool { return d.Wrong == 1 && d.Lost == 1 && d.Twice == 0 }, func(a int) int { return a%40 + 1 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			n, victim := 0, 0
			platform, err := testenv.Start(t.Context(), testenv.Options{Accounts: 60, Password: real.DefaultPassword, Route: func(account int) []int {
				mu.Lock()
				defer mu.Unlock()
				if n++; n != 10 { // the tenth mail goes wrong
					return []int{account}
				}
				victim = account
				return c.route(account)
			}})
			if err != nil {
				t.Fatal(err)
			}
			defer platform.Close()
			code, said, d, dir := driveMail(t, "targets.smtp.url="+platform.URLs.SMTP, "targets.imap.url="+platform.URLs.IMAP)
			if code != exitObjective || !strings.Contains(said, "mail was not delivered as it must be") {
				t.Errorf("exit code %d\n%s", code, said)
			}
			if !c.check(d) || d.Unseen+d.Uncertain > 0 || d.Accepted < 20 {
				t.Errorf("%+v", d)
			}
			found := false
			for _, e := range d.Examples {
				// Account n of the platform is number n−1 of the scenario's list, which begins with u00001.
				found = found || e.Kind == c.kind && e.Account == c.where(victim)-1 && strings.HasSuffix(e.MessageID, "@pegel.invalid>")
			}
			if !found {
				t.Errorf("the mail for account %d is not named: %+v", victim, d.Examples)
			}
			html, err := os.ReadFile(filepath.Join(dir, archive.ReportFile))
			if err != nil || !bytes.Contains(html, []byte("Mail lost, doubled or misdelivered")) {
				t.Errorf("the report does not say so: %v", err)
			}
		})
	}
}

// Some 300 mails through Postfix into Dovecot: each arrives once, and how long that took is measured.
func TestRealDelivery(t *testing.T) {
	if missing := real.Missing(); len(missing) > 0 {
		t.Skipf("delivery by real servers is not tested here: missing %s", strings.Join(missing, ", "))
	}
	stack, err := real.Start(t.Context(), real.Options{Accounts: 60, Ports: real.Ports{Free: true}})
	if err != nil {
		t.Fatal(err)
	}
	defer stack.Close()
	code, said, d, dir := driveMail(t,
		fmt.Sprintf(`targets={imap: {url: "%s", ca: "%s"}, smtp: {url: "%s", ca: "%s", starttls: required}}`, stack.IMAPDirect, stack.CAFile, stack.SMTP, stack.CAFile),
		"load.stages={users: [30], ramp: 500ms, settle: 500ms, hold: 4s}", "delivery.wait=30s")
	if code == exitObjective || d.Broken() || d.Unseen+d.Elsewhere > 0 || d.Delivered != d.Accepted || d.Accepted < 150 {
		t.Errorf("exit code %d: %+v\n%s", code, d, said)
	}
	r, err := archive.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	var way record.Histogram
	for row, err := range r.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		for i := range row.Series {
			if action, _ := r.Meta.Series(row.Series[i].Index); action == "delivery.inbox" {
				row.Series[i].Response.AddTo(&way)
			}
		}
	}
	if way.Total == 0 || way.Quantile(0.5) <= 0 {
		t.Errorf("%d ways were measured, median %v", way.Total, way.Quantile(0.5))
	}
	t.Logf("%+v; delivery.inbox n=%d p50=%v p95=%v", *d, way.Total, way.Quantile(0.5), way.Quantile(0.95))
}
