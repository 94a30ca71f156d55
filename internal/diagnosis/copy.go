package diagnosis

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"

	"pegel/internal/capacity"
	"pegel/internal/judge"
)

// Weights of the evidence that the migration's own load is the cause.
const (
	weightCopyPart     = 14 // of the rise, where that could be divided
	weightCopyNone     = -12
	weightCopyCapacity = 6  // without copying the capacity would be larger
	weightCopyUse      = 10 // of the fullest resource's use
	weightCopyUnderway = 5  // of the actions under way, where copying was not varied
	weightCopyLittle   = -6
	weightCopyAlways   = 11 // of the fullest resource's use does not come from users, while copying went on alike

	weightCopyTwo = 6 // the same from two stages

	copyPart     = 0.3
	copyCapacity = 1.15
	copyUse      = 0.25
	copyUnderway = 0.25
	copyLittle   = 0.05
)

// copying asks how much of the load is copy traffic.
func (s *sight) copying(resources []*Hypothesis) *Hypothesis {
	rate, underway, all := 0.0, 0.0, 0.0
	for i := range s.top.Actions {
		a := &s.top.Actions[i]
		all += a.Rate * a.Mean.Seconds()
		if copies(a.Action) {
			rate += a.Rate
			underway += a.Rate * a.Mean.Seconds()
		}
	}
	if rate == 0 && s.r.Effects == nil {
		return nil
	}
	at := s.over()
	h := suppose(Copy, "", say("copying", round(rate), s.top.Users))
	known := false
	if e := s.r.Effects; e != nil && e.Determined {
		for _, p := range e.Parts {
			if p.Kind != capacity.FromCopy {
				continue
			}
			known = true
			total := (e.To - e.From).Seconds()
			switch {
			case total > 0 && p.Low > 0 && p.Seconds >= copyPart*total:
				h.add(weightCopyPart, []string{e.Action + " response time", "copy operations"}, at, "because-copy-part", share(p.Seconds/total), e.Action, e.FromUsers, e.ToUsers)
			case total > 0 && p.High < copyPart*total:
				h.add(weightCopyNone, []string{e.Action + " response time", "copy operations"}, at, "because-copy-little", share(max(p.Seconds, 0)/total), e.Action)
			}
		}
		if with, without := e.WithCopy, e.WithoutCopy; with != nil && without != nil && without.P50 >= copyCapacity*with.P50 {
			h.add(weightCopyCapacity, []string{"forecast with and without copying"}, at, "because-copy-capacity", *with, *without)
		}
		s.copyUses(h, e, resources)
	}
	if all > 0 && !known {
		if part := underway / all; part >= copyUnderway {
			h.add(weightCopyUnderway, []string{"*.copy rate and response time"}, s.in(s.top), "because-copy-underway", share(part))
		} else if part < copyLittle {
			h.add(weightCopyLittle, []string{"*.copy rate and response time"}, s.in(s.top), "because-copy-underway", share(part))
		}
		s.copyAlways(h, resources)
	}
	h.Settle = Settle{What: say("settle-copy"), Command: s.experiment("copy-off")}
	return h
}

// copyUses weighs how much of the resource that gives way first copying takes.
func (s *sight) copyUses(h *Hypothesis, e *judge.Effects, resources []*Hypothesis) {
	for _, x := range e.Resources {
		use := 0.0
		for _, p := range x.Parts {
			if p.Kind == capacity.FromCopy {
				use = p.Value
			}
		}
		r := suspect(resources, x.Name)
		if x.Use <= 0 || r == nil || r.Score <= 0 {
			continue
		}
		if part := use / x.Use; part >= copyUse {
			h.add(weightCopyUse, s.series(x.Name, "in_use"), s.in(s.top), "because-copy-use", share(part), x.Name)
			h.explains = append(h.explains, x.Name)
			h.inherit(resources, []string{x.Name}, s.series(x.Name, "in_use", "limit"), s.in(s.top))
			return
		}
	}
}

// copyAlways weighs what is in use of the resource that gives way first at no users at all, by a straight line through the stages,
// where copying went on alike in all of them. What else runs in the background counts with it: one more run, without copying,
// tells.
func (s *sight) copyAlways(h *Hypothesis, resources []*Hypothesis) {
	var first *Hypothesis
	for _, r := range resources {
		if r.Code != Memory && (first == nil || r.Score > first.Score) {
			first = r
		}
	}
	if first == nil || len(s.stages) < 2 || 2*s.top.Users < 3*s.low.Users {
		return
	}
	var users, uses []float64
	least, most := math.Inf(1), 0.0
	for _, st := range s.stages {
		rate, use := 0.0, 0.0
		for i := range st.Actions {
			if copies(st.Actions[i].Action) {
				rate += st.Actions[i].Rate
			}
		}
		for i := range st.Resources {
			if slices.Contains(first.members, st.Resources[i].Name) {
				use += st.Resources[i].InUse
			}
		}
		least, most = math.Min(least, rate), math.Max(most, rate)
		users, uses = append(users, float64(st.Users)), append(uses, use)
	}
	if least < 0.5*most {
		return
	}
	always, deviation := intercept(users, uses)
	top := uses[len(uses)-1]
	if part := always / top; part >= copyUse && always > 2*deviation {
		weight := float64(weightCopyAlways)
		if len(s.stages) == 2 { // a line through two points has no doubt of its own
			weight = weightCopyTwo
		}
		at := s.over()
		h.Subject = first.Subject
		h.add(weight, s.series(first.members[0], "in_use"), at, "because-copy-always", share(part), first.Subject, round(least))
		h.inherit(resources, first.members, s.series(first.members[0], "in_use", "limit"), at)
	}
}

// intercept is the value at 0 of the straight line of least squares, with its standard error, which is 0 for two points.
func intercept(x, y []float64) (value, deviation float64) {
	n := float64(len(x))
	value, slope := stat.LinearRegression(x, y, nil, false)
	mean, spread, rest := stat.Mean(x, nil), 0.0, 0.0
	for i := range x {
		spread += (x[i] - mean) * (x[i] - mean)
		e := y[i] - value - slope*x[i]
		rest += e * e
	}
	if n < 3 || spread == 0 {
		return value, 0
	}
	return value, math.Sqrt(rest / (n - 2) * (1/n + mean*mean/spread))
}
