package judge

import (
	"time"

	"pegel/internal/archive"
	"pegel/internal/capacity"
)

// A stage's numbers are the platform's only while the generator keeps its beat. Its lag counts against the strictest
// limit of all objectives: the lag's 99th percentile may take 5 % of it; above 20 % the stage is invalid and enters no
// fit. Floors keep very tight objectives from condemning the ordinary lateness of timers (about 1 ms).
const (
	strainedShare, strainedFloor = 0.05, 5 * time.Millisecond
	invalidShare, invalidFloor   = 0.20, 20 * time.Millisecond
)

// ownFailures is the share of a stage's actions from which on connections that this machine could not open make it
// invalid: they are failures that the platform had no part in.
const ownFailures = 0.001

// Verdicts on the generator, of a stage and of a run.
const (
	Clean    = "clean"
	Strained = "strained"
	Invalid  = "invalid"
)

// Health is the generator in one stage. A busy machine alone is no fault: the servers under test may be what keeps it busy.
type Health struct {
	Verdict string  // Clean, Strained or Invalid
	Why     Message // empty where clean
	Cause   Message // what made it late, where that is known

	TimerLate time.Duration // worst second: how late a timer of 10 ms was
	Ready     time.Duration // mean over the seconds of the p99 for which goroutines waited to run
	Pause     time.Duration // the longest time in which the whole process stood still
	RunQueue  float64       // mean share of their time that threads waited for a processor
	CPU       float64       // mean, in cores
	Steal     float64       // mean share of the machine's time that a hypervisor gave to others
	Unopened  int           // connections for which this machine had no port, no descriptor or no memory
}

// tolerance is from which lag on the strictest objective makes a stage strained, and invalid.
type tolerance struct{ strictest, strained, invalid time.Duration }

func (r *reading) tolerance() tolerance {
	t := tolerance{strictest: time.Second}
	for _, o := range r.scenario.Objectives {
		for _, l := range o.Limits {
			t.strictest = min(t.strictest, l.Max)
		}
	}
	t.strained = max(time.Duration(strainedShare*float64(t.strictest)), strainedFloor)
	t.invalid = max(time.Duration(invalidShare*float64(t.strictest)), invalidFloor)
	return t
}

// health judges the generator in a stage.
func (r *reading) health(st *StageResult, limit tolerance) Health {
	h := Health{Verdict: Clean}
	mean := func(name string) float64 {
		v, _, _ := r.of(archive.PageGenerator, name, archive.FieldValue).gauge(st.Start, st.End)
		return v
	}
	top := func(name string) float64 {
		_, v, _ := r.of(archive.PageGenerator, name, archive.FieldValue).gauge(st.Start, st.End)
		return v
	}
	seconds := func(v float64) time.Duration { return time.Duration(v * float64(time.Second)) }
	h.TimerLate, h.Ready, h.Pause = seconds(top(archive.GeneratorTimerLate)), seconds(mean(archive.GeneratorSchedP99)), seconds(top(archive.GeneratorPause))
	h.RunQueue, h.CPU, h.Steal = mean(archive.GeneratorRunQueue)/100, mean(archive.GeneratorCPU)/100, mean(archive.GeneratorSteal)/100
	h.Unopened, _ = r.noted(noteUnopened, st, 1)

	var done float64
	for _, a := range st.Actions {
		done += float64(a.Count)
	}
	missed, came := r.noted(arrivalsNotStarted, st, 3)
	switch unopened := float64(h.Unopened); {
	case st.LagP99 > limit.invalid:
		h.Verdict, h.Why = Invalid, Say("lag-over-objective", round(st.LagP99), limit.strictest)
	case h.Unopened > 0 && unopened > ownFailures*done:
		h.Verdict, h.Why = Invalid, Say("connections-not-opened", h.Unopened)
	case h.Ready > limit.invalid && st.LagP99 > limit.strained:
		h.Verdict, h.Why = Invalid, Say("ready-over-objective", round(h.Ready), limit.strictest)
	case st.LagP99 > limit.strained:
		h.Verdict, h.Why = Strained, Say("lag-over-share", round(st.LagP99), st.Index+1)
	case h.Unopened > 0:
		h.Verdict, h.Why = Strained, Say("connections-not-opened", h.Unopened)
	case h.Ready > limit.strained:
		h.Verdict, h.Why = Strained, Say("ready-over-share", round(h.Ready), st.Index+1)
	case h.Pause > limit.invalid:
		h.Verdict, h.Why = Strained, Say("pause-over-objective", round(h.Pause), st.Index+1)
	case missed > 0:
		h.Verdict, h.Why = Strained, Say("arrivals-missed", missed, came, st.Index+1)
	case r.gaps(st) > 0:
		h.Verdict, h.Why = Strained, Say("seconds-missing", r.gaps(st), st.Index+1)
	}
	if h.Verdict != Clean {
		h.Cause = r.cause(st, &h, limit)
	}
	return h
}

// From these values on something explains that the generator was late. A second in which a quarter of the machine was
// taken away is enough.
const (
	stealMean, stealTop = 0.03, 0.25
	fullCores           = 0.70 // of the cores, used by the generator itself
	queued              = 0.15 // of the time that threads could have run
)

// cause is what made the generator late in a stage; empty where nothing that was read explains it.
func (r *reading) cause(st *StageResult, h *Health, limit tolerance) Message {
	_, steal, _ := r.of(archive.PageGenerator, archive.GeneratorSteal, archive.FieldValue).gauge(st.Start, st.End)
	cores := float64(r.out.Meta.Host.CPUs)
	switch {
	case h.Unopened > 0:
		return Say("cause-unopened")
	case h.Steal > stealMean || steal/100 > stealTop:
		return Say("cause-steal", capacity.Share(h.Steal), capacity.Share(steal/100))
	case cores > 0 && h.CPU > fullCores*cores:
		return Say("cause-full", h.CPU, r.out.Meta.Host.CPUs)
	case h.RunQueue > queued:
		return Say("cause-others", capacity.Share(h.RunQueue))
	case h.Pause > limit.strained:
		return Say("cause-pause", round(h.Pause))
	}
	return Message{}
}

// noted adds up what the engine has noted of a stage under a code; stage is the place of the stage's number among the values.
func (r *reading) noted(code string, st *StageResult, stage int) (first, second int) {
	for _, e := range r.run.Events {
		if e.Kind != archive.EventNote {
			continue
		}
		m := recognise(e.Text, code)
		if m.Code != code || m.Args[stage] != any(float64(st.Index+1)) {
			continue
		}
		a, _ := m.Args[0].(float64)
		b, _ := m.Args[1].(float64)
		first, second = first+int(a), second+int(b)
	}
	return first, second
}

// gaps counts the seconds of a hold that no interval has: the collector of samples was kept from its work.
func (r *reading) gaps(st *StageResult) int {
	n := 0
	for i := 1; i < len(r.intervals); i++ {
		if from, to := r.intervals[i-1].end, r.intervals[i].start; to-from > 1500*time.Millisecond && to > st.Start && from < st.End {
			n += int((to - from) / time.Second)
		}
	}
	return n
}

// late tells whether the stage is invalid because of the generator, so that what was slow in it may be its own doing.
func (st *StageResult) late() bool {
	switch st.Why.Code {
	case "lag-over-objective", "ready-over-objective", "connections-not-opened":
		return !st.Valid
	}
	return false
}

// generator judges the generator itself and marks stages in which it was at fault.
func (r *reading) generator() {
	limit := r.tolerance()
	g := &r.out.Generator
	g.Verdict = Clean
	if len(r.out.Stages) == 0 {
		g.Verdict, g.Why = "unknown", Say("nothing-measured")
	}
	bad := 0
	for i := range r.out.Stages {
		st := &r.out.Stages[i]
		st.Generator = r.health(st, limit)
		h := &st.Generator
		switch {
		case h.Verdict == Invalid:
			st.Valid, st.Why = false, h.Why
			if g.Cause.Empty() {
				g.Cause = h.Cause
			}
			bad++
		case h.Verdict == Strained && g.Verdict == Clean:
			g.Verdict, g.Why, g.Cause = Strained, h.Why, h.Cause
		}
	}
	if bad > 0 {
		g.Verdict, g.Why = Strained, Say("stages-late", bad, len(r.out.Stages))
		if bad == len(r.out.Stages) {
			g.Verdict = Invalid
		}
	}
	if !g.Cause.Empty() {
		g.Why = Say("held-back", g.Why, g.Cause)
	}
	if bad > 0 {
		r.warn("generator-late", g.Why)
	}
	g.TimerError, _ = r.seconds(archive.GeneratorTimerError)
	for _, t := range r.out.Timeline {
		g.At = append(g.At, t.At)
		g.LagP99 = append(g.LagP99, t.LagP99)
		cpu, _ := r.of(archive.PageGenerator, archive.GeneratorCPU, archive.FieldValue).last(t.At)
		rss, _ := r.of(archive.PageGenerator, archive.GeneratorRSS, archive.FieldValue).last(t.At)
		g.CPU = append(g.CPU, cpu)
		g.RSS = append(g.RSS, rss)
	}
	for i := 1; i < len(r.intervals); i++ {
		if r.intervals[i].start-r.intervals[i-1].end > 1500*time.Millisecond {
			g.Gaps++
		}
	}
}

// seconds is a metric of the generator that is read once; ok is false in runs that do not have it.
func (r *reading) seconds(name string) (time.Duration, bool) {
	s := r.of(archive.PageGenerator, name, archive.FieldValue)
	if s == nil || len(s.value) == 0 {
		return 0, false
	}
	return time.Duration(s.value[0] * float64(time.Second)), true
}

func round(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }
