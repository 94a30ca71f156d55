package judge

import (
	"time"

	"pegel/internal/archive"
)

// A stage's numbers are the platform's only while the generator keeps its beat. Its lag counts against the strictest
// limit of all objectives: the lag's 99th percentile may take 5 % of it; above 20 % the stage is invalid and enters no
// fit. Floors keep very tight objectives from condemning the ordinary lateness of timers (about 1 ms).
const (
	strainedShare, strainedFloor = 0.05, 5 * time.Millisecond
	invalidShare, invalidFloor   = 0.20, 20 * time.Millisecond
)

// generator judges the generator itself and marks stages in which it was at fault.
func (r *reading) generator() {
	strictest := time.Second
	for _, o := range r.scenario.Objectives {
		for _, l := range o.Limits {
			strictest = min(strictest, l.Max)
		}
	}
	strained := max(time.Duration(strainedShare*float64(strictest)), strainedFloor)
	invalid := max(time.Duration(invalidShare*float64(strictest)), invalidFloor)

	g := &r.out.Generator
	g.Verdict = "clean"
	if len(r.out.Stages) == 0 {
		g.Verdict, g.Why = "unknown", Say("nothing-measured")
	}
	bad := 0
	for i := range r.out.Stages {
		st := &r.out.Stages[i]
		switch {
		case st.LagP99 > invalid:
			st.Valid = false
			st.Why = Say("lag-over-objective", round(st.LagP99), strictest)
			bad++
		case st.LagP99 > strained && g.Verdict == "clean":
			g.Verdict = "strained"
			g.Why = Say("lag-over-share", round(st.LagP99), st.Index+1)
		}
	}
	if bad > 0 {
		g.Verdict = "strained"
		g.Why = Say("stages-late", bad, len(r.out.Stages))
		if bad == len(r.out.Stages) {
			g.Verdict = "invalid"
		}
		r.warn("generator-late", g.Why)
	}
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

func round(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }
