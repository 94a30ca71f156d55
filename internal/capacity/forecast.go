package capacity

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Options of a forecast.
type Options struct {
	Draws int    // bootstrap draws; default 500
	Seed  uint64 // of the bootstrap; the same data and seed give the same forecast
	// Blind leaves the counters out, as if the platform gave none.
	Blind bool

	// What the forecast assumes where it differs from what was measured.
	Copy    *float64  // copy operations per second; nil: the most measured
	Fresh   *float64  // accounts switched over within the last 24 h; nil: they are not told from other users
	Mix     []float64 // share of each persona among the active users; nil: as measured
	Changes []Change  // resources as they would be
	Surge   []float64 // by action: further actions per second and active user, over and above the steady ones

	// Observed are facts from real use of the platform that was measured. A load at or above which three periods held is shown
	// to hold; a period in which an objective was broken gives the load at which one breaks, if none was broken lower.
	Observed []Observation

	// Levels are the shares of the capacity, in (0, 1], at which each resource's own metrics are worked out; nil: none.
	Levels []float64

	lower float64 // highest load shown to hold
}

// Forecast is the load at which each objective breaks.
type Forecast struct {
	Determined bool
	Why        Message // where not determined
	Method     string  // "counters", "in-flight" or "none"
	Users      Interval
	Draws      []float64 // of Users, sorted
	BrokenAt   float64   // lowest load at which an objective was found broken; 0: none
	Lower      float64   // highest load at which every objective was shown to hold; 0: none
	Measured   float64   // highest load measured
	Joined     Message   // what Options.Observed moved; empty: nothing was observed
	First      First
	Objectives []ObjectiveForecast
	Resources  []ResourceForecast // by falling probability
	Curve      []CurvePoint
	CurveOf    ObjectiveRef
	Warnings   []Message // doubts that travel with the forecast

	observed bool // Lower comes from Options.Observed
}

// First is what gives way first, with the share of draws that say so.
type First struct {
	ObjectiveRef
	Resource    string
	Probability float64
}

// ObjectiveRef names an objective of an action.
type ObjectiveRef struct {
	Action    string
	Objective Objective
}

// ObjectiveForecast is the load at which one objective of one action breaks; Known is false where nothing breaks it in
// sight.
type ObjectiveForecast struct {
	ObjectiveRef
	Known bool
	Users Interval
}

// ResourceForecast is one resource's part.
type ResourceForecast struct {
	Name, Kind  string
	Probability float64  // that it gives way first, in [0, 1]
	Known       bool     // Users is in sight
	Users       Interval // load at which it alone would break an objective
	Limit       float64  // in its own units
	Demand      float64  // seconds of use per visit
	Visits      float64  // per second and active user
	Levels      []Level  // by Options.Levels; nil where the resource is only inferred
}

// CurvePoint is the modelled quantile at one load, in seconds, with its 90 % interval.
type CurvePoint struct {
	Users          float64
	Low, Mid, High float64
}

// Model discrepancy, before the stages have had their say: what a right interval must have beyond sampling error, as the standard deviation of the relative
// error on simulated platforms. With counters the forecast misses by 2–5 %; the in-flight model by 5–20 %.
const (
	discrepancyCounters = 0.05
	discrepancyHidden   = 0.10
	discrepancyFlight   = 0.12
	// Without counters a limit that refuses, or holds, or overflows shows nothing before it is reached, and so a queue seen
	// from outside may be believed only where it is near: closer than the next one is likely to be.
	reachBlind = 1.32
	reach      = 4.0 // a forecast beyond so many times the highest measured load is none
)

// Predict makes the forecast. It never fails: where the input cannot carry one, the forecast is not determined and says why.
// The same input, options and seed give the same forecast, however many cores take part.
func Predict(in *Input, opt Options) *Forecast {
	if opt.Draws == 0 {
		opt.Draws = 500
	}
	f := &Forecast{Method: "none"}
	in, what := in.checked()
	if what == "" {
		what = impossibleObservation(opt.Observed)
	}
	if what != "" {
		f.notDetermined("impossible", what)
		return f
	}
	in.index()
	pairs := f.prepare(in)
	if !f.Why.Empty() {
		return f
	}
	p := &prediction{in: in, opt: opt, out: f, pairs: pairs, rng: rand.New(rand.NewPCG(opt.Seed, 0x706567656c))}
	staged, shown := f.measured(in, pairs)
	p.broken = f.join(staged, shown, opt.Observed)
	opt.lower, p.opt.lower = f.Lower, f.Lower
	if p.broken.at > 0 && f.Lower == 0 {
		if p.broken.ref.Action == "" { // an objective of all actions together
			f.notDetermined("all-broken-from-the-start", p.broken.ref.Objective, p.broken.at)
		} else {
			f.notDetermined("broken-from-the-start", p.broken.ref.Objective, p.broken.ref.Action, p.broken.at)
		}
		if p.broken.observed {
			f.notDetermined("observed-broken-first", p.broken.at)
		}
		f.Warnings = append(f.Warnings, f.Why)
		return f
	}
	if f.Lower == 0 {
		f.warn("nothing-shown")
	}
	if !opt.Blind && staged.at > 0 && hasCounters(condense(in, all(in), &opt)) {
		if in = in.below(staged.at); in.Stages[0].Users == in.Stages[len(in.Stages)-1].Users && !f.warned("one-load") {
			f.warn("one-load")
		}
	}
	if opt.Mix != nil && !in.MixVaries() {
		f.notDetermined("mix-not-varied")
		return f
	}
	if was := newSample(in, &opt).assumed.Copy; opt.Copy != nil && math.Abs(*opt.Copy-was) > 0.1*was && !in.copyVaries() {
		f.notDetermined("copy-not-varied")
		return f
	}
	fine := condense(in, all(in), &opt)
	in = in.merged()
	in.index()
	p.in = in
	whole := condense(in, all(in), &opt)
	switch {
	case !opt.Blind && hasCounters(whole):
		f.Method = "counters"
		p.missingCounters(whole)
		p.fewSamples(whole)
		p.modulations(fine)
		p.rise = whole.hidden()
		discrepancy := discrepancyCounters
		if len(p.slow) > 0 {
			discrepancy = discrepancyHidden
		}
		if p.rise.found {
			discrepancy = discrepancyHidden
			f.warn("hidden-queue")
		}
		p.run(p.learned(whole, discrepancy), f.Measured, func(s *sample, c choice) bool {
			if p.rise.found {
				s.reveal(p.rise, c)
			}
			return true
		})
		p.details()
	default:
		f.Method = "in-flight"
		f.warn("no-counters")
		clear := 0
		tries := 40
		for range tries {
			c := resample(in, p.rng)
			s := condenseBlind(in, c, &opt)
			if s.flight(c).clear() {
				clear++
			}
		}
		if clear < tries*95/100 && p.broken.at > 0 {
			f.notDetermined("between", f.Lower, p.broken.at)
			break
		}
		if clear < tries*95/100 {
			f.notDetermined("no-rise")
			break
		}
		p.run(discrepancyFlight, f.Measured, func(s *sample, c choice) bool {
			fit := s.flight(c)
			if !fit.ok {
				return false
			}
			s.withFlight(fit, c)
			return true
		})
		p.details()
	}
	p.conclude()
	return f
}

func condenseBlind(in *Input, c choice, opt *Options) *sample {
	s := newSample(in, opt)
	s.rates(c)
	s.bases(c)
	s.resources = make([]resourceFit, len(in.Resources))
	return s
}

func hasCounters(s *sample) bool {
	return slices.ContainsFunc(s.resources, func(f resourceFit) bool { return f.valid || f.linear })
}

func (f *Forecast) notDetermined(code string, args ...any) {
	f.Determined, f.Why = false, Say(code, args...)
}

func (f *Forecast) warned(code string) bool {
	return slices.ContainsFunc(f.Warnings, func(w Message) bool { return w.Code == code })
}

func (f *Forecast) warn(code string, args ...any) {
	f.Warnings = append(f.Warnings, Say(code, args...))
}

// prepare sorts the stages and lists the objectives to be judged.
func (f *Forecast) prepare(in *Input) []pair {
	if len(in.Stages) == 0 {
		f.notDetermined("no-stage")
		return nil
	}
	slices.SortStableFunc(in.Stages, func(a, b Stage) int {
		switch {
		case a.Users < b.Users:
			return -1
		case a.Users > b.Users:
			return 1
		}
		return 0
	})
	f.Measured = in.Stages[len(in.Stages)-1].Users
	var pairs []pair
	for a, action := range in.Actions {
		for _, o := range action.Objectives {
			pairs = append(pairs, pair{a, o})
		}
	}
	if in.Errors != nil {
		pairs = append(pairs, pair{-1, *in.Errors})
	}
	if len(pairs) == 0 {
		f.notDetermined("no-samples")
		return nil
	}
	if len(in.Stages) == 1 || in.Stages[0].Users == f.Measured {
		f.warn("one-load")
	}
	return pairs
}

// Probability is the probability that every objective holds at a load, as good as the draws are many and never quite 1. Where the
// capacity is not determined there is none (0), not even at a load that was seen to hold once.
func (f *Forecast) Probability(users float64) float64 {
	if !f.Determined || len(f.Draws) == 0 {
		return 0
	}
	at, _ := slices.BinarySearch(f.Draws, users)
	return math.Min(1-float64(at)/float64(len(f.Draws)), 1-1/float64(2*len(f.Draws)))
}
