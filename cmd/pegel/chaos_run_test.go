//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"pegel/internal/archive"
	"pegel/probes/probe"
	"pegel/testenv/real"
)

// chaotic is a run in a process of its own to which everything happens.
type chaotic struct {
	t        *testing.T
	stack    *real.Stack
	wires    map[string]*wire
	inside   bool // a network namespace of its own
	browsers bool

	pegel     *exec.Cmd
	begun     time.Time
	exited    chan struct{}
	said      lockedBuffer
	stepped   bool   // its wall clock is
	disk      string // on which the archive lies
	mounted   bool   // and which is small
	dir       string // the archive
	temporary string // of pegel, and of what it starts

	calm vitals // before the first fault
}

// vitals are what must not grow from fault to fault.
type vitals struct{ goroutines, files float64 }

func (c *chaotic) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// start starts pegel and waits until its stage is held.
func (c *chaotic) start(src string) {
	t := c.t
	t.Helper()
	program := steppedClock(t, chaosStep, chaosStep+chaosApart)
	c.stepped = program != ""
	if !c.stepped {
		self, err := os.Executable()
		c.must(err)
		program = self
	}
	c.disk, c.temporary = t.TempDir(), t.TempDir()
	if err := syscall.Mount("tmpfs", c.disk, "tmpfs", 0, "size=16m"); err == nil {
		c.mounted = true
		t.Cleanup(func() { syscall.Unmount(c.disk, syscall.MNT_DETACH) })
	}
	c.dir = filepath.Join(c.disk, "run")
	file := filepath.Join(c.temporary, "chaos.yaml")
	c.must(os.WriteFile(file, []byte(src), 0o600))
	c.pegel = exec.Command(program, "run", file, "--out", c.dir, "--force")
	c.pegel.Args[0] = "pegel"
	c.pegel.Env = append(os.Environ(), "PEGEL_REAL_PASSWORD="+real.DefaultPassword, "TMPDIR="+c.temporary)
	c.pegel.Stdout, c.pegel.Stderr = &c.said, &c.said
	c.pegel.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	c.exited = make(chan struct{})
	c.begun = time.Now()
	c.must(c.pegel.Start())
	go func() {
		defer close(c.exited)
		c.pegel.Wait()
	}()
	t.Cleanup(func() {
		c.pegel.Process.Kill()
		<-c.exited
	})
	c.await("the hold", time.Minute, func(r *archive.Run) bool {
		return slices.ContainsFunc(r.Events, func(e archive.Event) bool { return e.Kind == archive.EventHold })
	})
	c.recovered("nothing", c.last())
	c.calm = c.vitals()
	t.Logf("before the first fault: %+v", c.calm)
}

// await reads the archive while it is being written, until it shows what is waited for.
func (c *chaotic) await(what string, most time.Duration, there func(*archive.Run) bool) {
	c.t.Helper()
	for end := time.Now().Add(most); ; time.Sleep(2 * time.Second) {
		select {
		case <-c.exited:
			c.t.Fatalf("the run ended while %s was waited for:\n%s", what, c.said.String())
		default:
		}
		r, err := archive.Open(c.dir)
		if err == nil && there(r) {
			return
		}
		if time.Now().After(end) {
			c.t.Fatalf("after %v there is not %s; %v\n%s", most, what, err, c.said.String())
		}
	}
}

// last is the end of the last interval that can be read.
func (c *chaotic) last() (at time.Duration) {
	r, err := archive.Open(c.dir)
	c.must(err)
	for row, err := range r.Rows() {
		c.must(err)
		at = row.End
	}
	return at
}

// done counts what happened from one time to another, by protocol and class.
func (c *chaotic) done(r *archive.Run, from, to time.Duration) map[string]map[string]uint64 {
	sum := map[string]map[string]uint64{}
	for row, err := range r.Rows() {
		c.must(err)
		if row.Start < from || row.End > to {
			continue
		}
		for i := range row.Series {
			s := &row.Series[i]
			action := r.Meta.Actions[s.Index/len(r.Meta.Personas)]
			protocol, verb, _ := strings.Cut(action, ".")
			if sum[protocol] == nil {
				sum[protocol] = map[string]uint64{}
			}
			for class, n := range s.Classes {
				if class := probe.Class(class); n > 0 && (class != probe.OK || verb != "connect") {
					sum[protocol][class.String()] += n
				}
			}
		}
	}
	return sum
}

// recovered waits until actions of every protocol have succeeded after a time. A user comes back after a minute at most.
func (c *chaotic) recovered(from string, after time.Duration) {
	c.t.Helper()
	protocols := []string{"imap", "smtp", "caldav", "web"}
	if c.browsers {
		protocols = append(protocols, "browser")
	}
	c.await("every protocol's success after "+from, 3*time.Minute, func(r *archive.Run) bool {
		sum := c.done(r, after, 1<<62)
		return !slices.ContainsFunc(protocols, func(p string) bool { return sum[p]["ok"] < 3 })
	})
}

// fault lets something happen, waits until all is well again, and checks how the failures were called: each class must be
// one of those given.
func (c *chaotic) fault(what string, classes []string, happen func()) {
	t := c.t
	t.Helper()
	from := c.last()
	happen()
	lifted := c.last() + time.Second
	began := time.Now()
	c.recovered(what, lifted)
	to := c.last()
	took := time.Since(began)
	r, err := archive.Open(c.dir)
	c.must(err)
	failures := uint64(0)
	var told []string
	for protocol, list := range c.done(r, from, to) {
		for class, n := range list {
			if class == "ok" || class == "canceled" {
				continue
			}
			failures += n
			told = append(told, fmt.Sprintf("%s %s %d", protocol, class, n))
			if !slices.Contains(classes, class) {
				t.Errorf("%s: %d actions of %s failed as %s:\n%s", what, n, protocol, class, examples(r, from, class))
			}
		}
	}
	slices.Sort(told)
	if failures == 0 && len(classes) > 0 {
		t.Errorf("%s: nothing failed, so that nothing was tested", what)
	}
	now := c.vitals()
	t.Logf("%s: all is well %v after; failed: %s; %+v", what, took.Round(time.Second), strings.Join(told, ", "), now)
}

// examples are what failures of a class looked like from a time on.
func examples(r *archive.Run, from time.Duration, class string) string {
	var list []string
	for _, e := range r.Events {
		if e.Kind == archive.EventError && e.At >= from-2*time.Second && e.Class == class {
			list = append(list, e.Action+": "+e.Text)
		}
	}
	return strings.Join(list, "\n")
}

// vitals are medians of the last seconds.
func (c *chaotic) vitals() vitals {
	c.t.Helper()
	r, err := archive.Open(c.dir)
	c.must(err)
	var goroutines, files []float64
	for m, err := range r.Metrics() {
		c.must(err)
		for _, p := range m.Points {
			switch {
			case p.Page != archive.PageGenerator:
			case p.Resource == archive.GeneratorGoroutines:
				goroutines = append(goroutines, p.Value)
			case p.Resource == archive.GeneratorFiles:
				files = append(files, p.Value)
			}
		}
	}
	median := func(list []float64) float64 {
		if list = list[max(0, len(list)-5):]; len(list) == 0 {
			return 0
		}
		slices.Sort(list)
		return list[len(list)/2]
	}
	return vitals{median(goroutines), median(files)}
}

// settled waits until what faults have left behind is gone: as many goroutines and descriptors as before the first one.
func (c *chaotic) settled() {
	c.t.Helper()
	var now vitals
	for end := time.Now().Add(90 * time.Second); time.Now().Before(end); time.Sleep(3 * time.Second) {
		now = c.vitals()
		if now.goroutines <= c.calm.goroutines+8 && now.files <= c.calm.files+8 { // users come and go: a connection each, and Chromium's
			c.t.Logf("at the end: %+v", now)
			return
		}
	}
	c.t.Errorf("goroutines or descriptors are left over: %+v before the first fault, %+v after the last", c.calm, now)
}

// ended checks what is left of a run that is over.
func (c *chaotic) ended() {
	t := c.t
	t.Helper()
	said := c.said.String()
	for _, bad := range []string{"panic", "goroutine ", "fatal error"} {
		if strings.Contains(said, bad) {
			t.Errorf("%q in what it said:\n%s", bad, said)
		}
	}
	if left := c.chromiums(); len(left) > 0 {
		t.Errorf("processes %v of Chromium are left", left)
	}
	r, err := archive.Open(c.dir)
	c.must(err)
	rows := 0
	var before time.Duration
	for row, err := range r.Rows() {
		c.must(err)
		if rows++; row.Start != before || row.End < row.Start {
			t.Errorf("an interval from %v to %v follows on one that ends at %v", row.Start, row.End, before)
		}
		before = row.End
	}
	for _, e := range r.Events {
		if e.Kind == archive.EventError && strings.Contains(e.Text, "probe failed") {
			t.Errorf("a probe panicked: %s: %s", e.Action, e.Text)
		}
	}
	t.Logf("%d intervals can be read, to %v; truncated: %v", rows, before, r.Truncated)
	// The run as it was meant has not come to its end, and can still be judged.
	judge := exec.Command(c.pegel.Path, "report", c.dir, "--out", filepath.Join(c.temporary, "report.html"))
	judge.Args[0], judge.Env = "pegel", c.pegel.Env
	out, err := judge.CombinedOutput()
	if code := judge.ProcessState.ExitCode(); code == 2 || code == exitFailure || strings.Contains(string(out), "panic") {
		t.Errorf("its report: exit code %d, %v\n%s", code, err, out)
	}
}
