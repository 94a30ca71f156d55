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
	return &out
}

// join makes one block of several that follow each other.
func join(blocks []Block, bins int) Block {
	out := Block{Actions: make([]ActionBlock, len(blocks[0].Actions)), Resources: make([]ResourceBlock, len(blocks[0].Resources))}
	for i := range blocks {
		b := &blocks[i]
		for a := range b.Actions {
			x, y := &b.Actions[a], &out.Actions[a]
			y.Done += x.Done
			y.Failed += x.Failed
			if x.Counts != nil && y.Counts == nil {
				y.Counts = make([]float64, bins)
			}
			for k, n := range x.Counts {
				y.Counts[k] += n
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
		out.Flight = append(out.Flight, b.Flight...)
	}
	for r := range out.Resources {
		out.Resources[r].InUse /= max(out.Seconds, 1e-9)
		out.Resources[r].Queue /= max(out.Seconds, 1e-9)
	}
	return out
}
