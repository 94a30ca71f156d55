package diagnosis

import (
	"math"
	"slices"

	"pegel/internal/capacity"
	"pegel/internal/judge"
)

// Weights of the evidence that something limits which nobody counts.
const (
	mostHidden      = 14 // the forecast's probability of a queue that is not observed
	weightRises     = 8  // response times rise, or an objective is broken, while nothing is busy
	weightCPUIdle   = 4  // processors among it
	weightSomeBusy  = -10
	weightSteady    = -8 // response times hardly rise
	weightUncounted = 4  // nothing at all is counted

	risesMuch, risesLittle = 1.4, 1.1
)

// unseen asks whether waiting grows while nothing that is counted is busy.
func (s *sight) unseen() *Hypothesis {
	h := suppose(Unseen, "", say("unseen", s.top.Users))
	at := s.over()
	f := &s.r.Forecast
	if i := slices.IndexFunc(f.Resources, func(x judge.ResourceRank) bool { return x.Name == capacity.Unobserved }); i >= 0 && f.Determined && f.Method == "counters" && s.danger.Any {
		p := math.Min(math.Max(f.Resources[i].Probability, 0.005), 0.995)
		weight := math.Min(math.Max(10*math.Log10(p/(1-p)*float64(max(len(f.Resources)-1, 1))), -6), mostHidden)
		h.add(weight, []string{"response times over the load"}, at, "because-hidden", percent(p))
	}
	busiest, name := 0.0, ""
	for i := range s.top.Resources {
		if u := &s.top.Resources[i]; u.Utilisation > busiest {
			busiest, name = u.Utilisation, u.Name
		}
	}
	rise, n := s.rises(func(a string) bool { return !copies(a) })
	broken := s.danger.Broken > 0
	switch {
	case busiest >= busy:
		h.add(weightSomeBusy, s.series(name, "in_use", "limit"), s.in(s.top), "because-some-busy", name, share(busiest))
	case busiest < some && (n > 0 && rise >= risesMuch || broken):
		h.add(weightRises, []string{"response times over the load"}, at, "because-rises", times(rise), s.low.Users, s.top.Users, share(busiest))
		for i := range s.top.Resources {
			if u := &s.top.Resources[i]; kindOf(u.Kind) == CPU && u.Utilisation < some {
				h.add(weightCPUIdle, s.series(u.Name, "in_use", "limit"), s.in(s.top), "because-cpu-idle", u.Name, share(u.Utilisation))
				break
			}
		}
		if len(s.top.Resources) == 0 {
			h.add(weightUncounted, nil, at, "because-uncounted")
		}
	case n > 0 && rise < risesLittle && !broken:
		h.add(weightSteady, []string{"response times over the load"}, at, "because-steady", times(rise), s.low.Users, s.top.Users)
	}
	h.Settle = Settle{What: say("settle-observe"), Command: "pegel validate " + s.scenario}
	return h
}
