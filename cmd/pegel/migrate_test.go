package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"pegel/internal/archive"
	"pegel/internal/record"
	"pegel/probes/probetest"
	"pegel/testenv/real"
)

const migrating = `
name: migrating
seed: 4
targets: {imap: {url: "imap://127.0.0.1:9"}, imap.source: {url: "imap://127.0.0.1:9"}}
accounts: {pattern: "u{n:05}@example.test", count: 20, password: {env: PEGEL_PASSWORD}}
activity: {reader: 50%, source: test}
personas: [{name: reader, journey: read}, {name: migrator, journey: copying, copy: core}]
journeys:
  read: [{repeat: {for: session}, steps: [{do: imap.select, think: 1s}]}]
  copying:
    - {do: imap.migrate, save: {left: {json: left}}}
    - {if: left == 0, steps: [{do: imap.verify_copy, with: {digest: body}, think: 1s}]}
wave: {live: 10, copy: {concurrency: 3, rate: 12, bandwidth: 60KB/s, core: {days: 7}}}
load: {stages: {users: [2], ramp: 200ms, settle: 200ms, hold: 9s}}
`

// A migrator copies the newest mail of three accounts from one platform to another within its limits, compares, and does it again in
// a second run, which finds everything there. Throughput and errors are those of the migrator's own series, and the report has what the
// comparison found.
func TestMigrator(t *testing.T) {
	from, to := mailStack(t, 20, ""), mailStack(t, 20, "")
	const each, size = 9, 4000
	for n := 11; n <= 13; n++ { // the accounts after those that are live
		c := rawIMAP(t, from, n)
		for i := range each + 3 { // the last three are old
			text := fmt.Sprintf("From: a@old.example\r\nSubject: %d\r\nMessage-ID: <m%d.%d@old.example>\r\n\r\n%s", i, n, i, strings.Repeat("x", size))
			age := i / 2
			if i >= each {
				age = 30
			}
			cmd := c.Append("INBOX", int64(len(text)), &imap.AppendOptions{Time: time.Now().AddDate(0, 0, -age), Flags: []imap.Flag{imap.FlagSeen}})
			if _, err := cmd.Write([]byte(text)); err != nil {
				t.Fatal(err)
			}
			cmd.Close()
			if _, err := cmd.Wait(); err != nil {
				t.Fatal(err)
			}
		}
	}
	for attempt, want := range []archive.AccountCopies{
		{Account: 3, Pass: "core", Copied: 3 * each, Source: 3 * each, Alike: 3 * each},
		{Account: 3, Pass: "core", There: 3 * each, Source: 3 * each, Alike: 3 * each},
	} {
		dir := t.TempDir()
		file, out := filepath.Join(dir, "migrating.yaml"), filepath.Join(dir, "run")
		if err := os.WriteFile(file, []byte(migrating), 0o600); err != nil {
			t.Fatal(err)
		}
		var stdout, stderr bytes.Buffer
		code := run(context.Background(), []string{"run", file, "--out", out, "--set",
			fmt.Sprintf(`targets={imap: {url: "%s", ca: "%s"}, imap.source: {url: "%s", ca: "%s"}}`, to.IMAPDirect, to.CAFile, from.IMAPDirect, from.CAFile)},
			environment{stdout: &stdout, stderr: &stderr, getenv: func(name string) (string, bool) { return real.DefaultPassword, name == "PEGEL_PASSWORD" }})
		said := stdout.String() + stderr.String()
		r, err := archive.Open(out)
		if err != nil {
			t.Fatalf("exit code %d: %v\n%s", code, err, said)
		}
		copies, err := r.Copies()
		if err != nil || copies == nil {
			t.Fatalf("no comparison: %v\n%s", err, said)
		}
		passes, wrong := copies.Sums()
		if len(passes) != 1 || len(wrong) > 0 || passes[0].Source != want.Source || passes[0].Alike != want.Alike || passes[0].Account != 3 ||
			passes[0].Copied+passes[0].There != 3*each || attempt == 1 && passes[0].Copied > 0 || attempt == 0 && passes[0].Copied == 0 {
			t.Errorf("run %d: %+v, want %+v; wrong: %+v\n%s", attempt, passes, want, wrong, said)
		}
		html, err := os.ReadFile(filepath.Join(out, archive.ReportFile))
		if err != nil || !bytes.Contains(html, []byte(`id="copies"`)) || !strings.Contains(said, "All 3 compared accounts are copied whole and unchanged") {
			t.Errorf("the report does not tell: %v\n%s", err, said)
		}
		done, failed, sent, seconds := series(t, r, "imap.migrate")
		if done == 0 || failed > 0 {
			t.Errorf("run %d: %d done, %d failed\n%s", attempt, done, failed, said)
		}
		// A user may begin at once, so each of three is one action ahead.
		if float64(done) > 12*1.5*seconds+3 || float64(sent) > 60_000*seconds+3*2*size {
			t.Errorf("run %d: %d actions, %d bytes in %.0f s: more than the limits allow", attempt, done, sent, seconds)
		}
		t.Logf("run %d: %d actions, %d bytes in %.0f s; %+v", attempt, done, sent, seconds, passes)
	}
}

// series sums up one action's series.
func series(t *testing.T, r *archive.Run, of string) (done, failed int, sent int64, seconds float64) {
	t.Helper()
	for in, err := range r.Intervals() {
		if err != nil {
			t.Fatal(err)
		}
		seconds = in.End.Seconds()
		for k, s := range in.Series {
			if action, _ := r.Meta.Series(k); s != nil && action == of {
				add(&done, &failed, &sent, s)
			}
		}
	}
	return done, failed, sent, seconds
}

func add(done, failed *int, sent *int64, s *record.Series) {
	*done += int(s.Done())
	*failed += int(s.Failed())
	*sent += s.Out
}

// rawIMAP is a logged-in connection of the test's own.
func rawIMAP(t *testing.T, stack *real.Stack, number int) *imapclient.Client {
	t.Helper()
	roots := probetest.Roots(t, stack.CAFile)
	c, err := imapclient.DialTLS(strings.TrimPrefix(stack.IMAPDirect, "imaps://"), &imapclient.Options{TLSConfig: &tls.Config{RootCAs: roots}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.Login(real.Account(number), stack.Password).Wait(); err != nil {
		t.Fatal(err)
	}
	return c
}
