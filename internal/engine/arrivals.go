package engine

import (
	"fmt"
	"sync"
	"time"

	"pegel/internal/plan"
)

// arriving is an open process at work. One goroutine walks the arrivals and starts each at its time; only who has arrived and not
// yet gone takes a goroutine of its own.
type arriving struct {
	e    *engine
	of   *plan.Arrivals
	from time.Duration // the beginning of the process on the run's clock
	stop chan struct{} // closed when nobody is to arrive any more

	mu     sync.Mutex
	gone   bool
	atWork map[*user]struct{}
	came   int // since the last report
	missed int // of them, those not started because as many as allowed were at work
}

// openProcesses are all of a run.
type openProcesses []*arriving

// open lets the plan's open processes begin at a time.
func (e *engine) open(from time.Duration) openProcesses {
	var list openProcesses
	for i := range e.plan.Arrivals {
		a := &arriving{e: e, of: &e.plan.Arrivals[i], from: from, stop: make(chan struct{}), atWork: map[*user]struct{}{}}
		list = append(list, a)
		e.wg.Go(a.run)
	}
	return list
}

// run starts one arrival after the other at its intended time; late ones at once, so that the lag is theirs and none is left out.
func (a *arriving) run() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	stream := a.of.Stream()
	for {
		after, n, ok := stream.Next()
		if !ok {
			return
		}
		at := a.from + after
		if d := at - a.e.now(); d > 0 {
			timer.Reset(d)
			select {
			case <-timer.C:
			case <-a.stop:
				return
			case <-a.e.ctx.Done():
				return
			}
		} else if a.ended() {
			return
		}
		a.start(n, at)
	}
}

func (a *arriving) ended() bool {
	select {
	case <-a.stop:
		return true
	case <-a.e.ctx.Done():
		return true
	default:
		return false
	}
}

// start lets one user play its journey, unless as many as allowed are at it.
func (a *arriving) start(n uint64, at time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.gone {
		return
	}
	a.came++
	if len(a.atWork) >= a.of.Most {
		a.missed++
		return
	}
	who := a.of.User(n)
	u := a.e.newUser(&who)
	u.once = true
	u.cursor.Once()
	a.atWork[u] = struct{}{}
	a.e.wg.Go(func() {
		defer close(u.ended)
		u.run(at, 0)
		a.mu.Lock()
		delete(a.atWork, u)
		a.mu.Unlock()
	})
}

// report says what was not started in a stage, and begins to count anew.
func (a *arriving) report(st *plan.Stage) {
	a.mu.Lock()
	came, missed := a.came, a.missed
	a.came, a.missed = 0, 0
	a.mu.Unlock()
	if missed > 0 {
		a.e.event(Event{Kind: Note, Text: fmt.Sprintf(notStarted, missed, came, a.e.plan.Personas[a.of.Persona].Name, st.Index+1, a.of.Most)})
	}
}

// notStarted is recognised when the archive is judged.
const notStarted = "%d of %d arrivals of %s were not started in stage %d: %d were at work already, so that the rate was not reached"

func (list openProcesses) report(st *plan.Stage) {
	for _, a := range list {
		a.report(st)
	}
}

func (list openProcesses) leave() {
	for _, a := range list {
		a.leave()
	}
}

// leave lets nobody arrive any more, and asks those at work to go.
func (a *arriving) leave() {
	close(a.stop)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.gone = true
	for u := range a.atWork {
		u.leave()
	}
}
