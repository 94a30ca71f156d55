package judge

import (
	"pegel/internal/archive"
	"pegel/internal/capacity"
	"pegel/scenarios"
)

// ThresholdShares are the shares of the capacity at which thresholds are given: time to plan, time to stop adding, the edge.
var ThresholdShares = []float64{0.70, 0.85, 1}

// leastProbable is how probable it must be that a resource gives way first for its metrics to say how near the edge is.
const leastProbable = 0.05

// Thresholds are the values of the platform's own metrics at shares of the capacity in the busy hour.
type Thresholds struct {
	Determined bool
	Why        Message // where not determined
	Resources  []ResourceThresholds
}

// ResourceThresholds are the values of one resource's metrics.
type ResourceThresholds struct {
	Name, Kind, Page string
	Limit            float64          // in its own units
	Probability      float64          // that it gives way first, in [0, 1]
	Tells            bool             // it may well give way first: its values say how near the edge is
	Reading          Reading          // how the metrics were read
	Levels           []capacity.Level // one for each of ThresholdShares
}

// Reading names the series by which a resource was read from a page in the Prometheus format; all are empty where it was
// read in another way. Of several series that a selector picks, the sum is meant.
type Reading struct {
	InUse  string // gauge of units in use
	Busy   string // counter of seconds in use: its rise per second is the units in use
	Queue  string // gauge of visits waiting
	Waited string // counter of seconds waited: its rise per second is the visits waiting
}

// thresholds turns the levels of the busy hour's forecast into what the operators of the platform can watch.
func (r *reading) thresholds(f *capacity.Forecast) *Thresholds {
	t := &Thresholds{}
	switch {
	case !f.Determined:
		t.Why = Say("thresholds-no-capacity", f.Why)
		return t
	case f.Method != "counters":
		t.Why = Say("thresholds-no-counters")
		return t
	case f.First.Resource == "":
		t.Why = Say("thresholds-unexplained")
		return t
	}
	for _, x := range f.Resources {
		if len(x.Levels) == 0 {
			continue
		}
		one := ResourceThresholds{Name: x.Name, Kind: x.Kind, Limit: x.Limit, Probability: x.Probability, Tells: x.Probability >= leastProbable, Levels: x.Levels}
		one.Page, one.Reading = r.readBy(x.Name)
		t.Determined = t.Determined || one.Tells
		t.Resources = append(t.Resources, one)
	}
	if !t.Determined {
		t.Why, t.Resources = Say("thresholds-unobserved"), nil
	}
	return t
}

// readBy is the page on which a resource was read, and the series by which it was.
func (r *reading) readBy(name string) (page string, by Reading) {
	for _, p := range r.observed {
		for _, res := range p.Resources {
			if res.Name != name {
				continue
			}
			if p.Prometheus == "" {
				return p.Name, by
			}
			return p.Name, r.present(p, res)
		}
	}
	return "", by
}

// present leaves out what the page did not have during the run: a rule on it would never fire.
func (r *reading) present(p scenarios.Observe, res scenarios.Resource) Reading {
	seen := func(selector, field string) string {
		for _, part := range r.parts {
			if part.of(p.Name, res.Name, field) != nil {
				return selector
			}
		}
		return ""
	}
	return Reading{
		InUse: seen(res.InUse, archive.FieldInUse), Busy: seen(res.Busy, archive.FieldBusy),
		Queue: seen(res.Queue, archive.FieldQueue), Waited: seen(res.Waited, archive.FieldWaited),
	}
}
