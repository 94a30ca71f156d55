package capacity

import "slices"

// Beyond these, numbers are mistakes: no platform has so many users, or so small a part of one, and no block holds so much, or
// so little of something.
const (
	mostUsers  = 1e6
	leastUsers = 1e-3
	mostCount  = 1e12
	leastCount = 1e-12
	mostRuns   = 1000
	leastBlock = 1e-3 // seconds; in a shorter block nothing can be measured
)

// possible tells whether a number can have been counted or measured.
func possible(values ...float64) bool {
	for _, v := range values {
		if v != 0 && !(v >= leastCount && v <= mostCount) {
			return false
		}
	}
	return true
}

// possible tells whether an objective can hold and can break.
func (o Objective) possible() bool {
	if o.Quantile == 0 {
		return o.Errors >= 0 && o.Errors <= 1
	}
	return o.Quantile > 0 && o.Quantile < 1 && o.Limit > 0 && possible(o.Limit)
}

// checked is the input without blocks of no length and stages of no block, in which the counters of a resource that cannot be
// are missing ones, and the first other thing in it that cannot be, empty if there is none.
func (in *Input) checked() (*Input, string) {
	for _, a := range in.Actions {
		for _, o := range a.Objectives {
			if !o.possible() {
				return in, "objective " + o.Name
			}
		}
	}
	if in.Errors != nil && !in.Errors.possible() {
		return in, "objective " + in.Errors.Name
	}
	for _, r := range in.Resources {
		if !possible(r.Population) || r.Population > 1.001 { // 1, but for rounding
			return in, "population of " + r.Name
		}
	}
	out := *in
	out.Stages = nil
	for _, st := range in.Stages {
		switch {
		case !possible(st.Users) || st.Users > mostUsers || st.Users > 0 && st.Users < leastUsers:
			return in, "users"
		case !possible(st.Copy):
			return in, "copy traffic"
		case !possible(st.Fresh):
			return in, "fresh accounts"
		case !possible(st.Mix...):
			return in, "mix"
		case st.Run < 0 || st.Run >= mostRuns:
			return in, "run"
		}
		blocks := st.Blocks
		st.Blocks = nil
		for _, b := range blocks {
			if !possible(b.Seconds) {
				return in, "seconds"
			}
			if b.Seconds < leastBlock {
				continue
			}
			if what := b.impossible(in); what != "" {
				return in, what
			}
			st.Blocks = append(st.Blocks, b.counted())
		}
		if len(st.Blocks) > 0 {
			out.Stages = append(out.Stages, st)
		}
	}
	return &out, ""
}

// impossible is what of an action in a block cannot be, or empty.
func (b *Block) impossible(in *Input) string {
	for a := range b.Actions {
		x := &b.Actions[a]
		if !possible(x.Done, x.Failed) || !possible(x.Counts...) || !possible(x.Values...) || len(x.Bins) != len(x.Values) {
			return "counts of " + in.Actions[a].Name
		}
		for _, bin := range x.Bins {
			if int(bin) >= len(in.Grid) {
				return "counts of " + in.Actions[a].Name
			}
		}
	}
	for _, c := range b.Flight {
		if c.Action < 0 || c.Action >= len(in.Actions) || !possible(c.Count, c.Level, c.Sum) {
			return "numbers in flight"
		}
	}
	return ""
}

// counted is the block in which the counters of a resource that cannot be are missing ones.
func (b Block) counted() Block {
	wrong := func(x ResourceBlock) bool {
		return !possible(x.Limit, x.InUse, x.Queue, x.Visits, x.Busy, x.Refused, x.Waited)
	}
	if !slices.ContainsFunc(b.Resources, wrong) {
		return b
	}
	b.Resources = slices.Clone(b.Resources)
	for r := range b.Resources {
		if wrong(b.Resources[r]) {
			b.Resources[r] = ResourceBlock{}
		}
	}
	return b
}
