package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/shirou/gopsutil/v4/cpu"

	"pegel/internal/engine"
	"pegel/internal/plan"
	"pegel/internal/record"
	"pegel/probes/probe"
	"pegel/scenarios"
)

// trialed is what happened in the hold of a run of one stage that leaves no archive.
type trialed struct {
	plan    *plan.Plan
	series  []*record.Series // as in record.Interval
	lag     record.Histogram
	seconds float64
	cpu     float64 // seconds of processor time of this process
	memory  float64 // bytes more than before the run, at the end of the hold
	missed  int     // arrivals
	example string  // of a failure
}

// of merges what all personas, or one by name, did of an action; "" are all actions but opening sessions.
func (t *trialed) of(persona, action string) *record.Series {
	sum := new(record.Series)
	n := len(t.plan.Personas)
	for k, s := range t.series {
		name := t.plan.Actions[k/n]
		if s == nil || persona != "" && t.plan.Personas[k%n].Name != persona || action != "" && name != action || action == "" && strings.HasSuffix(name, ".connect") {
			continue
		}
		sum.Merge(s)
	}
	return sum
}

// trial drives a scenario of one stage. held is called when the hold begins.
func trial(ctx context.Context, env environment, src string, protocols []probe.Protocol, held func()) (*trialed, error) {
	s, err := scenarios.Parse("selftest", []byte(src), scenarios.Options{Getenv: testPasswords(env)})
	if err != nil {
		return nil, err
	}
	p, err := plan.Build(s, protocols)
	if err != nil {
		return nil, err
	}
	targets, err := engine.Targets(s)
	if err != nil {
		return nil, err
	}
	t := &trialed{plan: p, series: make([]*record.Series, len(p.Actions)*len(p.Personas))}
	debug.FreeOSMemory() // what an earlier trial left would hide this one's
	before := ownMemory()
	var from, to time.Duration
	var list []*record.Interval
	var events sync.Mutex
	opt := engine.Options{RunID: newRunID(), Targets: targets, Grace: 2 * time.Second,
		OnInterval: func(in *record.Interval) { list = append(list, in) },
		OnEvent: func(e engine.Event) {
			events.Lock()
			defer events.Unlock()
			switch e.Kind {
			case engine.Hold:
				from, t.cpu = e.At, ownProcessorTime()
				if held != nil {
					held()
				}
			case engine.End:
				to, t.cpu, t.memory = e.At, ownProcessorTime()-t.cpu, ownMemory()-before
			case engine.Error:
				t.example = e.Text
			case engine.Note:
				var missed, came int
				if n, _ := fmt.Sscanf(e.Text, "%d of %d arrivals", &missed, &came); n == 2 {
					t.missed += missed
				}
			}
		}}
	if err := engine.Run(ctx, p, record.NewRecorder(len(p.Actions), len(p.Personas), 16*runtime.GOMAXPROCS(0)), opt); err != nil {
		return nil, err
	}
	const slack = 100 * time.Millisecond // intervals end on the beat of the clock, and so does the hold
	for _, in := range list {
		if in.Start < from-slack || in.End > to+slack {
			continue
		}
		t.lag.Merge(&in.Lag)
		t.seconds += (in.End - in.Start).Seconds()
		for k, s := range in.Series {
			if s == nil {
				continue
			}
			if t.series[k] == nil {
				t.series[k] = new(record.Series)
			}
			t.series[k].Merge(s)
		}
	}
	if t.seconds == 0 {
		return nil, errors.New("no whole second of the hold was recorded: the machine gave too little time")
	}
	return t, nil
}

// elsewhere are servers in processes of their own, so that what is measured in this one is the generator alone.
type elsewhere struct {
	urls map[string]string // by the names that pegel testenv prints, and known
	dir  string
	cmds []*exec.Cmd
}

// startElsewhere starts the embedded platform, which takes no time but the processor's, and the server with known times.
func startElsewhere(ctx context.Context, accounts int) (_ *elsewhere, err error) {
	e := &elsewhere{urls: map[string]string{}}
	defer func() {
		if err != nil {
			e.close()
		}
	}()
	if e.dir, err = os.MkdirTemp("", "pegel-selftest-"); err != nil {
		return nil, err
	}
	definition := filepath.Join(e.dir, "free.yaml")
	if err := os.WriteFile(definition, []byte("name: free\nresources: [{name: any, limit: 1}]\noperations: {}\n"), 0o600); err != nil {
		return nil, err
	}
	if err := e.start(ctx, "testenv", "--accounts", strconv.Itoa(accounts), "--definition", definition); err != nil {
		return nil, err
	}
	return e, e.start(ctx, "testenv", "known")
}

// start runs this program again and reads the addresses that it prints.
func (e *elsewhere) start(ctx context.Context, args ...string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Args[0] = "pegel"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for this one, which then ends the others
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting a server: %w", err)
	}
	e.cmds = append(e.cmds, cmd)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "Ctrl-C") {
			return nil
		}
		if name, address, ok := strings.Cut(lines.Text(), " "); ok {
			e.urls[name] = strings.TrimSpace(address)
		}
	}
	return fmt.Errorf("pegel %s ended before it served", strings.Join(args, " "))
}

// close ends the servers and waits for them.
func (e *elsewhere) close() {
	for _, cmd := range e.cmds {
		_ = cmd.Process.Signal(os.Interrupt)
		kill := time.AfterFunc(5*time.Second, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait() // it was told to end
		kill.Stop()
	}
	if e.dir != "" {
		_ = os.RemoveAll(e.dir) // a temporary file of a few bytes
	}
}

// ownMemory is the resident memory of this process in bytes; 0: not known.
func ownMemory() float64 {
	raw, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(raw))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseFloat(fields[1], 64)
	if err != nil {
		return 0
	}
	return pages * float64(os.Getpagesize())
}

// ownProcessorTime is what this process has used, in seconds.
func ownProcessorTime() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
}

// stolen are the machine's processor times so far; the zero value where they are not known.
func stolen() cpu.TimesStat {
	if all, err := cpu.Times(false); err == nil && len(all) == 1 {
		return all[0]
	}
	return cpu.TimesStat{}
}

// stolenShare is the share of all cores' time between two readings that a hypervisor gave to others.
func stolenShare(from, to cpu.TimesStat) float64 {
	sum := func(t cpu.TimesStat) float64 {
		return t.User + t.Nice + t.System + t.Irq + t.Softirq + t.Steal + t.Idle + t.Iowait
	}
	if total := sum(to) - sum(from); total > 0 {
		return max(0, (to.Steal-from.Steal)/total)
	}
	return 0
}
