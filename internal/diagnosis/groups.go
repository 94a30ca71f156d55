package diagnosis

import (
	"cmp"
	"slices"

	"pegel/internal/judge"
)

// siblings are resources that do the same work for different users: the members of a group in one stage.
type siblings struct {
	group   string
	kind    string
	shards  bool                 // of accounts, not instances that a balancer chooses
	members []*judge.ResourceUse // the fullest first
}

// A group is uneven where its fullest member is at least fuller times as full as the mean of the group, which chance among the
// users would do with a probability below unevenChance.
const (
	fuller       = 1.25
	unevenChance = 0.001
)

// groups are the groups of resources in a stage.
func (s *sight) groups(st *judge.StageResult) []siblings {
	var list []siblings
	for i := range st.Resources {
		u := &st.Resources[i]
		group, declared := s.groupOf(u.Name)
		if group == "" || u.Limit <= 0 {
			continue
		}
		k := slices.IndexFunc(list, func(g siblings) bool { return g.group == group && g.kind == kindOf(u.Kind) })
		if k < 0 {
			kind := kindOf(u.Kind)
			list = append(list, siblings{group: group, kind: kind, shards: declared || kind == Pool || kind == Disk || kind == Lock})
			k = len(list) - 1
		}
		list[k].members = append(list[k].members, u)
	}
	list = slices.DeleteFunc(list, func(g siblings) bool { return len(g.members) < 2 })
	for _, g := range list {
		slices.SortStableFunc(g.members, func(a, b *judge.ResourceUse) int { return cmp.Compare(b.Utilisation, a.Utilisation) })
	}
	return list
}

// fullest is the fullest member, with its fullness over the mean of the group.
func (g *siblings) fullest() (u *judge.ResourceUse, ratio float64) {
	sum := 0.0
	for _, m := range g.members {
		sum += m.Utilisation
	}
	if sum == 0 {
		return g.members[0], 1
	}
	return g.members[0], g.members[0].Utilisation * float64(len(g.members)) / sum
}

// chance is the probability that users drawn alike would use the members so unequally: by visits where those are counted, else
// by what is in use.
func (g *siblings) chance(users int) float64 {
	rates, uses := make([]float64, len(g.members)), make([]float64, len(g.members))
	counted := true
	for i, m := range g.members {
		rates[i], uses[i] = m.Rate, m.Utilisation
		counted = counted && m.Demand > 0 || m.InUse == 0
	}
	if p := unequal(uses, float64(users)); !counted || p > unequal(rates, float64(users)) {
		return p
	}
	return unequal(rates, float64(users))
}

// names are the members' names.
func (g *siblings) names() []string {
	var list []string
	for _, m := range g.members {
		list = append(list, m.Name)
	}
	return list
}

// stays says in how many of the stages the same member is the fullest.
func (s *sight) stays(group, name string) (same, of int) {
	for _, st := range s.stages {
		for _, g := range s.groups(st) {
			if g.group != group {
				continue
			}
			of++
			if u, _ := g.fullest(); u.Name == name {
				same++
			}
		}
	}
	return same, of
}

// suspect is the hypothesis of a resource, nil where there is none.
func suspect(resources []*Hypothesis, name string) *Hypothesis {
	for _, h := range resources {
		if slices.Contains(h.members, name) {
			return h
		}
	}
	return nil
}

// inherit adds what speaks for and against one of a group's members being full, which the hypothesis would explain, at most so much.
func (h *Hypothesis) inherit(resources []*Hypothesis, names []string, series []string, at span) {
	var best *Hypothesis
	for _, name := range names {
		if r := suspect(resources, name); r != nil && (best == nil || r.Score > best.Score) {
			best = r
		}
	}
	if best == nil {
		return
	}
	h.explains = append(h.explains, names...)
	weight := min(max(best.Score-Prior, mostAgainst), mostInherited)
	if weight > 0 {
		h.add(weight, series, at, "because-gives-way", best.Subject)
	} else if weight < 0 {
		h.add(weight, series, at, "because-others-first", best.Subject)
	}
}

// mostInherited is the most that a resource's own evidence weighs for a cause behind it, mostAgainst the most that it weighs against.
const mostInherited, mostAgainst = 12, -12
