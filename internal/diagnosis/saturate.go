package diagnosis

import (
	"math"
	"slices"

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
	weightFullest               = 8  // and far fuller than all others, where there is no forecast to tell
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
	farFuller              = 1.25
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

// station is a resource, or all members of a group, which is one place with more units: that of members alike no single one is at
// fault.
type station struct {
	name    string
	members []string
	judge.ResourceUse
	fullest float64 // share of its limit that is in use of the fullest member
}

// stations are the resources of a stage, groups as one.
func (s *sight) stations(st *judge.StageResult) []station {
	var list []station
	for i := range st.Resources {
		u := &st.Resources[i]
		if u.Limit <= 0 {
			continue
		}
		name := u.Name
		if group, _ := s.groupOf(u.Name); group != "" {
			name = group
		}
		k := slices.IndexFunc(list, func(x station) bool { return x.name == name && kindOf(x.Kind) == kindOf(u.Kind) })
		if k < 0 {
			list = append(list, station{name: name, ResourceUse: judge.ResourceUse{Kind: u.Kind}})
			k = len(list) - 1
		}
		x := &list[k]
		x.members = append(x.members, u.Name)
		x.InUse += u.InUse
		x.Limit += u.Limit
		x.Queue += u.Queue
		x.Rate += u.Rate
		x.Refused += u.Refused
		x.Utilisation = x.InUse / x.Limit
		x.fullest = max(x.fullest, u.Utilisation)
	}
	return list
}

// saturation has one hypothesis for each resource that was seen, groups as one.
func (s *sight) saturation() []*Hypothesis {
	var list []*Hypothesis
	before := s.stations(s.low)
	for _, u := range s.stations(s.top) {
		var low *station
		if k := slices.IndexFunc(before, func(x station) bool { return x.name == u.name && x.Kind == u.Kind }); k >= 0 {
			low = &before[k]
		}
		list = append(list, s.saturating(&u, low))
	}
	return list
}

// saturating weighs what was seen of one; low is the same at the lowest load, nil where it was not seen.
func (s *sight) saturating(u, low *station) *Hypothesis {
	h := suppose(kindOf(u.Kind), u.name, say("saturating", u.name, s.top.Users, share(u.fullest), round(u.Limit), say("unit-"+kindOf(u.Kind))))
	h.members = u.members
	at, over := s.in(s.top), s.over()
	var used, queued, refused []string
	for _, name := range u.members {
		used = append(used, s.series(name, "in_use")...)
		queued = append(queued, s.series(name, "queue")...)
		refused = append(refused, s.series(name, "refused")...)
	}
	s.byForecast(h, used)
	switch x := u.fullest; {
	case x >= full:
		h.add(weightFull, used, at, "because-used", round(u.InUse), round(u.Limit), share(x))
	case x >= busy:
		h.add(weightBusy, used, at, "because-used", round(u.InUse), round(u.Limit), share(x))
	case x >= some:
		h.add(weightSome, used, at, "because-used", round(u.InUse), round(u.Limit), share(x))
	case x < idle:
		h.add(weightIdle, used, at, "because-idle", round(u.InUse), round(u.Limit), share(x))
	}
	if next, other := s.nextFullest(u.name); !s.r.Forecast.Determined && u.fullest >= busy && u.fullest >= farFuller*next {
		h.add(weightFullest, used, at, "because-fullest", share(u.fullest), share(next), other)
	}
	if low != nil && 2*s.top.Users >= 3*s.low.Users && low.InUse > 0 && u.InUse > 0 {
		exponent := math.Log(u.InUse/low.InUse) / math.Log(float64(s.top.Users)/float64(s.low.Users))
		switch {
		case exponent >= grows && u.fullest >= idle:
			h.add(weightGrows, used, over, "because-grows", round(low.InUse), s.low.Users, round(u.InUse), s.top.Users)
		case exponent < flat && u.fullest < full: // what is full cannot grow
			h.add(weightFlat, used, over, "because-flat", round(low.InUse), s.low.Users, round(u.InUse), s.top.Users)
		}
	}
	before := 0.0
	if low != nil {
		before = low.Queue
	}
	if u.Queue >= math.Max(0.3, 0.02*u.Limit) && u.Queue > 2*before {
		h.add(weightQueue, queued, at, "because-queue", round(u.Queue), s.top.Users, round(before), s.low.Users)
	}
	if u.Refused > 0 {
		h.add(weightRefuses, refused, at, "because-refused", round(u.Refused), s.top.Users)
	}
	s.byActions(h, u.members[0])
	if s.danger.Broken > 0 && s.danger.Broken <= s.top.Users && u.fullest < some && u.Queue < 0.3 && u.Refused == 0 {
		h.add(weightBrokenWithRoom, used, at, "because-room", share(u.fullest))
	}
	h.Settle = Settle{What: say("settle-limit", u.name), Command: s.forecastWith(u.members)}
	return h
}

// byForecast weighs the forecast's probability that one of the members is the first to give way against that of as many drawn at
// random.
func (s *sight) byForecast(h *Hypothesis, series []string) {
	f := &s.r.Forecast
	if !f.Determined || len(f.Resources) == 0 || f.Method == "none" || !s.danger.Any {
		return
	}
	sum, of := 0.0, 0.0
	for _, x := range f.Resources {
		if slices.Contains(h.members, x.Name) {
			sum += x.Probability
			of++
		}
	}
	if of == 0 {
		return
	}
	p := math.Min(math.Max(sum, 0.005), 0.995)
	rest := math.Max(float64(len(f.Resources))-of, 1)
	weight := math.Min(math.Max(10*math.Log10(p/(1-p)*rest/of), leastForecast), mostForecast)
	at := s.over()
	switch {
	case p >= 0.5:
		h.add(weight, series, at, "because-forecast", percent(sum), f.Users)
	case weight > 0:
		h.add(weight, series, at, "because-forecast-also", percent(sum))
	default:
		h.add(weight, series, at, "because-not-forecast", percent(sum))
	}
}

// byActions compares the rise of the actions that pass through a resource with that of the others.
func (s *sight) byActions(h *Hypothesis, name string) {
	v := s.view(name)
	if v == nil || len(v.Actions) == 0 {
		return
	}
	user := func(a string) bool { return !copies(a) }
	with, n := s.rises(func(a string) bool { return user(a) && passes(v, a) })
	without, m := s.rises(func(a string) bool { return user(a) && !passes(v, a) })
	if n == 0 || m == 0 {
		return
	}
	at := s.over()
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

// nextFullest is how full the fullest other resource is at the highest load. Memory does not count, which well-behaved software
// fills.
func (s *sight) nextFullest(name string) (share float64, other string) {
	for _, x := range s.stations(s.top) {
		if x.name != name && kindOf(x.Kind) != Memory && x.fullest >= share {
			share, other = x.fullest, x.name
		}
	}
	return share, other
}
