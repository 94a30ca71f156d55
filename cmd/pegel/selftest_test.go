package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"pegel/probes"
	"pegel/probes/probe"
)

// A trial counts what happened in the hold and nothing else, and keeps arrivals and users apart.
func TestTrial(t *testing.T) {
	env := environment{stdout: io.Discard, stderr: io.Discard, getenv: os.LookupEnv}
	src := selfScenario(`web: {url: "http://127.0.0.1:1/"}`, "  - {name: incoming, journey: incoming, arrivals: {per_second: 200, spacing: even}}\n",
		"  user: [{repeat: {for: session}, steps: [{do: web.noop, think: 50ms}]}]\n  incoming: [{do: web.noop}]\n", 5, 100*time.Millisecond, 2*time.Second)
	begun := false
	got, err := trial(t.Context(), env, src, []probe.Protocol{noopProtocol()}, func() { begun = true })
	if err != nil {
		t.Fatal(err)
	}
	if !begun || got.seconds < 1 || got.seconds > 4 || got.cpu <= 0 || got.missed != 0 {
		t.Errorf("begun %v, %v s, %v s of CPU, %d missed", begun, got.seconds, got.cpu, got.missed)
	}
	users, incoming := float64(got.of("user", "web.noop").Done())/got.seconds, float64(got.of("incoming", "").Done())/got.seconds
	if users < 20 || users > 130 || incoming < 100 || incoming > 400 { // 100 and 200 on a machine that has time
		t.Errorf("%v actions/s of users, %v of arrivals", users, incoming)
	}
	if all := got.of("", "web.noop").Done(); all != got.of("user", "").Done()+got.of("incoming", "").Done() {
		t.Errorf("%d actions in all", all)
	}
}

// Servers run in processes of their own, serve, and end with the test.
func TestServersElsewhere(t *testing.T) {
	e, err := startElsewhere(t.Context(), 10)
	if err != nil {
		t.Fatal(err)
	}
	defer e.close()
	for _, name := range []string{"web", "imap", "smtp", "caldav", "carddav", "known"} {
		if e.urls[name] == "" {
			t.Errorf("no address of %s: %v", name, e.urls)
		}
	}
	env := environment{stdout: io.Discard, stderr: io.Discard, getenv: os.LookupEnv}
	src := selfScenario(`web: {url: "`+e.urls["known"]+`"}`, "", "  user: [{repeat: {for: session}, steps: [{do: web.request, with: {path: \"/sleep?d=20ms\"}}]}]\n", 4, 100*time.Millisecond, 2*time.Second)
	got, err := trial(t.Context(), env, src, probes.All(), nil)
	if err != nil {
		t.Fatal(err)
	}
	c := selftesting{env: env, servers: e}
	truth, err := c.truth(t.Context(), "/sleep?d=20ms")
	if err != nil {
		t.Fatal(err)
	}
	s := got.of("", "web.request")
	if s.Done() == 0 || s.Failed() != 0 || truth["count"] < float64(s.Done()) {
		t.Errorf("%d requests, %d failed (%s), the server has %v", s.Done(), s.Failed(), got.example, truth)
	}
	if p50 := s.Response.Quantile(0.5).Seconds(); p50 < 0.02 || p50 < 0.95*truth["p50"] {
		t.Errorf("measured %v s, the server took %v", p50, truth["p50"])
	}
	e.close()
	for _, cmd := range e.cmds {
		if cmd.ProcessState == nil {
			t.Error("a server is still there")
		}
	}
}

func TestSelfReport(t *testing.T) {
	r := selfReport{Pegel: "1", Quick: true, Seconds: 20, Steal: 0.125, TimerError: 0.0011,
		Arrivals:  []selfArrivals{{Of: "doing nothing", PerSecond: 10000, Done: 9998, Missed: 2, LagP50: 5e-5, LagP99: 0.0009, Cores: 0.5}},
		Protocols: []selfProtocol{{Action: "imap.fetch", PerSecond: 7656, CPU: 64.1e-6}},
		Memory:    []selfMemory{{User: "idle on IMAP", Users: 1000, Bytes: 20480}},
		Latency:   []selfLatency{{Delay: "10 ms", Quantile: 0.9, Truth: 0.01, Measured: 0.0102, Error: 0.02, Count: 500}},
	}
	var b strings.Builder
	if err := r.text(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"20 s, quick", "12.5 %", "1.1ms", "10,000", "900µs", "64.1µs", "20.0 KiB", "p90", "10.2ms", "+2.0 %"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing in\n%s", want, b.String())
		}
	}
}

// The whole self-test, as a user has it.
func TestLongSelftest(t *testing.T) {
	if os.Getenv("PEGEL_LONG") == "" {
		t.Skip("the self-test takes half a minute of both cores; set PEGEL_LONG=1, or make test-long")
	}
	var stdout, stderr bytes.Buffer
	if code := run(context.Background(), []string{"selftest", "--quick", "--json"}, environment{stdout: &stdout, stderr: &stderr, getenv: os.LookupEnv}); code != exitOK {
		t.Fatalf("exit code %d\n%s", code, &stderr)
	}
	var r selfReport
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Arrivals) != 3 || len(r.Protocols) != 5 || len(r.Memory) != 3 || len(r.Latency) != 6 || r.Seconds > 120 {
		t.Errorf("%+v", r)
	}
	for _, p := range r.Protocols {
		if p.PerSecond < 1 || p.Failed > 0 || p.CPU <= 0 {
			t.Errorf("%+v", p)
		}
	}
	for _, l := range r.Latency {
		if l.Measured < 0.9*l.Truth || l.Count < 20 {
			t.Errorf("%+v", l)
		}
	}
	for _, m := range r.Memory {
		if m.Bytes < 1<<10 || m.Bytes > 1<<20 {
			t.Errorf("%+v", m)
		}
	}
}
