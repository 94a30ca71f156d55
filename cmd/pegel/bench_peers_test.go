package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"pegel/internal/record"
	"pegel/probes"
	"pegel/probes/probe"
)

// knownServer is the address of the server with known response times: that of .ci/bench-peers, which holds other load
// generators against the same one, or one of our own.
func knownServer(b *testing.B) *elsewhere {
	b.Helper()
	if address := os.Getenv("PEGEL_KNOWN"); address != "" {
		return &elsewhere{urls: map[string]string{"known": address}}
	}
	e, err := startElsewhere(b.Context(), 1)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(e.close)
	return e
}

// benchSeconds is how long rows are measured that the goals give half a minute or a minute: PEGEL_BENCH_SECONDS, or that.
func benchSeconds(usual int) time.Duration {
	var n int
	if _, err := fmt.Sscan(os.Getenv("PEGEL_BENCH_SECONDS"), &n); err == nil && n > 0 {
		usual = min(usual, n)
	}
	return time.Duration(usual) * time.Second
}

func benchTrial(b *testing.B, src string, protocols []probe.Protocol) *trialed {
	b.Helper()
	return heldTrial(b, src, protocols, nil)
}

// heldTrial calls held when the hold begins.
func heldTrial(b *testing.B, src string, protocols []probe.Protocol, held func()) *trialed {
	b.Helper()
	t, err := trial(b.Context(), environment{stdout: io.Discard, stderr: io.Discard, getenv: os.LookupEnv}, src, protocols, held)
	if err != nil {
		b.Fatal(err)
	}
	if failed := t.of("", "").Failed(); failed > 0 {
		b.Logf("%d actions failed: %s", failed, t.example)
	}
	return t
}

func milliseconds(d time.Duration) float64 { return float64(d) / 1e6 }

// BenchmarkClosedHTTP is the processor time of the whole generator for 100,000 requests of 50 users without think time.
func BenchmarkClosedHTTP(b *testing.B) {
	e := knownServer(b)
	for b.Loop() {
		t := benchTrial(b, selfScenario(fmt.Sprintf("web: {url: %q}", e.urls["known"]), "",
			"  user: [{repeat: {for: session}, steps: [{do: web.request, with: {path: /now}}]}]\n", 50, 100*time.Millisecond, benchSeconds(10)), probes.All())
		n := float64(t.of("", "web.request").Done())
		b.ReportMetric(t.cpu/n*1e5, "cpu-s/100k")
		b.ReportMetric(n/t.seconds, "requests/s")
	}
}

// BenchmarkOpenArrivals is the lag of 10,000 arrivals a second that do nothing, through plan, engine and recorder.
func BenchmarkOpenArrivals(b *testing.B) {
	for b.Loop() {
		t := benchTrial(b, selfScenario(`web: {url: "http://127.0.0.1:1/"}`, "  - {name: incoming, journey: incoming, arrivals: {per_second: 10000, spacing: even, most: 100000}}\n",
			"  user: [{do: web.noop, think: 1h}]\n  incoming: [{do: web.noop}]\n", 1, 100*time.Millisecond, benchSeconds(30)), []probe.Protocol{noopProtocol()})
		b.ReportMetric(milliseconds(t.lag.Quantile(0.5)), "lag-p50-ms")
		b.ReportMetric(milliseconds(t.lag.Quantile(0.99)), "lag-p99-ms")
		b.ReportMetric(float64(t.of("incoming", "").Done())/t.seconds, "arrivals/s")
		b.ReportMetric(float64(t.missed), "missed")
	}
}

// BenchmarkThinkLag is the lag of 1,000 closed users who think for a tenth of a second.
func BenchmarkThinkLag(b *testing.B) {
	for b.Loop() {
		t := benchTrial(b, selfScenario(`web: {url: "http://127.0.0.1:1/"}`, "", "  user: [{repeat: {for: session}, steps: [{do: web.noop, think: 100ms}]}]\n",
			1000, 500*time.Millisecond, benchSeconds(10)), []probe.Protocol{noopProtocol()})
		b.ReportMetric(milliseconds(t.lag.Quantile(0.5)), "lag-p50-ms")
		b.ReportMetric(milliseconds(t.lag.Quantile(0.99)), "lag-p99-ms")
	}
}

// BenchmarkPacedHTTP is 10,000 requests a second on 1,000 kept connections, each on a beat of its own.
func BenchmarkPacedHTTP(b *testing.B) {
	e := knownServer(b)
	for b.Loop() {
		t := benchTrial(b, selfScenario(fmt.Sprintf("web: {url: %q}", e.urls["known"]), "",
			"  user: [{every: 100ms, steps: [{do: web.request, with: {path: /now}}]}]\n", 1000, 500*time.Millisecond, benchSeconds(30)), probes.All())
		s := t.of("", "web.request")
		b.ReportMetric(milliseconds(t.lag.Quantile(0.5)), "lag-p50-ms")
		b.ReportMetric(milliseconds(t.lag.Quantile(0.99)), "lag-p99-ms")
		b.ReportMetric(float64(s.Done())/t.seconds, "requests/s")
		b.ReportMetric(t.cpu/t.seconds, "cores")
	}
}

// betweenStandstills returns when a trial that begins now has the edges of its hold in the middle between two standstills. All
// that wait in one end together, at its end; where that falls on an edge of the hold, chance decides whether 60 s hold those
// of six standstills or of seven, and arithmetic knows of six.
func betweenStandstills(b *testing.B, address string) {
	b.Helper()
	answer, err := http.Get(address + "phase")
	if err != nil {
		b.Fatal(err)
	}
	defer answer.Body.Close()
	var phase float64
	if _, err := fmt.Fscan(answer.Body, &phase); err != nil {
		b.Fatal(err)
	}
	const settled = time.Second // of selfScenario
	begin := (standstill.Every+standstill.For)/2 - settled
	wait := begin - time.Duration(phase*float64(time.Second))
	if wait < 0 {
		wait += standstill.Every
	}
	time.Sleep(wait)
}

// BenchmarkStall is a server that freezes for a second in ten, beside arithmetic: open arrivals and closed users who think
// for a second; and beside what the server itself noted of them, which is what its own waits have really been.
func BenchmarkStall(b *testing.B) {
	e := knownServer(b)
	for b.Loop() {
		const users = 400
		personas := fmt.Sprintf("  - {name: closed, journey: closed, count: %d}\n  - {name: incoming, journey: incoming, arrivals: {per_second: 200, spacing: even}}\n", users)
		src := selfScenario(fmt.Sprintf("web: {url: %q}", e.urls["known"]), personas, `  user: [{do: web.request, with: {path: /now}, think: 1h}]
  closed: [{repeat: {for: session}, steps: [{do: web.request, with: {path: "/freeze?closed"}, think: {exponential: {mean: 1s}}}]}]
  incoming: [{do: web.request, with: {path: "/freeze?open"}}]
`, 1, 100*time.Millisecond, max(benchSeconds(60).Truncate(standstill.Every), standstill.Every)) // whole periods
		src = strings.Replace(src, "count: 1,", fmt.Sprintf("count: %d,", 1+users), 1)
		betweenStandstills(b, e.urls["known"])
		noted := func(kind string) (truth map[string]float64) {
			answer, err := http.Get(e.urls["known"] + "truth?of=" + url.QueryEscape("/freeze?"+kind))
			if err == nil {
				defer answer.Body.Close()
				err = json.NewDecoder(answer.Body).Decode(&truth)
			}
			if err != nil {
				b.Error(err)
			}
			return truth
		}
		t := heldTrial(b, src, probes.All(), func() { noted("open"); noted("closed") }) // which forgets what was before
		for _, x := range []struct {
			name string
			h    *record.Histogram
			want func(q float64) time.Duration
		}{
			{"open", &t.of("incoming", "web.request").Response, standstill.Open},
			{"closed", &t.of("closed", "web.request").Response, func(q float64) time.Duration { return standstill.Closed(q, time.Second) }},
		} {
			truth := noted(x.name)
			for name, q := range map[string]float64{"p50": 0.5, "p95": 0.95, "p99": 0.99, "p999": 0.999} {
				b.ReportMetric(milliseconds(x.h.Quantile(q)), x.name+"-"+name+"-ms")
				b.ReportMetric(milliseconds(x.want(q)), x.name+"-"+name+"-arithmetic-ms")
				b.ReportMetric(1000*truth[name], x.name+"-"+name+"-server-ms")
			}
		}
	}
}

// BenchmarkKnown is how far p50 and p90 of known response times are off, in percent of what the server itself noted.
func BenchmarkKnown(b *testing.B) {
	c := selftesting{env: environment{stdout: io.Discard, stderr: io.Discard, getenv: os.LookupEnv}, servers: knownServer(b)}
	for b.Loop() {
		var r selfReport
		if err := c.latency(b.Context(), &r); err != nil {
			b.Fatal(err)
		}
		for _, l := range r.Latency {
			unit := map[string]string{knownDelays[0].name: "sleep10", knownDelays[1].name: "sleep100", knownDelays[2].name: "lognormal"}[l.Delay]
			b.ReportMetric(100*l.Error, fmt.Sprintf("%s-p%.0f-error-%%", unit, 100*l.Quantile))
		}
	}
}
