package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pegel/internal/archive"
	"pegel/internal/judge"
	"pegel/scenarios"
	"pegel/testenv"
)

// slowWeb is a platform that answers a list in 120 ms, however many ask at once.
const slowWeb = `
name: slow-web
resources: [{name: web, kind: workers, limit: 100, queue: -1}]
operations:
  web.list: [{use: web, for: {mean: 120ms, cv: 0.3}}]
`

// balanced is its scenario, through a balancer.
const balanced = `
name: balanced
seed: 3
targets: {web: {url: "http://%s/", behind: ["%s"]}}
accounts: {pattern: "u{n:05}@example.test", count: 100, password: {env: PEGEL_PASSWORD}}
activity: {browser: 50%%, source: test}
personas: [{name: browser, journey: webmail}]
journeys:
  webmail:
    - {do: web.login}
    - repeat: {for: session}
      steps: [{do: web.list, think: {exponential: {mean: 1s}}}]
load: {stages: {users: [12], ramp: 1s, settle: 1s, hold: 7s}}
objectives: [{action: web.list, p95: 4s}]
`

// A real balancer that sends each source address to one of two servers and gives each server one request at a time: the way
// around it is faster, and so are many addresses. The archive says which stage is of which arm, and only those as they are
// enter the forecast.
func TestExperimentsFindTheBalancer(t *testing.T) {
	platform, front := throughBalancer(t)
	file := filepath.Join(t.TempDir(), "balanced.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, balanced, front, strings.TrimSuffix(platform.URLs.Web, "/")), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ experiment, arm, says string }{
		{"bypass", scenarios.AroundArm, "the balancer is in the way"},
		{"sources", scenarios.ManySources, "one address is treated worse than many"},
	} {
		t.Run(c.experiment, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			code, stdout, stderr := runInto(t, dir, []string{"run", file, "--experiment", c.experiment, "--out", dir},
				func(name string) (string, bool) { return "right-word", name == "PEGEL_PASSWORD" })
			t.Logf("exit code %d\n%s\n%s", code, stderr, stdout)
			if disturbed(stdout + stderr) {
				t.Skipf("nothing can be measured here: in each of %d runs the machine was too busy", tries)
			}
			if !strings.Contains(strings.Join(strings.Fields(stdout), " "), c.says) || !strings.Contains(stdout, "--experiment") && !strings.Contains(stdout, "load.experiment={arms: "+c.experiment+"}") {
				t.Errorf("the summary does not say %q", c.says)
			}
			archived, err := archive.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			var arms []string
			for _, e := range archived.Events {
				if e.Kind == archive.EventHold {
					arms = append(arms, e.Stage.Arm)
				}
			}
			if want := []string{scenarios.AsIs, c.arm, c.arm, scenarios.AsIs}; fmt.Sprint(arms) != fmt.Sprint(want) {
				t.Errorf("arms %v, want %v", arms, want)
			}
			r, _, err := answer([]string{dir}, question{})
			if err != nil {
				t.Fatal(err)
			}
			if r.Arms == nil || r.Arms.Found != judge.InTheWay || r.Forecast.StagesUsed != 2 || len(r.Stages) != 2 {
				t.Errorf("%+v, %d stages in the forecast of %d", r.Arms, r.Forecast.StagesUsed, len(r.Stages))
			}
		})
	}
}

// throughBalancer starts a platform and HAProxy in front of it, on free ports of loopback.
func throughBalancer(t *testing.T) (platform *testenv.Platform, front string) {
	t.Helper()
	const program = "/usr/sbin/haproxy"
	if _, err := os.Stat(program); err != nil {
		t.Skipf("needs HAProxy: %v", err)
	}
	definition, err := testenv.ParseDefinition([]byte(slowWeb))
	if err != nil {
		t.Fatal(err)
	}
	if platform, err = testenv.Start(t.Context(), testenv.Options{Definition: definition, Accounts: 200, Password: "right-word"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { platform.Close() })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	front = l.Addr().String()
	l.Close()
	backend := strings.TrimSuffix(strings.TrimPrefix(platform.URLs.Web, "http://"), "/")
	config := filepath.Join(t.TempDir(), "haproxy.cfg")
	if err := os.WriteFile(config, fmt.Appendf(nil, `global
  maxconn 200
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout queue 60s
frontend web
  bind %s
  default_backend groupware
backend groupware
  balance source
  server s1 %s maxconn 1
  server s2 %s maxconn 1
`, front, backend, backend), 0o600); err != nil {
		t.Fatal(err)
	}
	said := new(lockedBuffer)
	balancer := exec.Command(program, "-db", "-f", config)
	balancer.Stdout, balancer.Stderr = said, said
	if err := balancer.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		balancer.Process.Kill()
		balancer.Wait()
		if t.Failed() {
			t.Logf("haproxy said: %s", said)
		}
	})
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		c, err := net.Dial("tcp", front)
		if err == nil {
			c.Close()
			return platform, front
		}
		if time.Now().After(deadline) {
			t.Fatalf("haproxy does not listen: %v\n%s", err, said)
		}
	}
}
