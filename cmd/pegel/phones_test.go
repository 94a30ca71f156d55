package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"pegel/internal/archive"
	"pegel/internal/judge"
	"pegel/scenarios"
	"pegel/testenv"
	"pegel/testenv/real"
)

// phoneRun plays phones-hold-workers.yaml with more and more phones, on a platform with so many workers, and checks where the knee lies
// and that the report says what it is.
// address is where the platform answers anybody.
func phoneRun(t *testing.T, workers int, address, password, stages string, sets ...string) {
	t.Helper()
	for tries := 1; !phoneTry(t, workers, password, stages, sets); tries++ {
		if tries == 4 {
			t.Skip("in four runs the machine was too busy for a generator and a platform that are on time")
		}
		// The Pings of phones that are gone are served nevertheless, one after the other.
		quick := http.Client{Timeout: time.Second}
		for deadline := time.Now().Add(5 * time.Minute); ; time.Sleep(time.Second) {
			response, err := quick.Get(address)
			if err == nil {
				response.Body.Close()
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("the platform does not come to rest: %v", err)
			}
		}
	}
}

// phoneTry is false where the generator or the platform's processes were late, which says nothing of workers.
func phoneTry(t *testing.T, workers int, password, stages string, sets []string) bool {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	args := []string{"run", filepath.Join("testdata", "phones-hold-workers.yaml"), "--out", dir, "--set", "load.stages=" + stages}
	for _, s := range sets {
		args = append(args, "--set", s)
	}
	var stdout, stderr bytes.Buffer
	code := run(context.Background(), args, environment{stdout: &stdout, stderr: &stderr, getenv: func(name string) (string, bool) {
		if name == "PEGEL_REAL_PASSWORD" {
			return password, true
		}
		return os.LookupEnv(name)
	}})
	archived, err := archive.Open(dir)
	if err != nil {
		t.Fatalf("exit code %d: %v\n%s\n%s", code, err, &stdout, &stderr)
	}
	for _, e := range archived.Events {
		if e.Kind == archive.EventError {
			t.Errorf("%s: %s", e.Action, e.Text)
		}
	}
	scenario, err := scenarios.Parse("run", archived.Effective, scenarios.Options{SkipSecrets: true})
	if err != nil {
		t.Fatal(err)
	}
	result, err := judge.Judge(archived, scenario, judge.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, st := range result.Stages {
		if !st.Valid {
			t.Logf("at %d phones: %v", st.Users, st.Why)
			return false
		}
	}
	free, held := 0, 0        // the highest number of phones with a worker to spare for others, and the lowest without
	spare := time.Duration(0) // by how much Pings are late at most where there is a worker for each
	var table strings.Builder
	columns := tabwriter.NewWriter(&table, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(columns, "workers\tphones\tPings held\tworkers − phones\tothers: mean\tp95\tof\tPings late: mean\t")
	for _, st := range result.Stages {
		var others, pings judge.ActionStats
		for _, a := range st.Actions {
			switch a.Action {
			case canaryAction(sets):
				others = a
			case "eas.ping":
				pings = a
			}
		}
		if st.Users < workers {
			spare = max(spare, pings.Mean)
		}
		fmt.Fprintf(columns, "%d\t%d\t%.2f\t%d\t%v\t%v\t%d\t%v\t\n", workers, st.Users, st.Waiting, workers-st.Users,
			others.Mean.Round(time.Millisecond), others.P95.Round(time.Millisecond), others.Count, pings.Mean.Round(time.Millisecond))
		switch {
		case others.Count == 0:
		case others.Mean < 150*time.Millisecond:
			free = max(free, st.Users)
		case held == 0:
			held = st.Users
		}
	}
	columns.Flush() // to memory
	if spare > 150*time.Millisecond {
		t.Logf("with workers to spare, the platform answers Pings %v late: it does not get its processors\n%s", spare, &table)
		return false
	}
	t.Logf("others are served up to %d phones and wait from %d on; arithmetic: %d workers less %d Pings is 0\n%s", free, held, workers, workers, &table)
	if free != workers-1 || held != workers {
		t.Errorf("with %d workers, others are served up to %d phones and wait from %d on", workers, free, held)
	}
	var said struct{ Warnings []struct{ Code, Text string } }
	text, err := os.ReadFile(filepath.Join(dir, "forecast.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &said); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("the %d workers are held by waiting requests (eas.ping): so many were held at %d users", workers, workers)
	if !strings.Contains(string(text), want) {
		t.Errorf("the forecast does not say %q, but %v", want, said.Warnings)
	}
	if page, err := os.ReadFile(filepath.Join(dir, "report.html")); err != nil || !strings.Contains(string(page), want) {
		t.Errorf("the report does not say so: %v", err)
	}
	return true
}

func canaryAction(sets []string) string {
	if strings.Contains(strings.Join(sets, " "), "eas.options") {
		return "eas.options"
	}
	return "caldav.query"
}

// Phones on the embedded platform, whose capacity is known: it gives them four workers.
func TestPhonesHoldWorkersLong(t *testing.T) {
	if os.Getenv("PEGEL_LONG") == "" {
		t.Skip("waiting Pings need minutes; set PEGEL_LONG=1, or make test-long")
	}
	p, err := testenv.Start(t.Context(), testenv.Options{Accounts: 40, PhoneWorkers: 4})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	phoneRun(t, 4, p.URLs.EAS, p.Password(), "{users: [3, 4, 6], ramp: 300ms, settle: 4s, hold: 30s}",
		fmt.Sprintf(`targets={eas: {url: "%s", timeout: 2m}}`, p.URLs.EAS),
		`journeys.canary=[{repeat: {for: session}, steps: [{do: eas.options, think: 200ms}]}]`,
		`objectives=[{action: "eas.options", p95: 1s}]`, `journeys.phone.2.steps.0.with.heartbeat=3s`)
}

// sogoPhones starts SOGo with so many workers, which look for changes every 5 s, the least that SOGo does, so that heartbeats may be short.
// The function that it returns plays phones on it.
func sogoPhones(t *testing.T, workers int) func(stages string) {
	stack := sogoStack(t, real.Options{Accounts: 60, SOGo: &real.SOGo{Workers: workers}, Tweaks: real.Tweaks{SOGoExtra: "SOGoInternalSyncInterval = 5;"}})
	return func(stages string) {
		phoneRun(t, workers, stack.SOGoDAV, stack.Password, stages,
			fmt.Sprintf(`targets={eas: {url: "%s", timeout: 2m}, caldav: {url: "%s", timeout: 2m}}`, stack.ActiveSync, stack.SOGoDAV))
	}
}

// Phones on SOGo with four workers: the knee lies where the Pings hold them all.
func TestPhonesOnSOGoLong(t *testing.T) {
	if os.Getenv("PEGEL_LONG") == "" {
		t.Skip("waiting Pings need minutes; set PEGEL_LONG=1, or make test-long")
	}
	sogoPhones(t, 4)("{users: [3, 4, 6], ramp: 300ms, settle: 5s, hold: 25s}")
}

// Fifty phones on SOGo with 4, 8 and 16 workers, each beside the others.
func TestFiftyPhonesOnSOGoLong(t *testing.T) {
	if os.Getenv("PEGEL_LONG") == "" {
		t.Skip("phones on three SOGos take ten minutes; set PEGEL_LONG=1, or make test-long")
	}
	for workers, stages := range map[int]string{
		// The cycle of a phone is as long as it takes the workers to serve all fifty, and a stage must settle for longer than that.
		4:  "{users: [3, 4, 6, 50], ramp: 2s, settle: 66s, hold: 50s}",
		8:  "{users: [7, 8, 12, 50], ramp: 2s, settle: 40s, hold: 60s}",
		16: "{users: [15, 16, 24, 50], ramp: 2s, settle: 20s, hold: 60s}",
	} {
		t.Run(fmt.Sprint(workers), func(t *testing.T) {
			play := sogoPhones(t, workers)
			t.Parallel() // they wait far more than they compute
			play(stages)
		})
	}
}
