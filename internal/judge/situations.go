package judge

import (
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"pegel/internal/capacity"
	"pegel/scenarios"
)

// BusyHour is the situation that is always judged, and the first one.
const BusyHour = "busy hour"

// situation is a time that the platform must survive, as a departure from the busy hour.
type situation struct {
	name    string
	surge   []float64 // by action: further actions per second and active user
	within  time.Duration
	changes []capacity.Change
	why     Message // why it cannot be forecast; empty: it can
}

// situations are the busy hour and those of the scenario.
func (r *reading) situations() []situation {
	list := []situation{{name: BusyHour}}
	var session []float64
	for _, s := range r.scenario.Situations {
		one := situation{name: s.Name, within: s.Within.D()}
		if s.Logins > 0 {
			if session == nil {
				session = r.sessionActions()
			}
			if one.surge, one.why = surge(session, s); s.Within == 0 {
				one.surge, one.why = nil, Say("situation-together")
			}
		}
		if s.Copy == string(scenarios.DeferredPass) {
			one.why = Say("situation-copy")
		}
		if why := r.missing(s.Less, &one); !why.Empty() {
			one.why = why
		}
		list = append(list, one)
	}
	return list
}

// surge is what the logins of a situation add for each active user: actions per session × logins / time.
func surge(session []float64, s scenarios.Situation) ([]float64, Message) {
	rates := make([]float64, len(session))
	var sum float64
	for a, n := range session {
		rates[a] = n * s.Logins / s.Within.D().Seconds()
		sum += rates[a]
	}
	if sum == 0 {
		return nil, Say("no-logins-measured")
	}
	return rates, Message{}
}

// missing takes machines away: the limits of their kind's resources shrink in proportion.
func (r *reading) missing(less map[string]int, s *situation) Message {
	for _, kind := range slices.Sorted(maps.Keys(less)) {
		have := r.scenario.Environment.Nodes[kind]
		if t := r.scenario.Environment.Transfer; r.transfer.declared && t.Nodes[kind] > 0 {
			have = t.Nodes[kind]
		}
		if less[kind] >= have {
			return Say("no-machine-left", kind, have)
		}
		found := false
		r.resources(func(page string, res scenarios.Resource) {
			if belongs(kind, page, res) {
				found = true
				s.changes = append(s.changes, capacity.Change{Resource: res.Name, Times: float64(have-less[kind]) / float64(have)})
			}
		})
		if !found {
			return Say("no-resource-of-kind", kind)
		}
	}
	return Message{}
}

// sessionActions is how many connect and login actions one session begins with, by action of the input: those done while
// users arrived, less what the users already there did at the rate of the holds, for each user who arrived.
func (r *reading) sessionActions() []float64 {
	count := make([]float64, len(r.in.Actions))
	var arrived float64
	for _, part := range r.parts {
		arrived += part.arrivals(r.in.Actions, count)
	}
	for a := range count {
		count[a] = math.Max(count[a], 0) / math.Max(arrived, 1)
	}
	return count
}

// arrivals adds to count, by action, the connect and login actions beyond the steady ones, and returns the users who came.
func (r *reading) arrivals(actions []capacity.Action, count []float64) (users float64) {
	if len(r.out.Stages) == 0 {
		return 0
	}
	at := 0
	last := r.out.Stages[len(r.out.Stages)-1].End
	for i := range r.out.Stages {
		if r.out.Arms != nil { // everybody comes anew in every stage
			at = 0
		}
		users += math.Max(float64(r.out.Stages[i].Users-at), 0)
		at = r.out.Stages[i].Users
	}
	if r.out.Arms != nil {
		for i := range r.out.Arms.Stages {
			users += float64(r.out.Arms.Stages[i].Users)
			last = max(last, r.out.Arms.Stages[i].End)
		}
	}
	for k := range actions {
		a := slices.Index(r.out.Meta.Actions, actions[k].Name)
		if a < 0 || !strings.HasSuffix(actions[k].Name, ".connect") && !strings.HasSuffix(actions[k].Name, ".login") {
			continue
		}
		var steady, held, ramping, exposed float64 // actions in holds, user-seconds there; the same outside
		for _, in := range r.intervals {
			if in.start >= last {
				break
			}
			seconds := (in.end - in.start).Seconds() * float64(in.users)
			if r.holding(in) {
				steady += r.done(in, a)
				held += seconds
			} else {
				ramping += r.done(in, a)
				exposed += seconds
			}
		}
		count[k] += ramping - exposed*steady/math.Max(held, 1)
	}
	return users
}

// holding tells whether an interval lies in the hold of a stage, with the same slack as for measuring.
func (r *reading) holding(in *interval) bool {
	within := func(st StageResult) bool { return lies(in.start, in.end, st.Start, st.End) }
	return slices.ContainsFunc(r.out.Stages, within) || r.out.Arms != nil && slices.ContainsFunc(r.out.Arms.Stages, within)
}

// done is how often the active users did an action in an interval; observers and copying users are none.
func (r *reading) done(in *interval, action int) float64 {
	var n float64
	personas := len(r.out.Meta.Personas)
	for p, name := range r.out.Meta.Personas {
		if _, active := r.scenario.Activity.ByPersona[name]; !active {
			continue
		}
		if s := in.of(action*personas + p); s != nil {
			n += float64(s.done)
		}
	}
	return n
}

// settling is how long the resource that gives way first needs to come to rest near its limit: twenty relaxation times
// (S/c)/(1−√ρ)² at ρ = 0.95.
func settling(f *capacity.Forecast) time.Duration {
	for _, x := range f.Resources {
		if x.Name == f.First.Resource && x.Limit > 0 {
			d := 1 - math.Sqrt(0.95)
			return seconds(20 * x.Demand / x.Limit / (d * d))
		}
	}
	return 0
}
