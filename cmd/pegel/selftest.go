package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"pegel/internal/archive"
	"pegel/internal/expect"
	"pegel/internal/observe"
)

// selftesting is one call of pegel selftest.
type selftesting struct {
	env         environment
	json, quick bool
	servers     *elsewhere
}

func selftestCommand(env environment) *cobra.Command {
	c := selftesting{env: env}
	cmd := &cobra.Command{
		Use:   "selftest",
		Short: "measure what this machine's generator can do, and how far its times are off",
		Long: `Measures the generator on this machine, in about a minute, and writes a table to put beside results:
how late timers are, arrivals a second with their lag, actions a second and processor time of each
protocol against the embedded platform, memory of a user, and how far measured response times are off
from known ones. The servers run in processes of their own on this machine, so that actions a second
are a lower bound where the generator has the machine for itself. Traffic stays on 127.0.0.1.

Figures depend on what else runs here; time taken by a hypervisor or by other programs is shown.
--quick takes a third of the time and is rougher.`,
		Args: exactly(0, "no argument"),
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd.Context()) },
	}
	cmd.Flags().BoolVar(&c.json, "json", false, "print JSON")
	cmd.Flags().BoolVar(&c.quick, "quick", false, "measure more briefly")
	return cmd
}

// selfReport is what pegel selftest says. Times are in seconds, memory in bytes.
type selfReport struct {
	Format  int          `json:"format"`
	Pegel   string       `json:"pegel"`
	Go      string       `json:"go"`
	Host    archive.Host `json:"host"`
	Quick   bool         `json:"quick"`
	Seconds float64      `json:"seconds"` // that the test took
	Steal   float64      `json:"steal"`   // share of the machine's time that a hypervisor gave to others meanwhile

	TimerError  float64 `json:"timer_error"` // median
	ClockCost   float64 `json:"clock_read"`
	ClockSource string  `json:"clock_source"`

	Arrivals  []selfArrivals `json:"arrivals"`
	Protocols []selfProtocol `json:"protocols"`
	Memory    []selfMemory   `json:"memory"`
	Latency   []selfLatency  `json:"latency"`
}

// selfArrivals is a rate of open arrivals, each of which does one action.
type selfArrivals struct {
	Of        string  `json:"of"`
	PerSecond float64 `json:"per_second"` // intended
	Done      float64 `json:"done_per_second"`
	Missed    int     `json:"missed"` // not started
	Failed    uint64  `json:"failed"`
	LagP50    float64 `json:"lag_p50"`
	LagP99    float64 `json:"lag_p99"`
	Cores     float64 `json:"cores"` // busy, of the generator
}

// selfProtocol is what eight users without think time do.
type selfProtocol struct {
	Action    string  `json:"action"`
	PerSecond float64 `json:"per_second"`
	CPU       float64 `json:"cpu_per_action"` // of the generator
	Failed    uint64  `json:"failed"`
}

// selfMemory is what one more user takes.
type selfMemory struct {
	User  string  `json:"user"`
	Users int     `json:"users"`
	Bytes float64 `json:"bytes"`
}

// selfLatency is a quantile as it was measured and as the server knows it.
type selfLatency struct {
	Delay    string  `json:"delay"`
	Quantile float64 `json:"quantile"`
	Truth    float64 `json:"truth"`
	Measured float64 `json:"measured"`
	Error    float64 `json:"error"` // relative
	Count    uint64  `json:"count"`
}

// mostSelf ends a self-test that hangs.
const mostSelf = 3 * time.Minute

func (c *selftesting) run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, mostSelf)
	defer cancel()
	signals, release := c.env.interrupts.take()
	defer release()
	go func() {
		select {
		case <-signals:
			cancel()
		case <-ctx.Done():
		}
	}()
	begun, steal := time.Now(), stolen()
	r := &selfReport{Format: 1, Pegel: version, Go: runtime.Version(), Host: thisHost(), Quick: c.quick}
	observer, err := observe.New(nil, nil)
	if err != nil {
		return err
	}
	r.TimerError = observer.Calibrate(ctx).Seconds()
	r.ClockCost, r.ClockSource = clockCost().Seconds(), clockSource()
	if c.servers, err = startElsewhere(ctx, selfAccounts); err != nil {
		return err
	}
	defer c.servers.close()
	for _, part := range []struct {
		name string
		do   func(context.Context, *selfReport) error
	}{{"arrivals", c.arrivals}, {"protocols", c.protocols}, {"memory", c.memory}, {"known response times", c.latency}} {
		fmt.Fprintf(c.env.stderr, "selftest: %s\n", part.name)
		if err := part.do(ctx, r); err != nil {
			if ctx.Err() != nil {
				return &exitError{code: exitInterrupted, err: fmt.Errorf("the self-test was ended after %v", time.Since(begun).Round(time.Second))}
			}
			return fmt.Errorf("measuring %s: %w", part.name, err)
		}
	}
	r.Seconds, r.Steal = time.Since(begun).Seconds(), stolenShare(steal, stolen())
	if c.json {
		enc := json.NewEncoder(c.env.stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(r)
	}
	return r.text(c.env.stdout)
}

// text writes the report as a table.
func (r *selfReport) text(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	span := func(s float64) string {
		d := time.Duration(s * 1e9)
		switch {
		case d >= 100*time.Millisecond:
			d = d.Round(time.Millisecond)
		case d >= time.Millisecond:
			d = d.Round(10 * time.Microsecond)
		case d >= time.Microsecond:
			d = d.Round(100 * time.Nanosecond)
		}
		return d.String()
	}
	kib := func(bytes float64) string { return fmt.Sprintf("%.1f KiB", bytes/1024) }
	fmt.Fprintf(w, "pegel %s (%s) on %s, %d × CPU, %s; %.0f s", r.Pegel, r.Go, r.Host.OS, r.Host.CPUs, expect.Bytes(float64(r.Host.Memory)), r.Seconds)
	if r.Quick {
		fmt.Fprint(w, ", quick")
	}
	fmt.Fprintf(w, "\nhypervisor took\t%.1f %%\tof the machine's time\n", 100*r.Steal)
	fmt.Fprintf(w, "timer error\t%s\tmedian, before load\n", span(r.TimerError))
	fmt.Fprintf(w, "clock reading\t%s\t%s\n", span(r.ClockCost), r.ClockSource)
	fmt.Fprint(w, "\narrivals\tper second\tdone\tnot started\tfailed\tlag p50\tlag p99\tcores\n")
	for _, a := range r.Arrivals {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%s\t%s\t%.2f\n", a.Of, expect.Count(a.PerSecond), expect.Count(a.Done), a.Missed, a.Failed, span(a.LagP50), span(a.LagP99), a.Cores)
	}
	fmt.Fprint(w, "\n8 users, no pauses\tper second\tCPU an action\tfailed\n")
	for _, p := range r.Protocols {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\n", p.Action, expect.Count(p.PerSecond), span(p.CPU), p.Failed)
	}
	fmt.Fprint(w, "\nuser\tmemory\tof\n")
	for _, m := range r.Memory {
		fmt.Fprintf(w, "%s\t%s\t%s\n", m.User, kib(m.Bytes), expect.Count(float64(m.Users)))
	}
	fmt.Fprint(w, "\nknown response time\tquantile\ttruth\tmeasured\terror\tn\n")
	for _, l := range r.Latency {
		fmt.Fprintf(w, "%s\tp%g\t%s\t%s\t%+.1f %%\t%d\n", l.Delay, 100*l.Quantile, span(l.Truth), span(l.Measured), 100*l.Error, l.Count)
	}
	return w.Flush()
}
