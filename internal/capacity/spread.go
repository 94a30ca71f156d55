package capacity

import "math"

// Prior of spread: so many seconds of waiting are taken as seen already, at a ratio somewhat above one, because times on
// real resources vary more than exponential ones. A queue that is only sampled must be seen for longer.
const (
	spreadPrior        = 1.15
	priorWait          = 0.5
	priorWaitIfSampled = 5.0
	enoughWaiters      = 8.0 // visits that should have waited, none of which did, by chance: 3 in 10,000
)

// spreads compares the time that visits have waited with what the model says for exponential service times. By the
// approximation of Allen and Cunneen (1978) the ratio is (1 + cv²)/2 for a coefficient of variation cv.
func (s *sample) spreads(c choice) {
	seconds := perStage(s.in, c, func(b *Block) float64 { return b.Seconds })
	for r := range s.resources {
		f := &s.resources[r]
		f.spread = 1
		f.refuses = s.in.Resources[r].Queueing == Refuses
		if !f.valid {
			continue
		}
		waited := perStage(s.in, c, func(b *Block) float64 { return b.Resources[r].Waited })
		seen, expected, prior, waiters := 0.0, 0.0, priorWait, 0.0
		for i, st := range s.in.Stages {
			for _, j := range c[i] {
				if st.Blocks[j].Resources[r].Sampled {
					prior = priorWaitIfSampled
				}
			}
			model, customers := s.station(r, st.Load)
			w := model.Wait(customers, 1)
			seen += waited[i]
			visits := f.visits.at(st.Load) * seconds[i]
			expected += w.Mean() * visits
			if len(w.tail) > 0 {
				waiters += w.tail[0] * visits
			}
		}
		if s.in.Resources[r].Queueing == MayRefuse && seen == 0 {
			refused := perStage(s.in, c, func(b *Block) float64 { return b.Resources[r].Refused })
			var some float64
			for _, n := range refused {
				some += n
			}
			f.refuses = some > 0 || waiters > enoughWaiters && !s.sheltered(r)
		}
		f.spread = math.Min(math.Max((seen+prior*spreadPrior)/(expected+prior), 0.4), 4)
	}
}

// sheltered tells whether another resource that lets through no more at a time stands before this one, so that nobody ever
// waits here: one that is passed by all actions that pass here.
func (s *sample) sheltered(r int) bool {
	for k := range s.in.Resources {
		if k == r || !s.resources[k].valid || s.resources[k].limit > s.resources[r].limit {
			continue
		}
		covers := true
		for a, passes := range s.in.Resources[r].Passes {
			covers = covers && (!passes || s.in.Resources[k].Passes[a])
		}
		if covers {
			return true
		}
	}
	return false
}
