package judge

import (
	"math"
	"math/rand/v2"
	"slices"

	"pegel/internal/capacity"
	"pegel/scenarios"
)

// premise is what a forecast assumes to differ from what was measured; the zero premise is the platform as it is.
type premise struct {
	changes  []capacity.Change
	copy     *float64                   // copy operations per second; nil: as measured
	activity map[string]scenarios.Share // nil: the scenario's
	draws    int                        // bootstrap draws; 0: as the options say
}

// predict makes the forecast of one situation under a premise. A change without counters to apply it to leaves the
// forecast undetermined.
func (r *reading) predict(p premise, s situation) *capacity.Forecast {
	if !s.why.Empty() {
		return &capacity.Forecast{Why: s.why, Method: "none"}
	}
	opt := capacity.Options{Blind: r.opt.Blind, Draws: r.opt.Draws, Seed: r.out.Meta.Seed, Copy: p.copy, Mix: r.mixed(p), Surge: s.surge, Observed: r.opt.Observed}
	if p.draws > 0 {
		opt.Draws = p.draws
	}
	if s.name == BusyHour && len(p.changes) == 0 && p.copy == nil && p.activity == nil {
		opt.Levels = ThresholdShares
	}
	opt.Changes = slices.Concat(r.transfer.changes, p.changes, s.changes)
	f := capacity.Predict(r.in, opt)
	if f.Determined {
		r.unsupported(f, slices.Concat(p.changes, s.changes))
	}
	if r.transfer.declared {
		widen(f, r.transfer.sigma, rand.New(rand.NewPCG(opt.Seed, 2)))
	}
	return f
}

// unsupported takes back a forecast that was to follow from a change of something that no counter shows.
func (r *reading) unsupported(f *capacity.Forecast, changes []capacity.Change) {
	if len(changes) == 0 {
		return
	}
	if f.Method != "counters" {
		f.Determined, f.Why = false, Say("change-without-counters")
		return
	}
	for _, w := range f.Warnings {
		if w.Code != "counter-missing" || len(w.Args) == 0 {
			continue
		}
		for _, c := range changes {
			if name, ok := w.Args[0].(string); ok && (name == c.Resource || r.group(name) == c.Resource) {
				f.Determined, f.Why = false, Say("change-unseen", name)
			}
		}
	}
}

// group is the group of a resource, empty where it has none.
func (r *reading) group(resource string) string {
	for _, page := range r.scenario.Observe {
		for _, res := range page.Resources {
			if res.Name == resource {
				return res.Group
			}
		}
	}
	return ""
}

// shares is the activity by persona under a premise.
func (r *reading) shares(p premise) map[string]scenarios.Share {
	if p.activity != nil {
		return p.activity
	}
	return r.scenario.Activity.ByPersona
}

// active lists the personas of the active users, sorted.
func (r *reading) active() []string {
	var names []string
	for name := range r.scenario.Activity.ByPersona {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// mixed is the share of each persona among the active users under a premise; nil where it is as in the scenario, which is
// the case too where all shares grow or shrink alike.
func (r *reading) mixed(p premise) []float64 {
	if p.activity == nil {
		return nil
	}
	was, is := mixOf(r.active(), r.scenario.Activity.ByPersona), mixOf(r.active(), p.activity)
	for i := range is {
		if math.Abs(is[i]-was[i]) > 1e-6 {
			return is
		}
	}
	return nil
}

func mixOf(names []string, shares map[string]scenarios.Share) []float64 {
	mix := make([]float64, len(names))
	var sum float64
	for i, name := range names {
		mix[i] = shares[name].Mid()
		sum += mix[i]
	}
	for i := range mix {
		if sum > 0 {
			mix[i] /= sum
		}
	}
	return mix
}

// activityDraws is how many times the activity is drawn from its range.
const activityDraws = 2000

// drawActivity draws the active users of one account, that many times.
func drawActivity(names []string, shares map[string]scenarios.Share, rng *rand.Rand) []float64 {
	list := make([]float64, activityDraws)
	for i := range list {
		for _, name := range names {
			s := shares[name]
			list[i] += s.Low + (s.High-s.Low)*rng.Float64()
		}
		if list[i] == 0 {
			list[i] = 1
		}
	}
	return list
}

// inAccounts turns a capacity in active users into one in accounts, by the activity.
func inAccounts(draws, activity []float64, rng *rand.Rand) capacity.Interval {
	if len(draws) == 0 {
		return capacity.Interval{}
	}
	accounts := make([]float64, len(activity))
	for i := range accounts {
		accounts[i] = draws[rng.IntN(len(draws))] / activity[i]
	}
	slices.Sort(accounts)
	n := len(accounts)
	return capacity.Interval{P05: accounts[n*5/100], P50: accounts[n/2], P95: accounts[n*95/100]}
}

// spreadOfLog is the variance of the logarithm.
func spreadOfLog(v []float64) float64 {
	var sum, squares float64
	for _, x := range v {
		l := math.Log(math.Max(x, 1e-12))
		sum += l
		squares += l * l
	}
	n := math.Max(float64(len(v)), 1)
	return math.Max(squares/n-sum/n*sum/n, 0)
}

func mean(v []float64) float64 {
	var sum float64
	for _, x := range v {
		sum += x
	}
	return sum / math.Max(float64(len(v)), 1)
}
