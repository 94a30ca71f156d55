package capacity

// mostBlocks is how many blocks of a stage are resampled one by one. More make a forecast slower and not better.
const mostBlocks = 30

// merged is the input with neighbouring blocks put together where a stage has more than are resampled.
func (in *Input) merged() *Input {
	out := *in
	out.Stages = make([]Stage, len(in.Stages))
	for i := range in.Stages {
		st := in.Stages[i]
		if per := (len(st.Blocks) + mostBlocks - 1) / mostBlocks; per > 1 {
			var blocks []Block
			for from := 0; from+per <= len(st.Blocks); from += per { // a rest shorter than the others is left out
				blocks = append(blocks, join(st.Blocks[from:from+per], len(in.Grid)))
			}
			st.Blocks = blocks
		}
		out.Stages[i] = st
	}
	out.pack()
	return &out
}

// pack puts all counts one behind the other, in the order in which draws read them: that takes much of a draw's time.
func (in *Input) pack() {
	var n int
	each := func(f func(x *ActionBlock)) {
		for i := range in.Stages {
			for j := range in.Stages[i].Blocks {
				for a := range in.Actions {
					f(&in.Stages[i].Blocks[j].Actions[a])
				}
			}
		}
	}
	each(func(x *ActionBlock) { n += len(x.Bins) })
	bins, values := make([]uint16, 0, n), make([]float64, 0, n)
	each(func(x *ActionBlock) {
		from := len(bins)
		bins, values = append(bins, x.Bins...), append(values, x.Values...)
		x.Bins, x.Values = bins[from:len(bins):len(bins)], values[from:len(values):len(values)]
	})
}

// join makes one block of several that follow each other.
func join(blocks []Block, bins int) Block {
	counts := make([]float64, bins*len(blocks[0].Actions))
	out := Block{Actions: make([]ActionBlock, len(blocks[0].Actions)), Resources: make([]ResourceBlock, len(blocks[0].Resources))}
	for i := range blocks {
		b := &blocks[i]
		for a := range b.Actions {
			x, y := &b.Actions[a], &out.Actions[a]
			y.Done += x.Done
			y.Failed += x.Failed
			for k, bin := range x.Bins {
				counts[a*bins+int(bin)] += x.Values[k]
			}
		}
		for r := range b.Resources {
			x, y := &b.Resources[r], &out.Resources[r]
			if i == 0 {
				y.Valid, y.Holds = x.Valid, x.Holds
			}
			y.Valid, y.Holds, y.Sampled = y.Valid && x.Valid, y.Holds && x.Holds, y.Sampled || x.Sampled
			y.Limit = max(y.Limit, x.Limit)
			y.InUse += x.InUse * b.Seconds
			y.Queue += x.Queue * b.Seconds
			y.Visits += x.Visits
			y.Busy += x.Busy
			y.Refused += x.Refused
			y.Waited += x.Waited
		}
		out.Seconds += b.Seconds
	}
	out.Flight = joinFlight(blocks)
	for a := range out.Actions {
		y := &out.Actions[a]
		y.Bins, y.Values = sparse(counts[a*bins:(a+1)*bins], nil, nil)
	}
	for r := range out.Resources {
		out.Resources[r].InUse /= max(out.Seconds, 1e-9)
		out.Resources[r].Queue /= max(out.Seconds, 1e-9)
	}
	return out
}

// joinFlight sums up the cells of an action that the in-flight model does not tell apart.
func joinFlight(blocks []Block) []FlightCell {
	type key struct{ action, level int }
	var list []FlightCell
	at := map[key]int{}
	for i := range blocks {
		for _, c := range blocks[i].Flight {
			if c.Count == 0 {
				continue
			}
			k := key{c.Action, c.level()}
			n, seen := at[k]
			if !seen {
				at[k] = len(list)
				list = append(list, c)
				continue
			}
			list[n].Count += c.Count
			list[n].Level += c.Level
			list[n].Sum += c.Sum
		}
	}
	return list
}
