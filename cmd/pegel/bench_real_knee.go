package main

import (
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
// with a 90 % interval by a bootstrap over blocks. side is −1 where even the lowest stage is above, +1 where even the
// highest is below; there is no knee then.
func knee(stages []kneeStage, allowed float64, seed uint64) (found capacity.Interval, side int) {
	whole := make([]tally, len(stages))
	for i := range stages {
		for _, b := range stages[i].blocks {
			whole[i].over += b.over
			whole[i].total += b.total
		}
	}
	if found.P50, side = crossing(stages, whole, allowed); side != 0 {
		return capacity.Interval{}, side
	}
	rng := rand.New(rand.NewPCG(seed, 5))
	draws := make([]float64, kneeDraws)
	drawn := make([]tally, len(stages))
	for d := range draws {
		clear(drawn)
		for i := range stages {
			blocks := stages[i].blocks
			for range blocks {
				b := blocks[rng.IntN(len(blocks))]
				drawn[i].over += b.over
				drawn[i].total += b.total
			}
		}
		x, beyond := crossing(stages, drawn, allowed)
		switch { // the knee lies outside of the stages in this draw: no further than their ends are known
		case beyond < 0:
			x = stages[0].users
		case beyond > 0:
			x = stages[len(stages)-1].users
		}
		draws[d] = x
	}
	slices.Sort(draws)
	found.P05, found.P95 = math.Min(draws[kneeDraws/20], found.P50), math.Max(draws[kneeDraws-1-kneeDraws/20], found.P50)
	return found, 0
}

// crossing makes the shares rise with load (pool adjacent violators) and interpolates their log odds, which are nearly
// linear in the log of the load near a knee. Stages are in the order of their loads.
func crossing(stages []kneeStage, counted []tally, allowed float64) (users float64, side int) {
	if len(stages) == 0 {
		return 0, 1
	}
	shares, weights := make([]float64, len(counted)), make([]float64, len(counted))
	for i, c := range counted {
		shares[i], weights[i] = (c.over+0.5)/(c.total+1), c.total+1 // never 0 or 1, whose log odds are infinite
	}
	rising, err := capacity.Isotonic(shares, weights, false)
	if err != nil || rising[0] >= allowed { // weights and shares are finite: no error
		return 0, -1
	}
	odds := func(p float64) float64 { return math.Log(p / (1 - p)) }
	for i := 1; i < len(rising); i++ {
		if rising[i] < allowed {
			continue
		}
		low, high := odds(rising[i-1]), odds(rising[i])
		t := (odds(allowed) - low) / (high - low)
		return stages[i-1].users * math.Pow(stages[i].users/stages[i-1].users, t), 0
	}
	return 0, 1
}
