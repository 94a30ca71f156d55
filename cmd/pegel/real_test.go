package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"pegel/internal/archive"
	"pegel/internal/record"
	"pegel/probes/browser"
	"pegel/probes/probe"
	"pegel/probes/probetest"
	"pegel/testenv"
	"pegel/testenv/real"
)

// One scenario against Dovecot behind HAProxy, Postfix, Radicale, and the webmail behind HAProxy with HTTP clients and a
// real Chromium: nothing fails, every action's histogram is filled, and every mail sent arrives.
func TestRealServers(t *testing.T) {
	if missing := real.Missing(); len(missing) > 0 {
		t.Skipf("real servers are not tested here: missing %s", strings.Join(missing, ", "))
	}
	webmail, err := testenv.Start(t.Context(), testenv.Options{Accounts: 200, Password: real.DefaultPassword})
	if err != nil {
		t.Fatal(err)
	}
	defer webmail.Close()
	behind, err := url.Parse(webmail.URLs.Web)
	if err != nil {
		t.Fatal(err)
	}
	stack, err := real.Start(t.Context(), real.Options{Accounts: 200, Ports: real.Ports{Free: true}, Webmail: behind.Host})
	if err != nil {
		t.Fatal(err)
	}
	defer stack.Close()

	dir := filepath.Join(t.TempDir(), "run")
	sets := []string{
		fmt.Sprintf(`targets={imap: {url: "%s", ca: "%s"}, smtp: {url: "%s", ca: "%s", starttls: required}, caldav: {url: "%s"}, web: {url: "%s"}, browser: {url: "%s", timeout: 60s}}`,
			stack.IMAP, stack.CAFile, stack.SMTP, stack.CAFile, stack.CalDAV, stack.Web, stack.Web),
		"environment={name: loopback, role: test}",
		"accounts.count=150",
		"load.stages={users: [20, 40], ramp: 4s, settle: 2s, hold: 12s}",
		"observe.0.prometheus=" + stack.HAProxyMetrics,
	}
	if !browser.Installed() {
		t.Log("no browser takes part: Chromium is not installed")
		sets = append(sets, "personas=[{name: desktop, journey: desktop}, {name: browser, journey: webmail}, {name: calendar, journey: calendar}]")
	}
	args := []string{"run", "real-loopback", "--out", dir}
	for _, s := range sets {
		args = append(args, "--set", s)
	}
	var stdout, stderr bytes.Buffer
	code := run(context.Background(), args, environment{stdout: &stdout, stderr: &stderr, getenv: os.LookupEnv})
	// A busy machine makes the generator late: no verdict, and still nothing may fail or get lost.
	if code != exitOK && code != exitCaution && code != exitGenerator {
		t.Fatalf("exit code %d\n%s\n%s", code, &stdout, &stderr)
	}
	archived, err := archive.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	total := map[string]*record.Series{}
	for in, err := range archived.Intervals() {
		if err != nil {
			t.Fatal(err)
		}
		for k, s := range in.Series {
			if s == nil {
				continue
			}
			action, _ := archived.Meta.Series(k)
			if total[action] == nil {
				total[action] = new(record.Series)
			}
			total[action].Merge(s)
		}
	}
	for _, action := range archived.Meta.Actions {
		switch s := total[action]; {
		case s == nil || s.Classes[probe.OK] == 0:
			t.Errorf("%s was never done", action)
		case s.Failed() > 0:
			t.Errorf("%s failed %d times of %d: %v", action, s.Failed(), s.Done(), s.Classes)
		}
	}
	for _, e := range archived.Events {
		if e.Kind == archive.EventError {
			t.Errorf("%s: %s", e.Action, e.Text)
		}
	}
	if t.Failed() {
		return
	}
	sent := int(total["smtp.send"].Classes[probe.OK]) + 1 // the preflight's own
	arrived := 0
	for range 40 {
		if arrived = countArrived(t, stack, archived.Meta.RunID); arrived >= sent {
			break
		}
		time.Sleep(500 * time.Millisecond)
	}
	if arrived != sent {
		t.Errorf("%d messages were accepted, %d arrived", sent, arrived)
	}
	if _, err := os.Stat(filepath.Join(dir, "report.html")); err != nil {
		t.Error(err)
	}
}

// countArrived counts the run's messages in all inboxes.
func countArrived(t *testing.T, stack *real.Stack, runID string) int {
	t.Helper()
	pool := probetest.Roots(t, stack.CAFile)
	u, err := url.Parse(stack.IMAPDirect)
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for n := range 151 {
		c, err := imapclient.DialTLS(u.Host, &imapclient.Options{TLSConfig: &tls.Config{RootCAs: pool}})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Login(real.Account(n), stack.Password).Wait(); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Select("INBOX", &imap.SelectOptions{ReadOnly: true}).Wait(); err != nil {
			t.Fatal(err)
		}
		found, err := c.Search(&imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: "X-Pegel-Run", Value: runID}}}, nil).Wait()
		if err != nil {
			t.Fatal(err)
		}
		count += len(found.AllSeqNums())
		c.Close()
	}
	return count
}
