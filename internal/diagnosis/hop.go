package diagnosis

import (
	"pegel/internal/capacity"
	"pegel/internal/record"
)

// Weights of the evidence that sessions move between backends and are built again.
const (
	weightMoves      = 12 // sessions change their backend
	weightMovedSlow  = 10 // requests after a change are slower beyond chance
	weightMovedAlike = -12
	weightStay       = -15 // they do not change it

	moves     = 0.005 // share of the requests
	movedSlow = 1.1
)

// sessionHop asks whether sessions move. Where they may be served anywhere, moving costs nothing, so that it takes slower
// requests after a change.
func (s *sight) sessionHop() *Hypothesis {
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
		for i := range s.top.Resources { // building sessions again is work
			if v := s.view(s.top.Resources[i].Name); v != nil {
				h.explains = append(h.explains, v.Name)
			}
		}
	}
	h.Settle = Settle{What: say("settle-sticky"), Command: s.experiment("bypass")}
	return h
}
