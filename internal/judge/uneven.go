package judge

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"pegel/internal/capacity"
	"pegel/internal/record"
)

// Backends are unevenly used where chance would spread the users so with a probability below unevenChance, and the busiest
// one has more than unevenFactor times its equal share: with thousands of users every difference is beyond chance, and
// small ones do no harm.
const (
	unevenChance = 0.001
	unevenFactor = 1.2
)

// uneven is one protocol whose backends do unequal shares of the work.
type uneven struct {
	busiest          string
	backends         int
	share, low, high float64 // of the busiest, with its 95 % interval
}

// tellUneven warns once for each protocol, of the valid stage with the most users. A backend that answered nobody does not
// appear, as it does not in the platform's answers.
func (r *reading) tellUneven(stages []stageDimensions) {
	most := map[string]int{} // stage by actions
	for i := range stages {
		for _, row := range stages[i].views[record.KindBackend] {
			if at, known := most[row.Actions]; r.out.Stages[i].Valid && (!known || r.out.Stages[i].Users >= r.out.Stages[at].Users) {
				most[row.Actions] = i
			}
		}
	}
	for _, actions := range kinds(most) {
		at := most[actions]
		rows := slices.DeleteFunc(slices.Clone(stages[at].views[record.KindBackend]), func(row DimensionRow) bool { return row.Actions != actions })
		if found, ok := unevenly(rows, r.usersOf(at, actions)); ok {
			r.warn("uneven-backends", actions, r.out.Stages[at].Users, found.busiest, permille(found.share), permille(found.low),
				permille(found.high), permille(1/float64(found.backends)), found.backends, capacity.Share(unevenChance))
		}
	}
}

// permille is a share as it is said.
func permille(share float64) capacity.Share { return capacity.Share(math.Round(share*1000) / 1000) }

// usersOf is how many active users of a stage have personas that do such actions.
func (r *reading) usersOf(stage int, actions string) float64 {
	st := &r.out.Stages[stage]
	var names []string
	for _, a := range st.ByPersona {
		if Matches(actions, a.Action) && a.Count > 0 && !slices.Contains(names, a.Persona) {
			names = append(names, a.Persona)
		}
	}
	all := r.active()
	var users float64
	for i, n := range r.mix(st, all) {
		if slices.Contains(names, all[i]) {
			users += n
		}
	}
	return users
}

// unevenly holds the shares of the backends against equal ones by Pearson's chi-square test. What is drawn independently is
// the user, because a route cookie keeps all that a user does on one backend; where nothing does, the test is on the safe
// side. The interval is Wilson's for one share.
func unevenly(rows []DimensionRow, users float64) (uneven, bool) {
	var total float64
	for _, row := range rows {
		total += float64(row.Count)
	}
	n, k := math.Min(users, total), float64(len(rows))
	if len(rows) < 2 || n/k < 5 { // the approximation by chi-square needs 5 expected of each
		return uneven{}, false
	}
	var out uneven
	statistic := 0.0
	for _, row := range rows {
		if row.Name == record.Other { // which are many
			return uneven{}, false
		}
		share := float64(row.Count) / total
		statistic += n * (share - 1/k) * (share - 1/k) * k
		if share > out.share {
			out.share, out.busiest = share, row.Name
		}
	}
	if out.share < unevenFactor/k || (distuv.ChiSquared{K: k - 1}).Survival(statistic) >= unevenChance {
		return uneven{}, false
	}
	const z = 1.959964 // quantile 0.975 of the normal distribution
	middle := (out.share + z*z/(2*n)) / (1 + z*z/n)
	half := z / (1 + z*z/n) * math.Sqrt(out.share*(1-out.share)/n+z*z/(4*n*n))
	out.low, out.high, out.backends = middle-half, middle+half, len(rows)
	return out, true
}
