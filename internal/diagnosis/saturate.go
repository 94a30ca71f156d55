package diagnosis

import (
	"math"
	"slices"

	"pegel/internal/capacity"
	"pegel/internal/judge"
)

// Weights of the evidence that a resource gives way, in decibans. The forecast knows limits, demands and rise of all resources
// at once and weighs most; what is visible already stands beside it.
const (
	mostForecast, leastForecast = 17, -12 // of its probability against that of chance
	weightFull                  = 9       // in use from full of its limit on
	weightBusy                  = 5
	weightSome                  = 2
	weightIdle                  = -8 // below idle of its limit
	weightGrows                 = 2  // its use grows with the users
	weightFlat                  = -6 // it does not
	weightQueue                 = 5  // visits wait for it, and more than at the lowest load
	weightRefuses               = 10
	weightItsActions            = 3 // the actions that use it have risen more than the others
	weightNotItsActions         = -3
	weightBrokenWithRoom        = -6 // an objective is broken while it has room

	full, busy, some, idle = 0.85, 0.65, 0.45, 0.25 // shares of the limit
	grows, flat            = 0.5, 0.2               // exponent of use over users: 1 is proportional
	risesMore              = 1.15
)

// kindOf is the code of a resource's kind.
func kindOf(kind string) string {
	switch kind {
	case "cpu", "cores":
		return CPU
	case "slots", "sessions", "connections":
		return Slots
	case "cache":
		return Memory
	case Workers, Pool, Memory, Disk, Lock:
		return kind
	case "queue":
		return Listen
	}
	return Slots // a number of something that is used up
}

// saturation has one hypothesis for each resource that was seen.
func (s *sight) saturation() []*Hypothesis {
	var list []*Hypothesis
	for i := range s.top.Resources {
		if u := &s.top.Resources[i]; u.Limit > 0 {
			list = append(list, s.saturating(u))
		}
	}
	return list
}

func (s *sight) saturating(u *judge.ResourceUse) *Hypothesis {
	h := suppose(kindOf(u.Kind), u.Name, say("saturating", u.Name, s.top.Users, share(u.Utilisation), round(u.Limit), say("unit-"+kindOf(u.Kind))))
	in := in(s.top)
	used := s.series(u.Name, "in_use", "limit")
	s.byForecast(h, u.Name)
	switch {
	case u.Utilisation >= full:
		h.add(weightFull, used, in, "because-used", round(u.InUse), round(u.Limit), share(u.Utilisation))
	case u.Utilisation >= busy:
		h.add(weightBusy, used, in, "because-used", round(u.InUse), round(u.Limit), share(u.Utilisation))
	case u.Utilisation >= some:
		h.add(weightSome, used, in, "because-used", round(u.InUse), round(u.Limit), share(u.Utilisation))
	case u.Utilisation < idle:
		h.add(weightIdle, used, in, "because-idle", round(u.InUse), round(u.Limit), share(u.Utilisation))
	}
	low := use(s.low, u.Name)
	if low != nil && s.top.Users >= 3*s.low.Users/2 && low.InUse > 0 && u.InUse > 0 {
		exponent := math.Log(u.InUse/low.InUse) / math.Log(float64(s.top.Users)/float64(s.low.Users))
		switch {
		case exponent >= grows && u.Utilisation >= idle:
			h.add(weightGrows, used, span{s.top.Users, s.low.Start, s.top.End}, "because-grows", round(low.InUse), s.low.Users, round(u.InUse), s.top.Users)
		case exponent < flat:
			h.add(weightFlat, used, span{s.top.Users, s.low.Start, s.top.End}, "because-flat", round(low.InUse), s.low.Users, round(u.InUse), s.top.Users)
		}
	}
	if before := queueAt(low); u.Queue >= math.Max(0.3, 0.02*u.Limit) && u.Queue > 2*before {
		h.add(weightQueue, s.series(u.Name, "queue"), in, "because-queue", round(u.Queue), s.top.Users, round(before), s.low.Users)
	}
	if u.Refused > 0 {
		h.add(weightRefuses, s.series(u.Name, "refused"), in, "because-refused", round(u.Refused), s.top.Users)
	}
	s.byActions(h, u)
	if s.danger.Broken > 0 && s.danger.Broken <= s.top.Users && u.Utilisation < some && u.Queue < 0.3 && u.Refused == 0 {
		h.add(weightBrokenWithRoom, used, in, "because-room", share(u.Utilisation))
	}
	h.Settle = Settle{What: say("settle-limit", u.Name), Command: s.forecastWith(u)}
	return h
}

func queueAt(u *judge.ResourceUse) float64 {
	if u == nil {
		return 0
	}
	return u.Queue
}

// byForecast weighs the forecast's probability that the resource is the first to give way against that of one drawn at random.
func (s *sight) byForecast(h *Hypothesis, name string) {
	f := &s.r.Forecast
	n := len(f.Resources)
	if !f.Determined || n == 0 || f.Method == "none" || !s.danger.Any {
		return
	}
	i := slices.IndexFunc(f.Resources, func(x judge.ResourceRank) bool { return x.Name == name })
	if i < 0 {
		return
	}
	p := math.Min(math.Max(f.Resources[i].Probability, 0.005), 0.995)
	weight := math.Min(math.Max(10*math.Log10(p/(1-p)*float64(max(n-1, 1))), leastForecast), mostForecast)
	if f.Users.P50 > 0 && i == 0 && weight > 0 {
		h.add(weight, s.series(name, "in_use", "limit"), span{s.top.Users, s.low.Start, s.top.End}, "because-forecast", capacity.Share(p), f.Users)
	} else if weight > 0 {
		h.add(weight, s.series(name, "in_use", "limit"), span{s.top.Users, s.low.Start, s.top.End}, "because-forecast-also", capacity.Share(p))
	} else {
		h.add(weight, s.series(name, "in_use", "limit"), span{s.top.Users, s.low.Start, s.top.End}, "because-not-forecast", capacity.Share(p))
	}
}

// byActions compares the rise of the actions that pass through a resource with that of the others.
func (s *sight) byActions(h *Hypothesis, u *judge.ResourceUse) {
	v := s.view(u.Name)
	if v == nil || len(v.Actions) == 0 {
		return
	}
	user := func(a string) bool { return !copies(a) }
	with, n := s.rises(func(a string) bool { return user(a) && passes(v, a) })
	without, m := s.rises(func(a string) bool { return user(a) && !passes(v, a) })
	if n == 0 || m == 0 {
		return
	}
	at := span{s.top.Users, s.low.Start, s.top.End}
	series := make([]string, len(v.Actions))
	for i, glob := range v.Actions {
		series[i] = glob + " response time"
	}
	switch {
	case with > risesMore*without:
		h.add(weightItsActions, series, at, "because-its-actions", times(with), times(without), s.low.Users, s.top.Users)
	case without > risesMore*with:
		h.add(weightNotItsActions, series, at, "because-not-its-actions", times(with), times(without), s.low.Users, s.top.Users)
	}
}
