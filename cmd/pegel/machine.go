package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"pegel/internal/expect"
	"pegel/internal/plan"
)

// refuseTooSmall holds what the whole plan needs, by expectation, against what this machine has left now, and refuses
// before the first packet where that cannot go well. Processor time is no reason: it makes stages invalid, and what it is
// worth only the run shows.
func (d *driving) refuseTooSmall(ctx context.Context) error {
	load, err := expect.Of(d.plan, expect.Options{Day: expect.All})
	if err != nil {
		return err
	}
	have := thisMachine()
	need := expect.NeedOf(d.plan, load, have)
	var short, help []string
	refuse := func(remedy, format string, args ...any) {
		short = append(short, fmt.Sprintf(format, args...))
		help = append(help, remedy)
	}
	if have.Files > 0 && need.Files > have.Files {
		refuse("ulimit -n "+strconv.Itoa(need.Files*5/4), "%s open files are needed, %s allowed", expect.Count(float64(need.Files)), expect.Count(float64(have.Files)))
	}
	for _, w := range load.Ways {
		if room := have.Ports * w.Sources; room > 0 && w.Connections > room {
			least := (w.Connections + have.Ports - 1) / have.Ports
			refuse(fmt.Sprintf("give the users' lines at least %d source addresses (lines.*.sources), or widen net.ipv4.ip_local_port_range", least),
				"%s connections to %s are planned from %d source address(es) with %s ports each", expect.Count(float64(w.Connections)), w.Target, w.Sources, expect.Count(float64(have.Ports)))
		}
	}
	if left, whose := memoryLeft(); left > 0 && need.Memory > left {
		refuse("raise "+whose+", take fewer users, or divide them among several generators", "%s of memory are needed, %s are left (%s)", expect.Bytes(need.Memory), expect.Bytes(left), whose)
	}
	if len(short) > 0 && !d.force {
		return &exitError{code: exitNoStart, err: fmt.Errorf("this machine is too small for the scenario: %s", strings.Join(short, "; ")),
			hint: strings.Join(slices.Compact(help), "; ") + "; --force drives it all the same (the needs are expectations)"}
	}
	for _, text := range short {
		fmt.Fprintln(d.env.stderr, "warning: this machine is too small for the scenario: "+text)
		d.notes = append(d.notes, "this machine is too small for the scenario: "+text)
	}
	return resolve(ctx, d.plan, d.env.stderr)
}

// slowName is how long a name may take to be looked up: it is part of every connection that is opened.
const slowName = 100 * time.Millisecond

// resolve looks up the names of all targets, each once, and refuses where one is not known.
func resolve(ctx context.Context, p *plan.Plan, warn io.Writer) error {
	seen := map[string]bool{}
	for _, name := range p.Targets {
		u := p.Scenario.Targets.ByName[name].URL
		if u == nil || seen[u.Hostname()] {
			continue
		}
		host := u.Hostname()
		seen[host] = true
		if _, err := netip.ParseAddr(host); err == nil {
			continue
		}
		within, cancel := context.WithTimeout(ctx, 10*time.Second)
		begun := time.Now()
		_, err := net.DefaultResolver.LookupNetIP(within, "ip", host)
		cancel()
		took := time.Since(begun)
		switch {
		case ctx.Err() != nil:
			return errNothingDriven
		case err != nil:
			var dns *net.DNSError
			why := err.Error()
			if errors.As(err, &dns) {
				why = dns.Err
			}
			return &exitError{code: exitNoStart, err: fmt.Errorf("%s: the name %s does not resolve after %v: %s", name, host, took.Round(time.Millisecond), why),
				hint: "check targets." + name + ".url, /etc/hosts and /etc/resolv.conf of the generator's machine"}
		case took > slowName:
			fmt.Fprintf(warn, "warning: %s: looking up %s took %v, which is part of every connection; a name server on this machine, or a line in /etc/hosts, would help\n", name, host, took.Round(time.Millisecond))
		}
	}
	return nil
}

// lateTimer is how late timers of this machine may be before the load: more will be part of every lag.
const lateTimer = 2 * time.Millisecond

// slowClock is what reading the clock may cost: it is read a few times for each action.
const slowClock = time.Microsecond

// warnOfTime says what the run's times will suffer from on this machine.
func warnOfTime(warn io.Writer, timer time.Duration) {
	if timer > lateTimer {
		fmt.Fprintf(warn, "warning: timers of this machine are %v late while it does nothing; the generator's lag will be at least that\n", timer.Round(10*time.Microsecond))
	}
	if cost := clockCost(); cost > slowClock {
		fmt.Fprintf(warn, "warning: reading this machine's clock takes %v: its clock source is %s, tsc or kvm-clock would be fast\n", cost, clockSource())
	}
}

// clockCost is what one reading of the clock takes.
func clockCost() time.Duration {
	const n = 2000
	best := time.Duration(1<<63 - 1)
	for range 3 { // the best of three, because others may take the processor meanwhile
		begun := time.Now()
		for range n {
			_ = time.Since(begun)
		}
		best = min(best, time.Since(begun)/n)
	}
	return best
}

func clockSource() string {
	raw, err := os.ReadFile("/sys/devices/system/clocksource/clocksource0/current_clocksource")
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(raw))
}
