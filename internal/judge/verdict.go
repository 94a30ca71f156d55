package judge

import (
	"math"
	"math/rand/v2"
	"slices"

	"pegel/internal/capacity"
)

// The words of a verdict.
const (
	Go      = "go"
	Caution = "caution"
	NoGo    = "no-go"
)

// assessment is the forecast of every situation under one premise.
type assessment struct {
	r          *reading
	situations []situation
	forecasts  []*capacity.Forecast // by situation
	activity   []float64            // draws of active users for each account
	measured   bool                 // of the platform as it is: what was measured in situations counts
}

// assess forecasts all situations. Where the busy hour is not determined, no other one is looked at: it would not be
// either, and for the same reason.
func (r *reading) assess(p premise) *assessment {
	a := &assessment{r: r, situations: r.situations(), measured: len(p.changes) == 0 && p.copy == nil && !r.transfer.declared}
	a.activity = drawActivity(r.active(), r.shares(p), r.rng())
	for i, s := range a.situations {
		if i > 0 && !a.forecasts[0].Determined {
			a.forecasts = append(a.forecasts, &capacity.Forecast{Why: a.forecasts[0].Why, Method: "none"})
			continue
		}
		a.forecasts = append(a.forecasts, r.predict(p, s))
	}
	return a
}

// rng is a generator of its own for each question, so that one does not change the answer to another.
func (r *reading) rng() *rand.Rand { return rand.New(rand.NewPCG(r.out.Meta.Seed, 1)) }

// estimate is the capacity in one situation.
func (a *assessment) estimate(i int) Estimate {
	f := a.forecasts[i]
	e := Estimate{Determined: f.Determined, Why: f.Why}
	if f.Determined {
		e.Users, e.Accounts, e.Limit = f.Users, inAccounts(f.Draws, a.activity, a.r.rng()), limitOf(f)
	}
	return e
}

func limitOf(f *capacity.Forecast) Limit {
	if f.First.Action == "" && f.First.Resource == "" && f.First.Objective.Name == "" {
		return Limit{}
	}
	return Limit{Objective: f.First.Objective.Name, Action: f.First.Action, Resource: f.First.Resource, Probability: f.First.Probability}
}

func (a *assessment) list() []SituationForecast {
	var list []SituationForecast
	for i, s := range a.situations {
		one := SituationForecast{Name: s.name, Estimate: a.estimate(i)}
		if a.measured && i > 0 {
			one.Played = a.r.measuredIn(s.name)
		}
		list = append(list, one)
	}
	return list
}

// chance is the probability that every objective holds with that many accounts, or active users where share is nil. Where
// not one draw broke it is as good as the number of draws allows, not 1.
func chance(draws []float64, number float64, share []float64, rng *rand.Rand) float64 {
	if len(draws) == 0 {
		return 0
	}
	ok, n := 0, activityDraws
	for i := range n {
		users := number
		if share != nil {
			users *= share[i]
		}
		if users <= draws[rng.IntN(len(draws))] {
			ok++
		}
	}
	return math.Min(float64(ok)/float64(n), 1-1/float64(2*len(draws)))
}

// judge fills in the verdict on a batch: the worst one of all situations.
func (a *assessment) judge(v *BatchVerdict) {
	r, busy := a.r, a.forecasts[0]
	v.Users = float64(v.After) * mean(a.activity)
	whys := make([]Message, len(a.situations)) // by what was measured, where that decides
	for i, s := range a.situations {
		one := SituationVerdict{Name: s.name, Unknown: !a.forecasts[i].Determined, Verdict: Caution}
		if !one.Unknown {
			one.POK = chance(a.forecasts[i].Draws, float64(v.After), a.activity, a.r.rng())
			one.Verdict = r.word(one.POK)
		}
		if i > 0 {
			whys[i] = a.asMeasured(&one, v)
		}
		v.Situations = append(v.Situations, one)
	}
	if !busy.Determined {
		r.withoutCapacity(v, busy, a.activity)
		for i := range v.Situations {
			if s := &v.Situations[i]; s.Verdict == NoGo && !whys[i].Empty() {
				v.Verdict, v.Situation, v.Why = NoGo, s.Name, whys[i]
			}
		}
		return
	}
	worst := 0
	for i := range v.Situations {
		if v.Situations[i].worse(&v.Situations[worst]) {
			worst = i
		}
		if !v.Situations[i].Unknown && (i == 0 || v.Situations[i].POK < v.POK) {
			v.POK = v.Situations[i].POK
		}
	}
	s, f := &v.Situations[worst], a.forecasts[worst]
	v.Situation, v.Verdict = s.Name, s.Verdict
	limit := limitOf(f)
	v.Action, v.Resource = limit.Action, limit.Resource
	switch {
	case !whys[worst].Empty():
		v.Why = whys[worst]
	case s.Unknown:
		v.Why = Say("situation-unknown", s.Name, f.Why)
	case worst > 0:
		v.Why = Say("users-expected-in", v.Users, f.Users, s.Name)
	default:
		v.Why = Say("users-expected", v.Users, f.Users)
	}
	for _, reason := range r.reservations() {
		if v.Verdict == Go {
			v.Verdict = Caution
			v.Why = Say("held-back", v.Why, reason)
		}
	}
}

// worse orders verdicts: no-go, then caution, then go; of equal ones the less probable, one that is not known first.
func (s *SituationVerdict) worse(t *SituationVerdict) bool {
	order := []string{Go, Caution, NoGo}
	a, b := slices.Index(order, s.Verdict), slices.Index(order, t.Verdict)
	switch {
	case a != b:
		return a > b
	case s.Unknown != t.Unknown:
		return s.Unknown
	}
	return !s.Unknown && s.POK < t.POK
}

// word is the verdict that belongs to a probability.
func (r *reading) word(pok float64) string {
	t := r.scenario.Verdict()
	switch {
	case pok >= t.Go:
		return Go
	case pok <= t.NoGo:
		return NoGo
	}
	return Caution
}

// withoutCapacity judges a batch where the capacity is not determined: what is broken already may not come, and the
// rest is caution; for a batch inside what was shown to hold the reason says so. What staging showed says nothing of
// production.
func (r *reading) withoutCapacity(v *BatchVerdict, f *capacity.Forecast, activity []float64) {
	v.Unknown = true
	switch {
	case !r.transfer.declared && f.BrokenAt > 0 && float64(v.After)*slices.Min(activity) >= f.BrokenAt:
		v.Verdict, v.Why = NoGo, Say("broken-below", f.BrokenAt)
	case !r.transfer.declared && f.Lower > 0 && float64(v.After)*slices.Max(activity) <= f.Lower:
		v.Verdict, v.Why = Caution, Say("shown-to-hold", f.Lower)
	default:
		v.Verdict, v.Why = Caution, Say("capacity-unknown", f.Why)
	}
}

// reservations are reasons why no batch gets more than caution.
func (r *reading) reservations() []Message {
	var why []Message
	if r.scenario.Activity.Source == "" && len(r.scenario.Activity.ByPersona) > 0 {
		why = append(why, Say("activity-without-source"))
	}
	if r.scenario.Wave.Live == 0 && (r.opt.NextBatch > 0 || r.opt.Plan != nil) {
		why = append(why, Say("live-not-given"))
	}
	if r.scenario.Environment.Role == "staging" {
		switch {
		case !r.transfer.declared:
			why = append(why, Say("run-on-staging"))
		case len(r.transfer.changes) == 0 || r.out.Forecast.Method != "counters":
			why = append(why, Say("transfer-without-counters"))
		}
	}
	for _, w := range r.out.Warnings {
		if w.Code == "counter-missing" || w.Code == "limit-below-use" || w.Code == arrivalsNotStarted {
			why = append(why, w)
		}
	}
	if r.out.Generator.Verdict == "invalid" {
		why = append(why, Say("generator-bottleneck"))
	}
	return why
}
