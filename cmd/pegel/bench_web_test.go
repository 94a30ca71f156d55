package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"pegel/internal/archive"
	"pegel/internal/record"
)

// webmailElsewhere starts the embedded webmail, which takes no time but the processor's, in a process of its own, so that
// what is measured in this one is the generator alone.
func webmailElsewhere(tb testing.TB, accounts int) string {
	tb.Helper()
	definition := filepath.Join(tb.TempDir(), "free.yaml")
	if err := os.WriteFile(definition, []byte("name: free\nresources: [{name: any, limit: 1}]\noperations: {}\n"), 0o600); err != nil {
		tb.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	cmd := exec.Command(self, "testenv", "--accounts", fmt.Sprint(accounts), "--definition", definition)
	cmd.Args[0] = "pegel" // see TestMain
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if name, address, _ := strings.Cut(lines.Text(), " "); name == "web" {
			return strings.TrimSpace(address)
		}
	}
	tb.Fatal("the webmail has not started")
	return ""
}

// webUsers is what a run of web users came to in this process.
type webUsers struct {
	actions uint64
	cpu     float64 // seconds of processor time, the whole run
	hold    float64 // the same for 100,000 actions in the hold
	memory  float64 // bytes a user in the hold
	lag     time.Duration
}

// manyWebUsers plays testdata/web-users.yaml with so many users. Whatever fails is an error of the test.
func manyWebUsers(tb testing.TB, users int, ramp, hold time.Duration) webUsers {
	tb.Helper()
	address := webmailElsewhere(tb, users)
	dir := filepath.Join(tb.TempDir(), "run")
	debug.FreeOSMemory()
	before, began := residentNow(tb), processorTime()
	var stdout, stderr bytes.Buffer
	code := run(context.Background(), []string{"run", filepath.Join("testdata", "web-users.yaml"), "--out", dir,
		"--set", "targets.web.url=" + address, "--set", fmt.Sprintf("accounts.count=%d", users),
		"--set", fmt.Sprintf("load.stages={users: [%d], ramp: %v, settle: 10s, hold: %v}", users, ramp, hold),
	}, environment{stdout: &stdout, stderr: &stderr, getenv: os.LookupEnv})
	if code != exitOK && code != exitCaution && code != exitGenerator && code != exitNoGo && code != exitObjective {
		tb.Fatalf("exit code %d\n%s\n%s", code, &stdout, &stderr)
	}
	archived, err := archive.Open(dir)
	if err != nil {
		tb.Fatal(err)
	}
	w := webUsers{actions: unfailing(tb, archived), cpu: (processorTime() - began) / 1e6}
	from, to := ramp+10*time.Second, ramp+10*time.Second+hold
	var inHold uint64
	var lag record.Histogram
	for in, err := range archived.Intervals() {
		if err != nil {
			tb.Fatal(err)
		}
		if in.Start < from || in.End > to {
			continue
		}
		lag.Merge(&in.Lag)
		for _, s := range in.Series {
			if s != nil {
				inHold += s.Done()
			}
		}
	}
	w.lag = lag.Quantile(0.99)
	var percent, resident []float64
	for m, err := range archived.Metrics() {
		if err != nil {
			tb.Fatal(err)
		}
		for _, p := range m.Points {
			if p.Page != archive.PageGenerator || m.At <= from || m.At > to {
				continue
			}
			switch p.Resource {
			case archive.GeneratorRSS:
				resident = append(resident, p.Value)
			case archive.GeneratorCPU:
				percent = append(percent, p.Value)
			}
		}
	}
	if len(percent) == 0 || len(resident) == 0 || inHold == 0 {
		tb.Fatalf("nothing was measured in the hold: %d actions, %d and %d points", inHold, len(percent), len(resident))
	}
	w.hold = mean(percent) / 100 * hold.Seconds() / float64(inHold) * 1e5
	w.memory = (mean(resident) - before) / float64(users)
	return w
}

// BenchmarkWebUsers is what 5,000 users cost who think ten seconds, through plan, engine, probe and recorder.
func BenchmarkWebUsers(b *testing.B) {
	for b.Loop() {
		w := manyWebUsers(b, 5000, 40*time.Second, 20*time.Second)
		b.ReportMetric(w.hold, "cpu-s/100k")
		b.ReportMetric(w.memory, "bytes/user")
		b.ReportMetric(float64(w.lag)/1e6, "lag-p99-ms")
	}
}

// 5,000 users of a webmail from one process, without an error. That the generator keeps up is a matter of the machine, and
// only told.
func TestLongWebUsers(t *testing.T) {
	if os.Getenv("PEGEL_LONG") == "" {
		t.Skip("5,000 users take more than a minute; set PEGEL_LONG=1, or make test-long")
	}
	const users = 5000
	w := manyWebUsers(t, users, 40*time.Second, 20*time.Second)
	t.Logf("%d actions, %.1f s of processor time, %.2f s for 100,000 actions in the hold, %.1f KiB a user, p99 of the lag %v", w.actions, w.cpu, w.hold, w.memory/1024, w.lag)
	if w.actions < 4*users {
		t.Errorf("%d actions of %d users, want at least four each", w.actions, users)
	}
}

func mean(list []float64) float64 {
	var sum float64
	for _, x := range list {
		sum += x
	}
	return sum / float64(len(list))
}
