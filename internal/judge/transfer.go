package judge

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"pegel/internal/capacity"
	"pegel/scenarios"
)

// transfer is the step from a staging environment to production.
type transfer struct {
	declared  bool
	changes   []capacity.Change
	sigma     float64  // standard deviation that the step adds to the logarithm of the capacity
	untouched []string // resources of no kind that the transfer names: taken as on staging
}

// declaredTransfer reads the scenario's transfer. The limits of a kind's resources grow with its machines, and those of
// its processors with their cores too.
func (r *reading) declaredTransfer() transfer {
	e := r.scenario.Environment
	if e.Role != "staging" || e.Transfer == nil {
		return transfer{}
	}
	t := transfer{declared: true, sigma: scenarios.DefaultUncertainty}
	if e.Transfer.Uncertainty != nil {
		t.sigma = *e.Transfer.Uncertainty
	}
	r.resources(func(page string, res scenarios.Resource) {
		factor, found := 1.0, false
		scale := func(production, measured map[string]int) {
			for _, kind := range slices.Sorted(maps.Keys(production)) {
				if measured[kind] > 0 && belongs(kind, page, res) {
					factor *= float64(production[kind]) / float64(measured[kind])
					found = true
				}
			}
		}
		scale(e.Transfer.Nodes, e.Nodes)
		if res.Kind == "cpu" {
			scale(e.Transfer.Cores, e.Cores)
		}
		if !found {
			t.untouched = append(t.untouched, res.Name)
			return
		}
		t.changes = append(t.changes, capacity.Change{Resource: res.Name, Times: factor})
	})
	return t
}

// resources calls f for each observed resource, once for each name.
func (r *reading) resources(f func(page string, res scenarios.Resource)) {
	var seen []string
	for _, page := range r.scenario.Observe {
		for _, res := range page.Resources {
			if !slices.Contains(seen, res.Name) {
				seen = append(seen, res.Name)
				f(page.Name, res)
			}
		}
	}
}

// belongs tells whether a resource is one of a kind of machines: by its name or how that begins, its group or its page.
func belongs(kind, page string, res scenarios.Resource) bool {
	if kind == res.Name || kind == res.Group || kind == page {
		return true
	}
	rest, ok := strings.CutPrefix(res.Name, kind)
	next, _ := utf8.DecodeRuneInString(rest)
	return ok && !unicode.IsLetter(next)
}

// widen lets a forecast's interval grow by a log-normal uncertainty.
func widen(f *capacity.Forecast, sigma float64, rng *rand.Rand) {
	if sigma == 0 {
		return
	}
	for i := range f.Draws {
		f.Draws[i] *= math.Exp(sigma * rng.NormFloat64())
	}
	slices.Sort(f.Draws)
	f.Users = widened(f.Users, sigma)
	for i := range f.Resources {
		f.Resources[i].Users = widened(f.Resources[i].Users, sigma)
	}
	for i := range f.Objectives {
		f.Objectives[i].Users = widened(f.Objectives[i].Users, sigma)
	}
}

// widened adds independent log-normal errors: the distances of the ends from the median, on the logarithmic scale, grow
// like the sides of a right triangle. 1.645 standard deviations make a 90 % interval.
func widened(i capacity.Interval, sigma float64) capacity.Interval {
	if i.P05 <= 0 || i.P50 <= 0 {
		return i
	}
	add := 1.645 * sigma
	return capacity.Interval{
		P05: i.P50 * math.Exp(-math.Hypot(math.Log(i.P50/i.P05), add)),
		P50: i.P50,
		P95: i.P50 * math.Exp(math.Hypot(math.Log(i.P95/i.P50), add)),
	}
}
