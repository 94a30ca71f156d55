package diagnosis

import (
	"slices"

	"pegel/internal/capacity"
	"pegel/internal/judge"
	"pegel/internal/record"
)

// Weights of the evidence that one shard is the cause.
const (
	weightFuller    = 12 // one member is fuller than the others beyond chance
	weightStays     = 3  // the same in every stage
	weightEven      = -12
	weightGroupSlow = 8 // a group of accounts is slower beyond chance
	weightVerySlow  = 5 // and by a factor of verySlow
	verySlow        = 1.75
	weightLonger    = 5 // a visit takes longer there than elsewhere
	longer          = 1.25
)

// hotShards has a hypothesis for each group of shards, and one for groups of accounts.
func (s *sight) hotShards(resources []*Hypothesis) []*Hypothesis {
	var list []*Hypothesis
	at := s.in(s.top)
	slow := clearest(differences(s.splits(record.KindGroup, s.top)))
	for _, g := range s.groups(s.top) {
		if !g.shards {
			continue
		}
		u, ratio := g.fullest()
		h := suppose(HotShard, u.Name, say("hot-shard", u.Name, g.group, share(u.Utilisation), share(u.Utilisation/ratio)))
		s.weighGroup(h, &g)
		h.inherit(resources, []string{u.Name}, s.series(u.Name, "in_use", "limit", "queue"), at)
		h.explains = append(h.explains, g.names()...)
		if slow != nil {
			h.slowIn(slow, record.KindGroup, at, weightGroupSlow)
			slow = nil
		}
		h.Settle = Settle{What: say("settle-one-group"), Command: s.experiment("one-group")}
		list = append(list, h)
	}
	if slow != nil {
		h := suppose(HotShard, slow.row.Name, say("slow-accounts", slow.row.Name, times(slow.ratio)))
		h.slowIn(slow, record.KindGroup, at, weightGroupSlow+4)
		h.Settle = Settle{What: say("settle-one-group"), Command: s.experiment("one-group")}
		list = append(list, h)
	}
	return list
}

// weighGroup weighs whether the fullest member of a group is fuller than chance among the users makes it.
func (s *sight) weighGroup(h *Hypothesis, g *siblings) {
	u, ratio := g.fullest()
	at := s.in(s.top)
	series := []string{}
	for _, m := range g.members {
		series = append(series, s.series(m.Name, "in_use")...)
	}
	chance := g.chance(s.top.Users)
	if ratio < fuller || chance >= unevenChance {
		h.add(weightEven, series, at, "because-even", u.Name, times(ratio), len(g.members))
		return
	}
	h.add(weightFuller, series, at, "because-fuller", u.Name, times(ratio), len(g.members), capacity.Share(unevenChance))
	if same, of := s.stays(g.group, u.Name); same == of && of > 1 {
		h.add(weightStays, series, s.over(), "because-stays", u.Name, of)
	}
	others, n := 0.0, 0.0
	for _, m := range g.members[1:] {
		if m.Demand > 0 {
			others, n = others+m.Demand, n+1
		}
	}
	if n > 0 && u.Demand > longer*others/n {
		h.add(weightLonger, s.series(u.Name, "busy", "served"), at, "because-longer", u.Name, seconds(u.Demand), seconds(others/n))
	}
}

// slowIn weighs that users of one value of a dimension are slower than the others.
func (h *Hypothesis) slowIn(d *difference, kind string, at span, weight float64) {
	series := []string{d.actions + " response time by " + kind}
	h.add(weight, series, at, "because-slower", say("dimension-"+kind), d.row.Name, times(d.ratio), d.actions, capacity.Share(seldom))
	if w := d.row.Worst; w.Samples > 0 && d.ratio >= verySlow {
		h.add(weightVerySlow, []string{w.Action + " response time by " + kind}, at, "because-worst", w.Action, w.P95, d.row.Name, w.OthersP95)
	}
}

// shareOf are the shares of the values of splits that have the same protocol as another, for its test.
func shareOf(rows []judge.SplitRow) (shares []float64, busiest *judge.SplitRow, top float64) {
	total := 0.0
	for i := range rows {
		total += float64(rows[i].Count)
		shares = append(shares, float64(rows[i].Count))
	}
	if total == 0 {
		return nil, nil, 0
	}
	k := slices.Index(shares, slices.Max(shares))
	return shares, &rows[k], shares[k] / total
}
