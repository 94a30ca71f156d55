package capacity

import "math"

// A queue that no counter shows (a lock, a single thread, a service that is not observed) slows actions down all the same.
// What is left of the mean response time of a stage when the waits and uses that the counters show are taken off,
//
//	m(N) = Σ_a p_a·R_a(N) − Σ_r v_r(N)·(w_r(N) + S_r),
//
// with p the mix of actions, v visits per action, w seconds waited per visit and S seconds of use, is flat where all
// queues are observed. Where it rises, it is fitted by one more closed queue of c units that every action visits for S
// seconds and in which visits wait φ times as long as exponential times would make them:
//
//	m(N) = D + φ·W(N; c, S)
//
// D and φ follow by linear least squares for each c and S, with φ around 1 (ln φ known to about a third) as a prior, because S and
// φ are told apart only by the curvature of the rise. Of several runs each has a D of its own: what differs between them at the
// same load is the day, not a queue.

// hiddenFit is one fit.
type hiddenFit struct {
	servers, demand, spread float64
	wait                    float64 // the longest of the stages, in seconds
	chi                     float64 // Σ of squared standardised residuals, prior included
}

// excess is m(N) of each stage of a choice of blocks.
func (s *sample) excess(c choice) []float64 {
	out := make([]float64, len(s.in.Stages))
	share := s.actionShares()
	for i := range s.in.Stages {
		var n, m float64
		for a := range s.in.Actions {
			var sum, count float64
			for _, j := range c[i] {
				x := &s.in.Stages[i].Blocks[j].Actions[a]
				count += x.responses
				sum += x.seconds
			}
			if count > 0 {
				m += share[a] * sum / count
				n += share[a]
			}
		}
		if n == 0 {
			continue
		}
		m /= n
		out[i] = m - s.explained(c, i)
	}
	return out
}

// explained is the time per action that the counters show in a stage: at each resource visits per action, times the
// seconds waited and used per visit.
func (s *sample) explained(c choice, stage int) float64 {
	var done, seen float64
	for _, j := range c[stage] {
		for a := range s.in.Actions {
			done += s.in.Stages[stage].Blocks[j].Actions[a].Done
		}
	}
	for r := range s.in.Resources {
		f := &s.resources[r]
		if !f.valid {
			continue
		}
		var visits, waited, busy float64
		for _, j := range c[stage] {
			x := &s.in.Stages[stage].Blocks[j].Resources[r]
			visits += x.Visits
			waited += x.Waited
			busy += x.Busy
		}
		// what others than the users do there (copy traffic, cron) is not part of an action
		load := s.in.Stages[stage].Load
		seen += s.ownPart(f.visits, load) * waited
		if f.drifts {
			seen += s.ownPart(f.use, load) * busy
		} else {
			seen += s.ownPart(f.visits, load) * visits * f.demand
		}
	}
	if done == 0 {
		return 0
	}
	return seen / done
}

// ownPart is the share of a rate that the users make themselves.
func (s *sample) ownPart(l line, load Load) float64 {
	all := l.at(load)
	if all <= 0 {
		return 0
	}
	return math.Min(l.PerUser*load.Users/all, 1)
}

// actionShares is the mix of actions over all stages.
func (s *sample) actionShares() []float64 {
	out := make([]float64, len(s.in.Actions))
	var sum float64
	for a := range out {
		for i := range s.in.Stages {
			out[a] += s.rate[a].at(s.in.Stages[i].Load)
		}
		sum += out[a]
	}
	for a := range out {
		out[a] /= math.Max(sum, 1e-12)
	}
	return out
}

// excessErrors is the standard error of m(N) at each stage, from the scatter of the blocks.
func (s *sample) excessErrors() []float64 {
	out := make([]float64, len(s.in.Stages))
	for i := range s.in.Stages {
		blocks := len(s.in.Stages[i].Blocks)
		var sum, squares, n float64
		c := make(choice, len(s.in.Stages))
		group := max(1, blocks/20) // some twenty groups, so that neighbours that belong together stay together
		for from := 0; from+group <= blocks; from += group {
			c[i] = c[i][:0]
			for j := from; j < from+group; j++ {
				c[i] = append(c[i], j)
			}
			x := s.excessOf(c, i)
			sum += x
			squares += x * x
			n++
		}
		if n < 3 {
			out[i] = math.Inf(1)
			continue
		}
		out[i] = math.Sqrt(math.Max(squares/n-sum*sum/n/n, 0) / (n - 1))
	}
	return out
}

func (s *sample) excessOf(c choice, stage int) float64 {
	one := make(choice, len(s.in.Stages))
	one[stage] = c[stage]
	return s.excess(one)[stage]
}

// hiddenServers are the widths tried. Locks and single threads have one unit; wider ones rise later and more steeply.
var hiddenServers = [...]float64{1, 2, 3, 4, 6, 8, 12, 16, 24, 32}

// fitHidden fits the queue to the excess of each stage for each width. servers limits the widths; nil tries all.
func (s *sample) fitHidden(m, errors []float64, widths []float64) (best hiddenFit, list []hiddenFit) {
	best.chi = math.Inf(1)
	for _, c := range widths {
		f := s.fitWidth(m, errors, c)
		list = append(list, f)
		if f.chi < best.chi {
			best = f
		}
	}
	return best, list
}

// fitWidth finds the demand for one width: a coarse scan of the utilisation at the highest stage, then a finer one around
// the best.
func (s *sample) fitWidth(m, errors []float64, c float64) hiddenFit {
	best := hiddenFit{chi: math.Inf(1)}
	top := s.in.Stages[len(s.in.Stages)-1].Load
	var rate float64
	for _, l := range s.rate {
		rate += l.at(top)
	}
	if rate <= 0 {
		return best
	}
	at := 0.0
	for u := 0.1; u < 1.25; u += 0.08 {
		if f := s.fitDemand(m, errors, c, u*c/rate, rate); f.chi < best.chi {
			best, at = f, u
		}
	}
	for step := 0.04; step > 0.004; step /= 2 {
		for _, u := range []float64{at - step, at + step} {
			if u <= 0 {
				continue
			}
			if f := s.fitDemand(m, errors, c, u*c/rate, rate); f.chi < best.chi {
				best, at = f, u
			}
		}
	}
	return best
}

// spreadBelief is the standard deviation of the prior on φ.
const spreadBelief = 0.35

func (s *sample) fitDemand(m, errors []float64, c, demand, rate float64) hiddenFit {
	// minimise Σ ((m − D − φ·W)/e)² + ((φ − 1)/belief)²
	type sums struct{ w, x, y float64 }
	runs := make([]sums, s.in.runs())
	sxx, sxy := 1/(spreadBelief*spreadBelief), 1/(spreadBelief*spreadBelief)
	waits := make([]float64, len(m))
	for i := range s.in.Stages {
		if !usable(errors[i]) {
			continue
		}
		st := &s.in.Stages[i]
		var x float64
		for _, l := range s.rate {
			x += l.at(st.Load)
		}
		model := Station{Servers: c, Demand: demand, Delay: math.Max(st.Users/math.Max(x, 1e-9)-demand, 1e-6)}
		waits[i] = model.Wait(st.Users, 1).Mean()
		w := 1 / (errors[i] * errors[i])
		g := runs[st.Run]
		runs[st.Run] = sums{g.w + w, g.x + w*waits[i], g.y + w*m[i]}
		sxx += w * waits[i] * waits[i]
		sxy += w * waits[i] * m[i]
	}
	for _, g := range runs {
		if g.w > 0 {
			sxx -= g.x * g.x / g.w
			sxy -= g.x * g.y / g.w
		}
	}
	if sxx <= 0 {
		return hiddenFit{chi: math.Inf(1)}
	}
	phi := math.Min(math.Max(sxy/sxx, 0.3), 3)
	f := hiddenFit{servers: c, demand: demand, spread: phi}
	f.chi = (phi - 1) * (phi - 1) / (spreadBelief * spreadBelief)
	for i := range m {
		if !usable(errors[i]) {
			continue
		}
		g := runs[s.in.Stages[i].Run]
		d := (m[i] - phi*waits[i] - (g.y-phi*g.x)/g.w) / errors[i]
		f.chi += d * d
		f.wait = math.Max(f.wait, phi*waits[i])
	}
	return f
}

func usable(e float64) bool { return e > 0 && !math.IsInf(e, 1) }

// flatness is the misfit of no hidden queue at all.
func (s *sample) flatness(m, errors []float64) float64 {
	var chi float64
	for run := range s.in.runs() {
		var sw, sy float64
		for i := range m {
			if s.in.Stages[i].Run == run && usable(errors[i]) {
				w := 1 / (errors[i] * errors[i])
				sw += w
				sy += w * m[i]
			}
		}
		for i := range m {
			if s.in.Stages[i].Run == run && usable(errors[i]) {
				d := (m[i] - sy/sw) / errors[i]
				chi += d * d
			}
		}
	}
	return chi
}

// addQueue puts a queue that all actions visit into the sample, after the listed resources.
func (s *sample) addQueue(servers, demand, spread float64) {
	var visits line
	for _, l := range s.rate {
		visits.Fixed += l.Fixed
		visits.PerUser += l.PerUser
		visits.PerCopy += l.PerCopy
		visits.PerFresh += l.PerFresh
	}
	s.resources = append(s.resources, resourceFit{valid: true, limit: servers, demand: demand, visits: visits, share: 1, spread: spread})
}

// rise is what all blocks together say about a hidden queue.
type rise struct {
	found  bool
	errors []float64 // of the excess at each stage
	widths []float64 // that explain it about equally well
}

// A hidden queue is believed where the misfit falls by so much, and where it takes so much of the response time at some
// stage that neither the grid of the histograms nor a counter that is read too rarely can be the reason.
const (
	// Of few blocks the scatter is itself not well known, and the evidence asked for grows.
	hiddenEvidence = 20.0
	hiddenPart     = 0.02
	widthsWithin   = 6.0 // misfit by which a width may be worse than the best and still be tried in each draw
)

// hidden looks for a queue that the counters do not show.
func (s *sample) hidden() rise {
	r := rise{errors: s.excessErrors()}
	if len(s.in.Stages)-s.in.runs() < 2 {
		return r
	}
	m := s.excess(all(s.in))
	best, list := s.fitHidden(m, r.errors, hiddenServers[:])
	flat := s.flatness(m, r.errors)
	groups := math.Inf(1)
	for i := range s.in.Stages {
		groups = math.Min(groups, float64(len(s.in.Stages[i].Blocks)))
	}
	if !(flat-best.chi > hiddenEvidence*(1+30/math.Max(groups, 1))) {
		return r
	}
	var base float64
	for a, p := range s.actionShares() {
		base += p * s.mean[a]
	}
	if best.wait < hiddenPart*base {
		return r
	}
	r.found = true
	for _, f := range list {
		if f.chi < best.chi+widthsWithin {
			r.widths = append(r.widths, f.servers)
		}
	}
	return r
}

// reveal puts the hidden queue, as these blocks show it, into the sample.
func (s *sample) reveal(r rise, c choice) {
	best, _ := s.fitHidden(s.excess(c), r.errors, r.widths)
	if !math.IsInf(best.chi, 1) {
		s.addQueue(best.servers, best.demand, best.spread)
	}
}
