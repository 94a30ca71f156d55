package judge

import (
	"math"
	"slices"
)

// longPoll is the action whose answer the platform is asked to hold. Where a server serves one request with each of its workers, each
// that waits holds one.
const longPoll = "eas.ping"

// deliveryAction is a message's way into the INBOX: no request is under way meanwhile.
const deliveryAction = "delivery.inbox"

// under is what of an action's time was latency: its rate, and the mean of its service times in seconds.
type under struct{ rate, service float64 }

// waiting says for each stage how many requests the platform held back as it had been asked to: the mean number of actions under way
// less those whose time is latency, X·S of each action by Little's law. A request that lies waiting for a worker is late, and so belongs
// to the latter: what is left is held by the platform itself, which is seen nowhere else from outside. By how much every answer to a
// long poll is late, in the stage where that is least, is the platform's own way of keeping time, and the worker is held meanwhile.
func (r *reading) waiting() {
	own := math.Inf(1)
	for i := range r.out.Stages {
		if st := &r.out.Stages[i]; st.Valid && st.polls.rate > 0 {
			own = math.Min(own, st.polls.service)
		}
	}
	for i := range r.out.Stages {
		if st := &r.out.Stages[i]; st.polls.rate > 0 {
			late := math.Max(st.polls.service-own, 0)
			st.Waiting = math.Max(st.InFlight-st.busy-st.polls.rate*late, 0)
		}
	}
}

const (
	// bent is below which part of the share of users that wait in the lowest stage a stage shows that a limit has ended the rise.
	bent = 0.85
	// alike is by how much, as a share, the numbers of waiting requests may differ among such stages.
	alike = 0.15
	// rough is how exactly a stage tells the number at all, as a share of it, and at least coarse.
	rough, coarse = 0.03, 0.3
)

// held is how many requests wait at one number of users.
type held struct {
	users          int
	waiting, doubt float64 // means of so many stages
	stages         float64
}

// weight is that of the number in a mean: the inverse of its variance.
func (h *held) weight() float64 {
	own := math.Max(coarse, rough*h.waiting)
	return 1 / (own*own + h.doubt*h.doubt)
}

// edges is by how much a stage's number of waiting requests may be wrong because Little's law holds from rest to rest, while the hold
// cuts through actions: the queue's age at its end less that at its beginning, through its length. Long polls that came in one after
// the other leave together, so that the age of all that lie in the queue goes up and down by the time for which one is held.
func (s *StageResult) edges() float64 {
	length := (s.End - s.Start).Seconds()
	if s.polls.rate <= 0 || length <= 0 {
		return 0
	}
	queue := math.Max(s.InFlight-s.Waiting, 0)
	return queue * s.Waiting / s.polls.rate / length
}

// heldWorkers are those that waiting requests hold: no more of them wait although more users would, and from there on an objective is
// broken. ok is false where the stages do not show all of that.
func (r *reading) heldWorkers() (workers float64, at, top int, action string, ok bool) {
	var points []held
	for i := range r.out.Stages {
		st := &r.out.Stages[i]
		if !st.Valid || st.Users == 0 {
			continue
		}
		k, found := slices.BinarySearchFunc(points, st.Users, func(p held, users int) int { return p.users - users })
		if !found {
			points = slices.Insert(points, k, held{users: st.Users})
		}
		points[k].waiting += st.Waiting
		points[k].doubt += st.edges()
		points[k].stages++
	}
	if len(points) < 3 {
		return 0, 0, 0, "", false
	}
	for i := range points {
		points[i].waiting /= points[i].stages
		points[i].doubt /= points[i].stages
	}
	share := points[0].waiting / float64(points[0].users)
	limited := func(p *held) bool { return p.waiting < bent*share*float64(p.users) }
	mean := func(of func(p *held) bool) float64 {
		sum, weights := 0.0, 0.0
		for i := range points {
			if p := &points[i]; of(p) {
				sum += p.weight() * p.waiting
				weights += p.weight()
			}
		}
		return sum / weights // NaN where there is none
	}
	least, most := math.Inf(1), 0.0 // as far apart as they are beyond doubt
	for i := range points {
		if p := &points[i]; limited(p) {
			least, most = math.Min(least, p.waiting+p.doubt), math.Max(most, p.waiting-p.doubt)
		}
	}
	level := mean(limited)
	if math.IsNaN(level) || most-least > alike*most {
		return 0, 0, 0, "", false
	}
	// The stage in which they are just enough shows their number too.
	level -= math.Max(0.6, 0.05*level)
	workers = math.Round(mean(func(p *held) bool { return p.waiting >= level }))
	from := slices.IndexFunc(points, func(p held) bool { return p.waiting >= workers-0.5 })
	last := points[len(points)-1]
	if workers < 1 || from < 1 || from == len(points)-1 {
		return 0, 0, 0, "", false
	}
	broken := 0
	for _, o := range r.out.Objectives {
		if o.Quantile > 0 && o.BrokenAt > 0 && (broken == 0 || o.BrokenAt < broken) {
			broken, action = o.BrokenAt, o.Action
		}
	}
	// The objective may break a stage before the mean number reaches the level: now and then all are held by then.
	if broken == 0 || broken < points[from-1].users {
		return 0, 0, 0, "", false
	}
	return workers, points[from].users, last.users, action, true
}

// noteHeld says which workers are held.
func (r *reading) noteHeld() {
	if workers, at, top, action, ok := r.heldWorkers(); ok {
		r.warn("held-by-waiting", int(workers), longPoll, at, top, action)
	}
}
