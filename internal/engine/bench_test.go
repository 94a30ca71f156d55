package engine

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"pegel/internal/plan"
	"pegel/internal/record"
	"pegel/probes/probe"
	"pegel/scenarios"
)

// noop is a protocol whose action does nothing, so that what is measured is plan, engine and recorder alone.
func noop() probe.Protocol {
	act := func(decode func(any) error) (probe.Step, error) {
		if err := probe.NoParams(decode); err != nil {
			return nil, err
		}
		return func(*probe.Turn) error { return nil }, nil
	}
	return probe.Protocol{Name: "web", Actions: map[string]probe.Action{"noop": act, "list": act}}
}

func benchPlan(b *testing.B, users int, think, hold string) *plan.Plan {
	b.Helper()
	src := fmt.Sprintf(`
name: bench
targets: {web: {url: "http://127.0.0.1:1/"}}
accounts: {pattern: "u{n}@example.test", count: %d, password: {env: P}}
activity: {browser: 100%%, source: test}
personas: [{name: browser, journey: j}]
journeys:
  j: [{repeat: {for: session}, steps: [{do: web.noop%s}, {do: web.list%s}]}]
load: {stages: {users: [%d], ramp: 100ms, settle: 500ms, hold: %s}}
objectives: [{action: "web.*", p95: 1s}]
`, users, think, think, users, hold)
	s, err := scenarios.Parse("bench.yaml", []byte(src), scenarios.Options{Getenv: func(string) (string, bool) { return "x", true }})
	if err != nil {
		b.Fatal(err)
	}
	p, err := plan.Build(s, []probe.Protocol{noop()})
	if err != nil {
		b.Fatal(err)
	}
	return p
}

// BenchmarkNoop is actions per second through plan, engine and recorder without think time, and allocations per action.
func BenchmarkNoop(b *testing.B) {
	for b.Loop() {
		p := benchPlan(b, 8, "", "3s")
		recorder := record.NewRecorder(len(p.Actions), len(p.Personas), 16*runtime.GOMAXPROCS(0))
		var done uint64
		var seconds, used, cpu float64
		var before, after runtime.MemStats
		opt := Options{OnInterval: func(in *record.Interval) {
			if in.End < time.Second { // warming up
				return
			}
			for _, s := range in.Series {
				if s != nil {
					done += s.Done()
				}
			}
			seconds += (in.End - in.Start).Seconds()
			if before.Mallocs == 0 {
				runtime.ReadMemStats(&before)
				done, seconds, used = 0, 0, processorTime()
			}
			cpu = processorTime() - used
			runtime.ReadMemStats(&after)
		}}
		if err := Run(b.Context(), p, recorder, opt); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(done)/seconds, "actions/s")
		b.ReportMetric(cpu/float64(done)*1e9, "cpu-ns/action") // which a busy machine does not change much
		b.ReportMetric(float64(after.Mallocs-before.Mallocs)/float64(done), "allocs/action")
	}
}

// processorTime is what this process has used, in seconds.
func processorTime() float64 {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
}

// BenchmarkTimers is the same with users who think: actions a second that come out of timers, and what each costs. 20,000 users
// who think 20 ms would do a million a second.
func BenchmarkTimers(b *testing.B) {
	for b.Loop() {
		p := benchPlan(b, 20000, ", think: 20ms", "4s")
		recorder := record.NewRecorder(len(p.Actions), len(p.Personas), 16*runtime.GOMAXPROCS(0))
		var done uint64
		var seconds, used, cpu float64
		var lag record.Histogram
		opt := Options{OnInterval: func(in *record.Interval) {
			if in.End < 2*time.Second { // arriving
				used = processorTime()
				return
			}
			for _, s := range in.Series {
				if s != nil {
					done += s.Done()
				}
			}
			seconds += (in.End - in.Start).Seconds()
			cpu = processorTime() - used
			lag.Merge(&in.Lag)
		}}
		if err := Run(b.Context(), p, recorder, opt); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(done)/seconds, "actions/s")
		b.ReportMetric(cpu/float64(done)*1e9, "cpu-ns/action")
		b.ReportMetric(float64(lag.Quantile(0.5))/1e6, "lag-p50-ms")
	}
}

// BenchmarkIdleUser is the memory that the engine itself needs for a user who waits: resident size with 20,000 users less
// that with none.
func BenchmarkIdleUser(b *testing.B) {
	for b.Loop() {
		const users = 20000
		p := benchPlan(b, users, ", think: 1h", "2s")
		debug.FreeOSMemory() // what an earlier round left would hide this one's
		before := resident(b)
		var top int64
		recorder := record.NewRecorder(len(p.Actions), len(p.Personas), 16*runtime.GOMAXPROCS(0))
		opt := Options{OnInterval: func(in *record.Interval) {
			if in.Users == users {
				top = max(top, resident(b))
			}
		}}
		if err := Run(b.Context(), p, recorder, opt); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(top-before)/users, "bytes/user")
	}
}

func resident(b *testing.B) int64 {
	raw, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		b.Skip("no /proc: resident memory cannot be read here")
	}
	pages, err := strconv.ParseInt(strings.Fields(string(raw))[1], 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}
