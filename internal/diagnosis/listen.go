package diagnosis

import (
	"math"
	"time"

	"pegel/internal/judge"
	"pegel/internal/record"
	"pegel/probes/probe"
)

// Weights of the evidence that something before the service limits: a backlog, a limit on connections, a greeter.
const (
	weightPhaseGrows = 16
	weightRefusedNew = 8  // connections are refused
	weightSmallPart  = -8 // of what the actions take longer

	phaseGrows = 2 // times
	phaseLeast = 10 * time.Millisecond
	smallPart  = 0.05 // of an action's time
)

// listening asks whether connecting, or waiting for the greeting, takes longer under load.
func (s *sight) listening() *Hypothesis {
	var worst struct {
		action, phase string
		low, top      judge.PhaseStats
		mean          time.Duration
	}
	most := 0.0
	for i := range s.top.Actions {
		a := &s.top.Actions[i]
		before := action(s.low, a.Action)
		if before == nil || s.low == s.top {
			continue
		}
		for _, phase := range []string{probe.PhaseConnect.String(), probe.PhaseGreeting.String()} {
			x, y := phaseOf(before, phase), phaseOf(a, phase)
			if x.Count < few || y.Count < few || y.Mean-x.Mean < phaseLeast {
				continue
			}
			factor := float64(y.Mean) / math.Max(float64(x.Mean), float64(100*time.Microsecond))
			if factor >= phaseGrows && factor > most {
				most = factor
				worst.action, worst.phase, worst.low, worst.top, worst.mean = a.Action, phase, x, y, a.Mean
			}
		}
	}
	if most == 0 {
		return nil
	}
	h := suppose(Listen, worst.action, say("listening", worst.phase, worst.action, worst.low.Mean, s.low.Users, worst.top.Mean, s.top.Users))
	at := s.over()
	series := []string{worst.action + " phase " + worst.phase}
	h.add(weightPhaseGrows, series, at, "because-phase", worst.phase, worst.low.Mean, s.low.Users, worst.top.Mean, s.top.Users)
	for _, row := range s.r.Errors {
		if row.Class == probe.Refused.String() && row.FirstUsers > s.low.Users {
			h.add(weightRefusedNew, []string{row.Action + " failures by class: refused"}, span{users: row.FirstUsers, from: row.FirstAt, to: s.r.Duration}, "because-onset", row.Class, row.Action, row.FirstUsers, int(row.Count))
			break
		}
	}
	if float64(worst.top.Mean) < smallPart*float64(s.slowest()) {
		h.add(weightSmallPart, series, at, "because-small-part", worst.top.Mean, time.Duration(s.slowest()))
	}
	h.Settle = Settle{What: say("settle-bypass"), Command: s.experiment("bypass")}
	return h
}

func phaseOf(a *judge.ActionStats, phase string) judge.PhaseStats {
	for _, p := range a.Phases {
		if p.Phase == phase {
			return p
		}
	}
	return judge.PhaseStats{}
}

// slowest is the largest mean of the users' actions in the top stage.
func (s *sight) slowest() time.Duration {
	var most time.Duration
	for i := range s.top.Actions {
		if a := &s.top.Actions[i]; !copies(a.Action) && a.Count >= few {
			most = max(most, a.Mean)
		}
	}
	return most
}

// Steps of latency: time-outs and retries of software wait whole seconds. A pool that gives up after 10 s, a lock that is tried
// again after 5 s, a SYN sent again after 1 s, 3 s and 7 s (RFC 6298).
var steps = []time.Duration{time.Second, 2 * time.Second, 3 * time.Second, 5 * time.Second, 7 * time.Second, 10 * time.Second, 15 * time.Second, 20 * time.Second, 30 * time.Second, 60 * time.Second}

const (
	weightStep = 17
	stepLeast  = 10   // responses just above the step
	stepWidth  = 0.12 // of the step: what counts as just above, and just below
	stepGap    = 0.1  // at most so many just below, of those just above
)

// waitStep looks for responses that lie just above a time at which software gives up or tries again, with a gap before it.
func (s *sight) waitStep() *Hypothesis {
	var best struct {
		action string
		step   time.Duration
		n      uint64
		stage  *judge.StageResult
	}
	for _, st := range s.stages {
		for i := range st.Actions {
			a := &st.Actions[i]
			if a.Hist == nil || copies(a.Action) || a.Action == "eas.ping" || a.Action == "imap.idle" {
				continue
			}
			for _, step := range steps {
				above, below := around(a.Hist, step)
				if above >= stepLeast && float64(below) <= stepGap*float64(above) && above > best.n {
					best.action, best.step, best.n, best.stage = a.Action, step, above, st
				}
			}
		}
	}
	if best.n == 0 {
		return nil
	}
	h := suppose(WaitStep, best.action, say("wait-step", int(best.n), best.action, best.step))
	h.add(weightStep, []string{best.action + " histogram of response times"}, s.in(best.stage), "because-step", int(best.n), best.action, best.step, time.Duration((1+stepWidth)*float64(best.step)))
	h.Settle = Settle{What: say("settle-step", best.step)}
	return h
}

// around counts what lies just above and just below a time. A bucket that the time cuts counts as above.
func around(hist *record.Histogram, at time.Duration) (above, below uint64) {
	width := time.Duration(stepWidth * float64(at))
	hist.Each(func(low, bucket time.Duration, n uint64) {
		switch {
		case low+bucket > at && low < at+width:
			above += n
		case low+bucket <= at && low+bucket > at-width:
			below += n
		}
	})
	return above, below
}
