package score

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Kind is where an outcome comes from.
type Kind string

// The kinds. Simulated ones say how well the mathematics fits its own assumptions, the others how well it fits the world;
// they are never added up.
const (
	LaterRun  Kind = "later run"
	Observed  Kind = "observed"
	Simulated Kind = "simulated"
)

// Observation is how the platform did at one time in real use.
type Observation struct {
	At          time.Time
	Users       float64
	Environment string  // "" : any
	Known, OK   bool    // OK counts where Known; else P95 is held against the forecast's own objective
	P95         float64 // seconds
}

// Outcome is what then happened: the capacity lay from Held on and below Broken.
type Outcome struct {
	Kind    Kind
	Held    float64 // highest load at which every objective held; 0: none
	Broken  float64 // lowest load at which one was broken; 0: none was
	Changed bool    // the scenario or the environment was another one than the forecast's
}

// Pair is a forecast and its outcome.
type Pair struct {
	Entry
	Outcome
}

// Pairs finds the outcome of each forecast. Of one run, each question counts once: with its last forecast before the
// outcome, because what is forecast afterwards is hindsight. A forecast has up to one outcome of each kind. unpaired are
// those without any.
func Pairs(entries []Entry, observed []Observation) (pairs []Pair, unpaired int) {
	entries = slices.Clone(entries)
	slices.SortStableFunc(entries, func(a, b Entry) int { return a.Time.Compare(b.Time) })
	runs := lastOf(entries)
	type asked struct {
		run string
		Question
	}
	var order []asked
	groups := map[asked][]Entry{}
	for _, e := range entries {
		k := asked{e.Run, e.Question}
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], e)
	}
	for _, k := range order {
		group := groups[k]
		found := false
		add := func(e Entry, o Outcome, ok bool) {
			if ok {
				pairs, found = append(pairs, Pair{e, o}), true
			}
		}
		if truth := truthOf(group); truth > 0 {
			add(group[0], Outcome{Kind: Simulated, Held: truth, Broken: math.Nextafter(truth, math.Inf(1))}, true)
		} else if !group[0].Simulated {
			e, o, ok := laterRun(group, runs)
			add(e, o, ok)
			e, o, ok = inUse(group, observed)
			add(e, o, ok)
		}
		if !found {
			unpaired++
		}
	}
	return pairs, unpaired
}

// lastOf are the runs, by what was last noted of each, in the order of their beginning.
func lastOf(entries []Entry) []Entry {
	at := map[string]int{}
	var runs []Entry
	for _, e := range entries {
		if e.Question.Blind || e.Measured.Max == 0 {
			continue
		}
		if i, ok := at[e.Run]; ok {
			runs[i] = e
			continue
		}
		at[e.Run] = len(runs)
		runs = append(runs, e)
	}
	slices.SortStableFunc(runs, func(a, b Entry) int { return cmp.Or(a.Started.Compare(b.Started), cmp.Compare(a.Run, b.Run)) })
	return runs
}

func truthOf(group []Entry) float64 {
	for _, e := range group {
		if e.Truth > 0 {
			return e.Truth
		}
	}
	return 0
}

// laterRun is the first run begun after a forecast that tells something about it: same scenario, same environment, and
// loads that reach the forecast.
func laterRun(group, runs []Entry) (Entry, Outcome, bool) {
	for _, run := range runs {
		e, ok := before(group, run.Started)
		if !ok || run.Run == e.Run || run.Simulated || run.Scenario != e.Scenario || run.Environment != e.Environment {
			continue
		}
		o := Outcome{Kind: LaterRun, Held: run.Measured.Held, Broken: run.Measured.Broken, Changed: run.Digest != e.Digest}
		if run.Measured.Max > e.Measured.Max && tells(e, o) {
			return e, o, true
		}
	}
	return Entry{}, Outcome{}, false
}

// inUse sums up what was observed after a forecast.
func inUse(group []Entry, observed []Observation) (Entry, Outcome, bool) {
	e := group[0] // what was observed is spread over time: only the first forecast is none in hindsight
	o := Outcome{Kind: Observed}
	for _, x := range observed {
		if !x.At.After(e.Time) || x.Environment != "" && x.Environment != e.Environment || !x.Known && e.P95Limit == 0 {
			continue
		}
		ok := x.OK
		if !x.Known {
			ok = x.P95 < e.P95Limit
		}
		switch {
		case ok:
			o.Held = math.Max(o.Held, x.Users)
		case o.Broken == 0 || x.Users < o.Broken:
			o.Broken = x.Users
		}
	}
	return e, o, tells(e, o)
}

// before is the last forecast of the group made before a time. Both are in whole seconds, as archives keep them.
func before(group []Entry, t time.Time) (Entry, bool) {
	for _, e := range slices.Backward(group) {
		if !e.Time.After(t) {
			return e, true
		}
	}
	return Entry{}, false
}

// tells tells whether an outcome says anything about a forecast: it reached the upper end of the interval, or a limit. A
// refusal is reached at its lower bound, a batch at its users.
func tells(e Entry, o Outcome) bool {
	if o.Broken > 0 {
		return true
	}
	if e.Determined && e.Users.P95 > 0 && o.Held > e.Users.P95 || !e.Determined && o.Held > 0 && o.Held >= e.LowerBound {
		return true
	}
	return slices.ContainsFunc(e.Batches, func(b Batch) bool { return b.Users > 0 && o.Held >= b.Users })
}

// reaches tells whether the outcome says where the capacity lies in respect of the interval.
func (p Pair) reaches() bool {
	return p.Determined && (p.Broken > 0 || p.Users.P95 > 0 && p.Held > p.Users.P95)
}

// covered tells whether the capacity can lie in the interval.
func (p Pair) covered() bool {
	low, high := p.Held, p.Broken
	if high > 0 && high < low { // now it held at more than what broke it: anything between
		low, high = high, low
	}
	return (p.Users.P95 == 0 || low <= p.Users.P95) && (high == 0 || high >= p.Users.P05)
}

// point is the outcome as one number.
func (p Pair) point() float64 {
	switch {
	case p.Held > 0 && p.Broken > 0:
		return math.Sqrt(p.Held * p.Broken)
	case p.Held > 0:
		return p.Held
	}
	return p.Broken
}

// held tells whether every objective held at a load; known is false where the outcome does not say.
func (p Pair) held(users float64) (ok, known bool) {
	switch {
	case p.Broken > 0 && p.Broken <= users:
		return false, true
	case p.Held >= users:
		return true, true
	}
	return false, false
}
