package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pegel/internal/archive"
	"pegel/internal/record"
	"pegel/probes/probe"
	"pegel/testenv/real"
)

// calendarRun is one run of calendars-on-real.yaml.
type calendarRun struct {
	users, actions int
	pause          string // mean think time
	stages         string
}

// onCalendars plays calendars on a server and checks that nothing was lost, no sync differed, and that every failure has a class that
// says what it was. It returns the failures by action and class.
func onCalendars(t *testing.T, stack *real.Stack, url string, c calendarRun) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "calendars-on-real.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "calendars-on-real.yaml")
	if err := os.WriteFile(file, bytes.ReplaceAll(text, []byte("mean: 60s"), []byte("mean: "+c.pause)), 0o600); err != nil {
		t.Fatal(err)
	}
	archived := realRun(t, stack, file, fmt.Sprintf(`targets={caldav: {url: "%s", timeout: 30s}}`, url),
		fmt.Sprintf("accounts.count=%d", c.users), "load.stages="+c.stages)
	total, failed, done := 0, 0, map[string]int{}
	for in, err := range archived.Intervals() {
		if err != nil {
			t.Fatal(err)
		}
		for k, s := range in.Series {
			if s == nil {
				continue
			}
			action, _ := archived.Meta.Series(k)
			total += int(s.Done())
			done[action] += int(s.Classes[probe.OK])
			failed += count(t, action, s)
		}
	}
	for _, e := range archived.Events {
		if e.Kind == archive.EventError {
			t.Logf("%s: %s", e.Action, e.Text)
			if strings.Contains(e.Text, "lost update") || strings.Contains(e.Text, "sync difference") {
				t.Errorf("%s: %s", e.Action, e.Text)
			}
		}
	}
	for _, action := range archived.Meta.Actions {
		if done[action] == 0 {
			t.Errorf("%s was never done", action)
		}
	}
	if total < c.actions {
		t.Errorf("only %d actions", total)
	}
	t.Logf("%d users, %d actions, %d failed: %v", c.users, total, failed, done)
}

// count adds up failures; one of the class content may be a lost update, and each example of it is in the events.
func count(t *testing.T, action string, s *record.Series) (failed int) {
	for class, n := range s.Classes {
		if class := probe.Class(class); class != probe.OK && class != probe.Canceled && n > 0 {
			failed += int(n)
			t.Logf("%s: %d × %v", action, n, class)
			if class == probe.BadProtocol || class == probe.Content {
				t.Errorf("%s: %d failures of class %v", action, n, class)
			}
		}
	}
	return failed
}

// realRun runs a scenario with settings, and opens its archive.
func realRun(t *testing.T, stack *real.Stack, scenario string, sets ...string) *archive.Run {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	args := []string{"run", scenario, "--out", dir}
	for _, s := range sets {
		args = append(args, "--set", s)
	}
	var stdout, stderr bytes.Buffer
	code := run(context.Background(), args, environment{stdout: &stdout, stderr: &stderr, getenv: func(name string) (string, bool) {
		if name == "PEGEL_REAL_PASSWORD" {
			return stack.Password, true
		}
		return os.LookupEnv(name)
	}})
	switch code {
	case exitOK, exitCaution, exitGenerator, exitNoGo, exitObjective:
	default:
		t.Fatalf("exit code %d\n%s\n%s", code, &stdout, &stderr)
	}
	archived, err := archive.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return archived
}

// sogoStack starts SOGo with so many workers.
func sogoStack(t *testing.T, o real.Options) *real.Stack {
	t.Helper()
	o.Ports = real.Ports{Free: true}
	if missing := o.Missing(); len(missing) > 0 {
		t.Skipf("not tested against SOGo: missing %v", missing)
	}
	stack, err := real.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stack.Close(); err != nil {
			t.Error(err)
		}
	})
	return stack
}

// Calendars of thirty users on SOGo and on Radicale: nothing is lost, and every sync adds up to a listing.
func TestCalendarsOnRealServers(t *testing.T) {
	stack := sogoStack(t, real.Options{Accounts: 40, SOGo: &real.SOGo{Workers: 6}})
	c := calendarRun{users: 30, actions: 150, pause: "1500ms", stages: "{users: [30], ramp: 3s, settle: 1s, hold: 14s}"}
	t.Run("SOGo", func(t *testing.T) { onCalendars(t, stack, stack.SOGoDAV, c) })
	t.Run("Radicale", func(t *testing.T) { onCalendars(t, stack, stack.CalDAV, c) })
}

// A thousand users on SOGo for three minutes, one action a minute each, and two hundred on Radicale.
func TestThousandCalendarsLong(t *testing.T) {
	if os.Getenv("PEGEL_LONG") == "" {
		t.Skip("a thousand calendars on SOGo and 200 on Radicale take nine minutes; set PEGEL_LONG=1, or make test-long")
	}
	stack := sogoStack(t, real.Options{Accounts: 1001, SOGo: &real.SOGo{Workers: 8}})
	t.Run("SOGo", func(t *testing.T) {
		onCalendars(t, stack, stack.SOGoDAV, calendarRun{users: 1000, actions: 3000, pause: "60s", stages: "{users: [1000], ramp: 60s, settle: 10s, hold: 3m}"})
	})
	t.Run("Radicale", func(t *testing.T) {
		onCalendars(t, stack, stack.CalDAV, calendarRun{users: 200, actions: 600, pause: "60s", stages: "{users: [200], ramp: 30s, settle: 10s, hold: 3m}"})
	})
}
