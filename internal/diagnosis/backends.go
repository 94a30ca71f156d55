package diagnosis

import (
	"math"
	"slices"
	"strings"

	"pegel/internal/capacity"
	"pegel/internal/judge"
	"pegel/internal/record"
)

// Weights of the evidence on how a balancer spreads users.
const (
	weightPinned      = 14 // all that comes from one address goes to one backend
	weightPinnedOne   = 11 // the same of a single address
	weightSourceSlow  = 8
	weightBackendSlow = 10
	weightUneven      = 6   // backends do unequal shares of the work
	weightIdleSibling = 6   // an instance does nothing while another works
	weightSpread      = -15 // users of one address are spread over backends
	weightByCause     = -15 // what is uneven follows from something else that is believed

	pinnedShare  = 0.98  // of an address's requests go to one backend
	pinnedChance = 0.001 // that users drawn to backends one by one would all meet so
	unevenFactor = 1.2
	fewRoutes    = 8 // requests of an address
)

// route is where users of one source address went.
type route struct {
	source string
	to     map[string]uint64 // requests by backend
	count  uint64
	parts  int // of the users that are seen in it, at least
}

// most is how many requests the backend answered that answered most.
func (r *route) most() (most uint64) {
	for _, n := range r.to {
		most = max(most, n)
	}
	return most
}

// routes are the ways from addresses to backends in a stage.
func (s *sight) routes(st *judge.StageResult) (list []route, backends int) {
	var names []string
	for _, x := range s.splits(record.KindRoute, st) {
		for _, row := range x.Rows {
			source, backend, ok := strings.Cut(row.Name, " ")
			if !ok {
				continue
			}
			if !slices.Contains(names, backend) {
				names = append(names, backend)
			}
			k := slices.IndexFunc(list, func(r route) bool { return r.source == source })
			if k < 0 {
				list = append(list, route{source: source, to: map[string]uint64{}})
				k = len(list) - 1
			}
			list[k].to[backend] += row.Count
			list[k].count += row.Count
			list[k].parts = max(list[k].parts, len(row.Folds))
		}
	}
	if len(list) > 0 {
		return list, len(names)
	}
	// Where no addresses are told apart all users come from one.
	one := route{to: map[string]uint64{}}
	for _, x := range s.splits(record.KindBackend, st) {
		for _, row := range x.Rows {
			one.to[row.Name] += row.Count
			one.count += row.Count
			one.parts = max(one.parts, len(row.Folds))
		}
	}
	if one.count == 0 {
		return nil, 0
	}
	return []route{one}, len(one.to)
}

// pinned says whether users of one address all go to one backend, with the probability that they would if each user were sent
// to one of so many backends alone. How many users an address has is taken from its share of the requests, and is no less than the
// parts of the users that are seen.
func (s *sight) pinned(groups []siblings) (chance float64, sources, backends int) {
	list, backends := s.routes(s.top)
	for _, g := range groups {
		backends = max(backends, len(g.members))
	}
	if backends < 2 {
		return 1, 0, backends
	}
	total, users := 0.0, 0.0
	for _, r := range list {
		total += float64(r.count)
	}
	for _, x := range s.splits(record.KindBackend, s.top) {
		users = max(users, float64(s.usersOf(x.Actions)))
	}
	log, mixed := 0.0, false
	for _, r := range list {
		if r.count < fewRoutes {
			continue
		}
		sources++
		if float64(r.most()) < pinnedShare*float64(r.count) {
			mixed = true
		}
		log -= max(float64(r.parts-1), users*float64(r.count)/total-1, 0) * math.Log(float64(backends))
	}
	if mixed {
		return 1, sources, backends
	}
	return math.Exp(log), sources, backends
}

// instances are the groups of resources that a balancer chooses from.
func (s *sight) instances() []siblings {
	return slices.DeleteFunc(s.groups(s.top), func(g siblings) bool { return g.shards })
}

// unevenSources asks whether the balancer goes by source addresses.
func (s *sight) unevenSources(resources []*Hypothesis) []*Hypothesis {
	at := s.in(s.top)
	groups := s.instances()
	slow := clearest(differences(s.splits(record.KindSource, s.top)))
	chance, sources, backends := s.pinned(groups)
	if sources == 0 && slow == nil {
		return nil
	}
	h := suppose(UnevenSources, "", say("uneven-sources", sources, backends))
	series := []string{"requests by source and backend"}
	switch {
	case sources == 1 && chance < pinnedChance: // which may be because the others are out of order
		h.add(weightPinnedOne, series, at, "because-pinned", sources, backends, capacity.Share(pinnedChance))
	case sources > 0 && chance < pinnedChance:
		h.add(weightPinned, series, at, "because-pinned", sources, backends, capacity.Share(pinnedChance))
	case sources > 0 && chance >= pinnedChance:
		h.add(weightSpread, series, at, "because-spread", sources)
	}
	if slow != nil {
		h.Subject = slow.row.Name
		h.slowIn(slow, record.KindSource, at, weightSourceSlow)
	}
	if chance < pinnedChance || slow != nil {
		s.weighInstances(h, groups, resources)
	}
	h.Settle = Settle{What: say("settle-sources"), Command: s.experiment("sources")}
	return []*Hypothesis{h}
}

// weighInstances weighs how unevenly the instances behind the balancer are used, and what speaks for one of them giving way.
func (s *sight) weighInstances(h *Hypothesis, groups []siblings, resources []*Hypothesis) {
	var names []string
	var worst *siblings
	most := 0.0
	for i := range groups {
		u, ratio := groups[i].fullest()
		if u.Utilisation*ratio > most {
			worst, most = &groups[i], u.Utilisation*ratio
		}
		names = append(names, groups[i].names()...)
	}
	if worst == nil {
		s.weighShares(h)
		return
	}
	s.weighGroup(h, worst)
	if h.Subject == "" {
		h.Subject = worst.members[0].Name
	}
	last := worst.members[len(worst.members)-1]
	if last.InUse < 0.02*worst.members[0].InUse {
		h.add(weightIdleSibling, s.series(last.Name, "in_use"), s.in(s.top), "because-sibling-idle", last.Name, worst.members[0].Name, round(worst.members[0].InUse))
	}
	h.inherit(resources, names, s.series(worst.members[0].Name, "in_use", "limit"), s.in(s.top))
}

// weighShares weighs the shares of the backends in the work, where no counters tell how full they are.
func (s *sight) weighShares(h *Hypothesis) bool {
	found := false
	for _, x := range s.splits(record.KindBackend, s.top) {
		shares, busiest, top := shareOf(x.Rows)
		if len(shares) < 2 || top < unevenFactor/float64(len(shares)) || unequal(shares, float64(s.usersOf(x.Actions))) >= unevenChance {
			continue
		}
		if h.Subject == "" {
			h.Subject = busiest.Name
		}
		h.add(weightUneven, []string{x.Actions + " rate by backend"}, s.in(s.top), "because-uneven", busiest.Name, share(top), x.Actions, share(1/float64(len(shares))))
		found = true
	}
	return found
}

// usersOf is how many active users do actions of a protocol in the top stage; no more than there are.
func (s *sight) usersOf(actions string) int {
	var names []string
	users := 0
	for _, a := range s.top.ByPersona {
		if !judge.Matches(actions, a.Action) || slices.Contains(names, a.Persona) {
			continue
		}
		names = append(names, a.Persona)
		if k := slices.Index(s.r.Meta.Personas, a.Persona); k >= 0 && k < len(s.top.Mix) {
			users += s.top.Mix[k]
		}
	}
	if users == 0 {
		return s.top.Users
	}
	return users
}

// unevenBackends asks whether one instance is slower or fuller, for whatever reason but the address.
func (s *sight) unevenBackends(resources, causes []*Hypothesis) []*Hypothesis {
	at := s.in(s.top)
	slow := clearest(differences(s.splits(record.KindBackend, s.top)))
	groups := s.instances()
	if slow == nil && len(groups) == 0 && len(s.splits(record.KindBackend, s.top)) == 0 {
		return nil
	}
	h := suppose(UnevenBackends, "", judge.Message{})
	if slow != nil {
		h.Subject = slow.row.Name
		h.slowIn(slow, record.KindBackend, at, weightBackendSlow)
	}
	if len(groups) > 0 {
		s.weighInstances(h, groups, resources)
	} else {
		s.weighShares(h)
	}
	h.What = say("uneven-backends-limit", h.Subject)
	if chance, sources, _ := s.pinned(groups); sources > 0 && chance < pinnedChance {
		h.add(weightByCause, []string{"requests by source and backend"}, at, "because-explained", say("name-"+UnevenSources))
	}
	for _, g := range s.groups(s.top) { // a backend may be named by the shard that it has
		if u, ratio := g.fullest(); g.shards && ratio >= fuller && g.chance(s.top.Users) < unevenChance && u.Utilisation >= some {
			h.add(weightByCause, s.series(u.Name, "in_use"), at, "because-explained", say("name-"+HotShard))
			break
		}
	}
	h.Settle = Settle{What: say("settle-bypass"), Command: s.experiment("bypass")}
	return []*Hypothesis{h}
}
