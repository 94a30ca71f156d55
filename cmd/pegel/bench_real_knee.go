package main

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"pegel/internal/archive"
	"pegel/internal/capacity"
	"pegel/internal/judge"
)

const (
	kneeBlock = 2   // intervals resampled as one: seconds, more than a request or a session lasts
	kneeDraws = 500 // of the bootstrap
)

// tally counts responses, and those above the objective's limit.
type tally struct{ over, total float64 }

// kneeStage is what one load showed.
type kneeStage struct {
	users  float64
	blocks []tally
}

// tallies cuts the valid holds of a run into blocks and counts an action's responses above the limit in each.
func tallies(run *archive.Run, result *judge.Result, o *judge.ObjectiveResult) ([]kneeStage, error) {
	action, personas := slices.Index(run.Meta.Actions, o.Action), len(run.Meta.Personas)
	var stages []kneeStage
	for i := range result.Stages {
		if result.Stages[i].Valid {
			stages = append(stages, kneeStage{users: float64(result.Stages[i].Users)})
		}
	}
	seen := 0
	var open tally
	at := -1 // the stage that open belongs to
	flush := func() {
		if at >= 0 && open.total > 0 {
			stages[at].blocks = append(stages[at].blocks, open)
		}
		seen, open = 0, tally{}
	}
	for in, err := range run.Intervals() {
		if err != nil {
			return nil, err
		}
		k := stageOf(result, in.Start.Seconds(), in.End.Seconds())
		if k != at {
			flush()
			at = k
		}
		if k < 0 {
			continue
		}
		for _, s := range in.Series[action*personas : (action+1)*personas] {
			if s != nil {
				n := float64(s.Response.Total)
				open.total += n
				open.over += s.Response.ShareAbove(o.Limit) * n
			}
		}
		if seen++; seen == kneeBlock {
			flush()
		}
	}
	flush()
	return slices.DeleteFunc(stages, func(s kneeStage) bool { return len(s.blocks) == 0 }), nil
}

// stageOf is the valid stage, counted among the valid ones, in whose hold a time lies; −1: none.
func stageOf(result *judge.Result, from, to float64) int {
	const slack = 0.1 // seconds; holds and intervals end by timers of their own
	k := 0
	for i := range result.Stages {
		st := &result.Stages[i]
		if !st.Valid {
			continue
		}
		if from >= st.Start.Seconds()-slack && to <= st.End.Seconds()+slack {
			return k
		}
		k++
	}
	return -1
}

// knee is the load at which the share of responses above the limit passes what is allowed, interpolated between stages,
// with a 90 % interval by a bootstrap over stages and blocks within them: a stage may have been disturbed as a whole, by
// whatever else the machine did. side is −1 where even the lowest stage is above, +1 where even the highest is below;
// there is no knee then.
func knee(stages []kneeStage, allowed float64, seed uint64) (found capacity.Interval, side int) {
	stages = slices.Clone(stages)
	slices.SortStableFunc(stages, func(a, b kneeStage) int { return cmp.Compare(a.users, b.users) })
	var whole []kneeStage
	for _, s := range stages {
		whole = append(whole, kneeStage{s.users, []tally{sum(s.blocks)}})
	}
	if found.P50, side = crossing(whole, allowed); side != 0 {
		return capacity.Interval{}, side
	}
	rng := rand.New(rand.NewPCG(seed, 5))
	draws := make([]float64, kneeDraws)
	for d := range draws {
		picked := make([]int, len(stages))
		for i := range picked {
			picked[i] = rng.IntN(len(stages))
		}
		slices.Sort(picked)
		drawn := whole[:0:0]
		for _, i := range picked {
			blocks := make([]tally, len(stages[i].blocks))
			for k := range blocks {
				blocks[k] = stages[i].blocks[rng.IntN(len(blocks))]
			}
			drawn = append(drawn, kneeStage{stages[i].users, []tally{sum(blocks)}})
		}
		x, beyond := crossing(drawn, allowed)
		switch { // not enclosed by the stages of this draw: somewhere beyond the last one of them that there is
		case beyond < 0:
			x = drawn[0].users
		case beyond > 0:
			x = drawn[len(drawn)-1].users
		}
		draws[d] = x
	}
	slices.Sort(draws)
	found.P05, found.P95 = math.Min(draws[kneeDraws/20], found.P50), math.Max(draws[kneeDraws-1-kneeDraws/20], found.P50)
	return found, 0
}

func sum(blocks []tally) tally {
	var s tally
	for _, b := range blocks {
		s.over += b.over
		s.total += b.total
	}
	return s
}

// crossing makes the shares rise with load (pool adjacent violators) and interpolates their log odds, which are nearly
// linear in the log of the load near a knee. Stages are in the order of their loads and have one block each; those of one
// load count together.
func crossing(stages []kneeStage, allowed float64) (users float64, side int) {
	var loads, shares, weights []float64
	var at tally
	for i, s := range stages {
		at.over += s.blocks[0].over
		at.total += s.blocks[0].total
		if i+1 < len(stages) && stages[i+1].users == s.users {
			continue
		}
		loads = append(loads, s.users)
		shares = append(shares, (at.over+0.5)/(at.total+1)) // never 0 or 1, whose log odds are infinite
		weights = append(weights, at.total+1)
		at = tally{}
	}
	rising, err := capacity.Isotonic(shares, weights, false)
	if err != nil || len(rising) == 0 { // all values are finite: no error
		return 0, 1
	}
	if rising[0] >= allowed {
		return 0, -1
	}
	odds := func(p float64) float64 { return math.Log(p / (1 - p)) }
	for i := 1; i < len(rising); i++ {
		if rising[i] < allowed {
			continue
		}
		low, high := odds(rising[i-1]), odds(rising[i])
		t := (odds(allowed) - low) / (high - low)
		return loads[i-1] * math.Pow(loads[i]/loads[i-1], t), 0
	}
	return 0, 1
}
