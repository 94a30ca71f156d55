package capacity

import (
	"math"
	"slices"
)

// Observation is how the platform did in real use for one period, in which it had so many active users.
type Observation struct {
	Users float64 // at most 1e6; a period without users says nothing
	Held  bool    // every objective, for the whole period
}

// confirming is how many periods at or above a load must have held before it counts as shown to hold: one lucky hour proves
// little.
const confirming = 3

// impossible is what of the observations cannot be, or empty.
func impossibleObservation(list []Observation) string {
	for _, o := range list {
		if !possible(o.Users) || o.Users > mostUsers {
			return "observed users"
		}
	}
	return ""
}

// join puts what was observed beside what the stages show, and says what that moved. shown are the loads of the stages in
// which every objective held. One period in which an objective was broken is enough to bring the broken load down to it; what
// held at that load or above it contradicts it and counts for nothing.
func (f *Forecast) join(staged brokenAt, shown []float64, list []Observation) brokenAt {
	b, rows := staged, 0
	var held []float64
	for _, o := range list {
		switch {
		case o.Users <= 0:
			continue
		case o.Held:
			held = append(held, o.Users)
		case b.at == 0 || o.Users < b.at:
			b = brokenAt{at: o.Users, observed: true}
		}
		rows++
	}
	if rows == 0 {
		return staged
	}
	lower, against := 0.0, 0
	below := func(loads []float64) (kept []float64) {
		for _, users := range loads {
			if b.at > 0 && users >= b.at {
				against++
			} else {
				kept = append(kept, users)
			}
		}
		return kept
	}
	if shown = below(shown); len(shown) > 0 {
		lower = slices.Max(shown)
	}
	if held = below(held); len(held) >= confirming {
		slices.Sort(held)
		if at := held[len(held)-confirming]; at > lower {
			lower, f.observed = at, true
		}
	}
	f.Joined = f.moved(rows, lower, b)
	f.Lower, f.BrokenAt = lower, b.at
	if against > 0 {
		f.warn("observed-contradicts", b.at, against)
	}
	return b
}

// moved says how many observations joined, and what they changed.
func (f *Forecast) moved(rows int, lower float64, b brokenAt) Message {
	held, broken := Say("observed-held-same", lower), Say("observed-broken-none")
	if lower != f.Lower {
		held = Say("observed-held-to", f.Lower, lower)
	}
	switch {
	case b.observed && f.BrokenAt > 0:
		broken = Say("observed-broken-to", f.BrokenAt, b.at)
	case b.observed:
		broken = Say("observed-broken", b.at)
	case b.at > 0:
		broken = Say("observed-broken-same", b.at)
	}
	return Say("observed-joined", rows, held, broken)
}

// aboveModel warns where a load that was observed to hold lies above all that the model thinks likely, by the draws as they
// were before they were held to the facts.
func (p *prediction) aboveModel(free []float64) {
	if !p.out.observed || p.opt.supposes() || len(free) == 0 {
		return
	}
	free = slices.Clone(free)
	slices.Sort(free)
	if high := quantiles(free).P95; p.out.Lower > high {
		p.out.warn("observed-above", p.out.Lower, math.Round(high))
	}
}
