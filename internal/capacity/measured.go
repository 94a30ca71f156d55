package capacity

import (
	"math"
)

// brokenAt is the lowest load at which an objective was found broken; at 0: none.
type brokenAt struct {
	at       float64
	ref      ObjectiveRef
	observed bool // in real use, where the objective is not known
}

// measured finds what the stages themselves show: the highest load up to which all objectives held, and the first load at
// which one was broken beyond doubt (see Exceeds). An objective is shown to hold in a stage where it has ten samples beyond its
// quantile, one on errors where there are 200 actions; a stage in which none has shows nothing. shown are the loads of those
// in which all did.
func (f *Forecast) measured(in *Input, pairs []pair) (b brokenAt, shown []float64) {
	c := all(in)
	for i, st := range in.Stages {
		held, judged := true, false
		for _, p := range pairs {
			share, n := shareAbove(in, i, c[i], p)
			allowed, need := 1-p.objective.Quantile, 10/(1-p.objective.Quantile)
			if p.objective.Quantile == 0 {
				allowed, need = p.objective.Errors, 200
			}
			if Exceeds(share*n, n, allowed) {
				f.BrokenAt = st.Users
				return brokenAt{at: st.Users, ref: in.ref(p)}, shown
			}
			if n >= need {
				judged = true
				held = held && share <= allowed
			}
		}
		if held && judged {
			f.Lower, shown = st.Users, append(shown, st.Users)
		}
	}
	return brokenAt{}, shown
}

// below is the input without the stages from a load on at which an objective was broken: where users wait long, they do fewer
// actions each, and a line through such rates would take what is missing for a part that does not grow with the users, and longer
// waits than the model's for a queue that is not observed. All stages stay where none would be left, or less copy traffic.
func (in *Input) below(users float64) *Input {
	out := *in
	out.Stages = nil
	var before, after float64 // most copy traffic
	for _, st := range in.Stages {
		before = math.Max(before, st.Copy)
		if st.Users < users {
			out.Stages = append(out.Stages, st)
			after = math.Max(after, st.Copy)
		}
	}
	if len(out.Stages) == 0 || after < before {
		return in
	}
	return &out
}

// ref names a pair.
func (in *Input) ref(p pair) ObjectiveRef {
	if p.action < 0 {
		return ObjectiveRef{Objective: p.objective}
	}
	return ObjectiveRef{in.Actions[p.action].Name, p.objective}
}

// shareAbove is the share of an action's responses above the objective's limit (or of all that failed), and of how many.
func shareAbove(in *Input, stage int, blocks []int, p pair) (share, n float64) {
	counts := make([]float64, len(in.Grid))
	var done, failed float64
	for _, j := range blocks {
		b := &in.Stages[stage].Blocks[j]
		if p.action < 0 {
			for a := range b.Actions {
				done += b.Actions[a].Done
				failed += b.Actions[a].Failed
			}
			continue
		}
		x := &b.Actions[p.action]
		for k, bin := range x.Bins {
			counts[bin] += x.Values[k]
		}
		n += x.responses
	}
	if p.action < 0 {
		if done == 0 {
			return 0, 0
		}
		return failed / done, done
	}
	if n == 0 {
		return 0, 0
	}
	return shareBeyond(in.Grid, counts, p.objective.Limit), n
}
