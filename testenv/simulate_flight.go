package testenv

import (
	"cmp"
	"math"
	"slices"
)

// FlightCell is what was measured of those actions that began while a certain number were in flight: all actions of the
// active users and the background together, the one that began included. Numbers up to 16 have a cell each, larger ones share
// cells about 8 % wide.
type FlightCell struct {
	Action string
	Count  int64
	Level  float64 // sum of the numbers in flight
	Sum    float64 // seconds of response time
}

type flightSum struct{ count, level, total int64 }

const (
	flightExact = 16
	flightWidth = 1.08
)

// flightCell numbers the cells.
func flightCell(level int32) int {
	if level <= flightExact {
		return int(level)
	}
	return flightExact + 1 + int(math.Log(float64(level)/(flightExact+1))/math.Log(flightWidth)+1e-9)
}

func (t *tally) addFlight(level int32, response int64) {
	c := flightCell(level)
	for len(t.flight) <= c {
		t.flight = append(t.flight, flightSum{})
	}
	f := &t.flight[c]
	f.count++
	f.level += int64(level)
	f.total += response
}

func (s *simulation) flight() []FlightCell {
	var cells []FlightCell
	for _, t := range s.tallies {
		if t.background {
			continue
		}
		for _, f := range t.flight {
			if f.count > 0 {
				cells = append(cells, FlightCell{t.action, f.count, float64(f.level), float64(f.total) / 1e9})
			}
		}
	}
	slices.SortStableFunc(cells, func(a, b FlightCell) int { return cmp.Compare(a.Action, b.Action) })
	return cells
}
