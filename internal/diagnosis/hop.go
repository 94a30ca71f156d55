package diagnosis

import (
	"slices"

	"pegel/internal/capacity"
	"pegel/internal/judge"
	"pegel/internal/record"
)

// Weights of the evidence that sessions move between backends and are built again.
const (
	weightMoves      = 12 // sessions change their backend
	weightMovedSlow  = 10 // requests after a change are slower beyond chance
	weightMovedAlike = -12
	weightMovedWork  = 4   // of the time of all requests, movedWork and more goes to them
	weightStay       = -15 // they do not change it

	moves     = 0.005 // share of the requests
	movedSlow = 1.1
	movedWork = 0.2
)

// sessionHop asks whether sessions move. Where they may be served anywhere, moving costs nothing, so that it takes slower
// requests after a change.
func (s *sight) sessionHop(resources []*Hypothesis) *Hypothesis {
	var moved, stayed float64
	splits := s.splits(record.KindMove, s.top)
	for _, x := range splits {
		for _, row := range x.Rows {
			if row.Name == record.Moved.String() {
				moved += float64(row.Count)
			} else {
				stayed += float64(row.Count)
			}
		}
	}
	if moved+stayed < few {
		return nil
	}
	at, part := s.in(s.top), moved/(moved+stayed)
	h := suppose(SessionHop, "", say("session-hop", share(part)))
	series := []string{"backend of each session's answers"}
	if part < moves || moved < few {
		h.add(weightStay, series, at, "because-stay", share(part))
		return h
	}
	h.add(weightMoves, series, at, "because-moves", share(part), s.top.Users)
	slow := false
	for _, d := range differences(splits) {
		if d.row.Name == record.Moved.String() && d.ratio >= movedSlow && d.chance < seldom {
			slow = true
			h.Subject = d.actions
			h.add(weightMovedSlow, []string{d.actions + " response time by move"}, at, "because-moved-slow", times(d.ratio), d.actions, capacity.Share(seldom))
			break
		}
	}
	if !slow {
		h.add(weightMovedAlike, series, at, "because-moved-alike")
	} else {
		s.movedWork(h, splits, resources)
	}
	h.Settle = Settle{What: say("settle-sticky"), Command: s.experiment("bypass")}
	return h
}

// movedWork weighs how much of the time of a protocol's requests goes to what they take longer after a move: building sessions again
// is work, and what it is done with may be what gives way.
func (s *sight) movedWork(h *Hypothesis, splits []judge.Split, resources []*Hypothesis) {
	for _, x := range splits {
		if x.Actions != h.Subject {
			continue
		}
		var moved, stayed judge.SplitRow
		for _, row := range x.Rows {
			if row.Name == record.Moved.String() {
				moved = row
			} else {
				stayed = row
			}
		}
		all := float64(moved.Count)*moved.Ratio + float64(stayed.Count)*stayed.Ratio
		part := float64(moved.Count) * (moved.Ratio - stayed.Ratio) / all
		if all <= 0 || part < movedWork {
			continue
		}
		h.add(weightMovedWork, []string{x.Actions + " response time by move"}, s.in(s.top), "because-moved-work", share(part), x.Actions)
		var names []string
		for _, v := range s.r.Resources {
			if slices.ContainsFunc(s.top.Actions, func(a judge.ActionStats) bool { return judge.Matches(x.Actions, a.Action) && passes(&v, a.Action) }) {
				names = append(names, v.Name)
			}
		}
		h.inherit(resources, names, []string{"platform in_use"}, s.in(s.top))
	}
}
