package capacity

import "math"

// line is a rate over load: Fixed + PerUser·users + PerCopy·copy + PerFresh·fresh, none of them negative but Fixed where
// the rate grows faster than in proportion to load.
type line struct {
	Fixed, PerUser, PerCopy, PerFresh float64
	// personas is the rate per user of each persona where the stages vary the mix; then PerUser belongs to one mix.
	personas []float64
}

func (l line) at(load Load) float64 {
	return math.Max(l.Fixed+l.PerUser*load.Users+l.PerCopy*load.Copy+l.PerFresh*load.Fresh, 0)
}

// mixed is the line at another mix of personas.
func (l line) mixed(shares []float64) line {
	if len(l.personas) == 0 || len(shares) != len(l.personas) {
		return l
	}
	l.PerUser = 0
	for p, share := range shares {
		l.PerUser += share * l.personas[p]
	}
	return l
}

func (s *sample) rates(c choice) {
	seconds := perStage(s.in, c, func(b *Block) float64 { return b.Seconds })
	done := make([][]float64, len(s.in.Actions))
	for a := range done {
		done[a] = make([]float64, len(s.in.Stages))
	}
	for i, times := range timesTaken(s.in, c) {
		for j, m := range times {
			if m == 0 {
				continue
			}
			for a := range done {
				done[a][i] += m * s.in.Stages[i].Blocks[j].Actions[a].Done
			}
		}
	}
	for a := range done {
		s.rate = append(s.rate, s.fit(done[a], seconds))
	}
}

// columns says which parts of the load may enter a regression: those that vary between stages apart from the users.
type columns struct {
	copies, fresh bool
	personas      int // 0: users as one column
	mean          []float64
}

// MixVaries tells whether the stages show the effect of the mix: the share of some persona differs by a tenth of itself
// between two stages.
func (in *Input) MixVaries() bool {
	if len(in.Stages) == 0 {
		return false
	}
	for p := range in.Stages[0].Mix {
		low, high := math.Inf(1), math.Inf(-1)
		for i := range in.Stages {
			st := &in.Stages[i]
			if p >= len(st.Mix) || st.Users <= 0 {
				return false
			}
			low, high = math.Min(low, st.Mix[p]/st.Users), math.Max(high, st.Mix[p]/st.Users)
		}
		if high > 1.1*low && high > 0.01 {
			return true
		}
	}
	return false
}

// copyVaries tells whether the stages show the effect of copying: it is on in some and off in others, and does not merely grow with
// the users.
func (in *Input) copyVaries() bool {
	n := float64(len(in.Stages))
	if n < 3 {
		return false
	}
	var users, copies float64
	for i := range in.Stages {
		users += in.Stages[i].Users / n
		copies += in.Stages[i].Copy / n
	}
	var uu, cc, uc float64
	for i := range in.Stages {
		du, dc := in.Stages[i].Users-users, in.Stages[i].Copy-copies
		uu += du * du
		cc += dc * dc
		uc += du * dc
	}
	return columnsOf(in, &Options{}).copies && (uu == 0 || cc-uc*uc/uu > 0.05*cc)
}

// columnsOf looks at what the stages vary. Fresh accounts take part only where the forecast asks for them.
func columnsOf(in *Input, opt *Options) columns {
	var c columns
	var top, topFresh float64
	for i := range in.Stages {
		top, topFresh = math.Max(top, in.Stages[i].Copy), math.Max(topFresh, in.Stages[i].Fresh)
	}
	for i := range in.Stages {
		c.copies = c.copies || math.Abs(in.Stages[i].Copy-in.Stages[0].Copy) > 0.3*top
		c.fresh = c.fresh || opt.Fresh != nil && math.Abs(in.Stages[i].Fresh-in.Stages[0].Fresh) > 0.3*topFresh
	}
	c.copies = c.copies && len(in.Stages) > 2
	c.fresh = c.fresh && len(in.Stages) > 3
	if opt.Mix != nil && in.MixVaries() {
		c.personas = len(in.Stages[0].Mix)
	}
	c.mean = in.meanMix()
	return c
}

// meanMix is the share of each persona in all stages together.
func (in *Input) meanMix() []float64 {
	var mean []float64
	var users float64
	for i := range in.Stages {
		st := &in.Stages[i]
		if mean == nil {
			mean = make([]float64, len(st.Mix))
		}
		for p := range min(len(mean), len(st.Mix)) {
			mean[p] += st.Mix[p]
		}
		users += st.Users
	}
	for p := range mean {
		mean[p] /= math.Max(users, 1)
	}
	return mean
}

// fit regresses counts per second on load: least squares, weighted by the variance of a count, with coefficients that are
// not negative. What does not vary between stages is part of Fixed, or of PerUser where it grows with the users.
func (s *sample) fit(count, seconds []float64) line {
	var rows [][]float64
	var y []float64
	for i := range s.in.Stages {
		st := &s.in.Stages[i]
		if seconds[i] == 0 {
			continue
		}
		w := seconds[i] / math.Sqrt(math.Max(count[i], 1)) // 1 / standard deviation of the rate
		row := []float64{w}
		if s.columns.personas > 0 {
			for _, n := range st.Mix {
				row = append(row, w*n)
			}
		} else {
			row = append(row, w*st.Users)
		}
		if s.columns.copies {
			row = append(row, w*st.Copy)
		}
		if s.columns.fresh {
			row = append(row, w*st.Fresh)
		}
		rows = append(rows, row)
		y = append(y, w*count[i]/seconds[i])
	}
	if len(rows) == 0 {
		return line{}
	}
	if len(rows) == 1 { // a single stage: everything is taken as proportional to users
		if u := s.in.Stages[0].Users; u > 0 {
			return line{PerUser: y[0] / rows[0][0] / u}
		}
		return line{}
	}
	x := nonNegative(rows, y)
	if len(x) == 2 {
		if l, ok := bent(rows, y, x); ok {
			return l
		}
	}
	l := line{Fixed: x[0]}
	at := 2
	if n := s.columns.personas; n > 0 {
		l.personas = x[1 : 1+n]
		at = 1 + n
		l = l.mixed(s.columns.mean)
	} else {
		l.PerUser = x[1]
	}
	if s.columns.copies {
		l.PerCopy = x[at]
		at++
	}
	if s.columns.fresh {
		l.PerFresh = x[at]
	}
	return l
}

// bent is for a rate that grows faster than in proportion to load, as misses of a cache do that the users have outgrown:
// where the highest stage lies clearly above the line, a line of any intercept through the upper half of the stages is
// used instead. Rows and y are weighted by the inverse of their standard deviation.
func bent(rows [][]float64, y, x []float64) (line, bool) {
	if len(rows) < 4 {
		return line{}, false
	}
	top := 0
	for i := range rows {
		if rows[i][1]/rows[i][0] > rows[top][1]/rows[top][0] {
			top = i
		}
	}
	over := y[top] - rows[top][0]*x[0] - rows[top][1]*x[1]
	if over < 4 || over < 0.02*y[top] {
		return line{}, false
	}
	half := rows[top][1] / rows[top][0] / 2
	var sw, sx, sy, sxx, sxy, n float64
	for i := range rows {
		users, w := rows[i][1]/rows[i][0], rows[i][0]*rows[i][0]
		if users < half {
			continue
		}
		n++
		sw += w
		sx += w * users
		sy += w * y[i] / rows[i][0]
		sxx += w * users * users
		sxy += w * users * y[i] / rows[i][0]
	}
	det := sw*sxx - sx*sx
	if n < 2 || det <= 1e-9*sw*sxx {
		return line{}, false
	}
	slope := (sw*sxy - sx*sy) / det
	return line{Fixed: (sy - slope*sx) / sw, PerUser: slope}, slope > x[1]
}
