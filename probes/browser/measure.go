package browser

import (
	_ "embed"
	"time"
)

//go:embed measure.js
var measureScript string

//go:embed before.js
var beforeScript string

// measured is what measure.js reports, in ms.
type measured struct {
	First    float64 `json:"first"`
	Largest  float64 `json:"largest"`
	Tasks    int64   `json:"tasks"`
	TaskTime float64 `json:"taskTime"`
	Origin   float64 `json:"origin"`
}

// paints are when a page that was loaded was painted first, and its largest part, after its time origin.
type paints struct{ first, largest time.Duration }

// measure reads the document's clocks: its paints once, where it has just been loaded, and the long tasks since last time.
func (s *tab) measure() error { return s.measureWithin(0) }

// measureWithin waits up to limit for the first paint.
func (s *tab) measureWithin(limit time.Duration) error {
	var m measured
	if err := s.evaluate(measureScript, limit.Milliseconds(), &m); err != nil {
		if replaced(err) {
			return nil // the document has gone, and its clocks with it
		}
		return err
	}
	before := s.last
	if m.Origin != before.Origin {
		before = measured{}
	}
	s.tasks += m.Tasks - before.Tasks
	s.taskTime += ms(m.TaskTime - before.TaskTime)
	s.last = m
	if s.fresh {
		s.fresh = false
		s.paints = append(s.paints, paints{ms(m.First), ms(m.Largest)})
	}
	return nil
}

// remember notes what selectors show now.
func (s *tab) remember(selectors []string) error {
	if len(selectors) == 0 {
		return nil
	}
	var done bool
	err := s.evaluate(beforeScript, selectors, &done)
	if replaced(err) {
		return nil
	}
	return err
}
