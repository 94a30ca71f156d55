package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"pegel/internal/plan"
	"pegel/internal/record"
	"pegel/probes/probe"
	"pegel/scenarios"
)

// atWork are the users that a stage may change in number.
type atWork struct {
	active   [][]*user // by persona
	copiers  []*user
	deferred []*user
	fixed    []*user
}

// stages plays one stage after the other: users arrive over the ramp at their own offsets, the platform settles, the
// hold is measured.
func (e *engine) stages(ctx context.Context) error {
	at := atWork{active: make([][]*user, len(e.plan.Personas))}
	defer at.leave()
	open := e.open(e.now())
	defer open.leave()
	var done []StageResult
	for {
		st, ok, err := e.next(ctx, done)
		if err != nil || !ok {
			return e.ended(ctx, &at, err)
		}
		if err := e.unpaused(ctx); err != nil {
			return e.ended(ctx, &at, err)
		}
		begin := e.now()
		paused, _ := e.pauses.now()
		e.event(Event{At: begin, Kind: Ramp, Stage: st})
		e.arriveAll(&at, st)
		var from, more time.Duration // more: what phases took beyond their planned lengths
		for _, phase := range []struct {
			until time.Duration
			kind  string

			length, most time.Duration // of what ends
		}{
			{st.Ramp, Settle, 0, 0}, {st.Ramp + st.Settle, Hold, st.Settle, st.SettleMost}, {st.Duration(), End, st.Hold, st.HoldMost},
		} {
			err := e.wait(ctx, begin+phase.until+more, paused)
			if err == nil {
				var by time.Duration
				by, err = e.extend(ctx, st, phase.kind, phase.length, phase.most)
				more += by
			}
			if err != nil {
				open.report(st)
				e.reportUnopened(st)
				return e.ended(ctx, &at, err)
			}
			now := e.now()
			if phase.kind == Hold {
				from = now
				e.strike(st, now)
			}
			ev := Event{At: now, Kind: phase.kind, Stage: st}
			if phase.kind == Hold {
				ev.Cold, ev.Warm = e.first, at.users()-e.first
			}
			e.event(ev)
		}
		open.report(st)
		e.reportUnopened(st)
		done = append(done, StageResult{*st, from, e.now()})
	}
}

// ended passes on why the stages have ended. Where a rule has ended them users leave gently; not where logins are refused,
// because each that is still to come locks an account.
func (e *engine) ended(ctx context.Context, at *atWork, err error) error {
	var aborted *AbortError
	if errors.As(err, &aborted) && !aborted.Refused {
		e.rampDown(ctx, at)
	}
	return err
}

// next is the stage after those done: the plan's own one after the other, then what Options.Next chooses. A decision takes
// a while, in which the run can be ended as at any other time.
func (e *engine) next(ctx context.Context, done []StageResult) (*plan.Stage, bool, error) {
	if len(done) < len(e.plan.Stages) {
		return &e.plan.Stages[len(done)], true, nil
	}
	if e.opt.Next == nil || e.chosen {
		return e.situation(len(done))
	}
	type choice struct {
		stage plan.Stage
		ok    bool
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	made := make(chan choice, 1)
	e.deciding.Go(func() {
		st, ok := e.opt.Next(ctx, done)
		made <- choice{st, ok}
	})
	select {
	case c := <-made:
		if e.chosen = !c.ok; e.chosen {
			return e.situation(len(done))
		}
		return &c.stage, true, nil
	case why := <-e.aborted:
		return nil, false, why
	case <-e.opt.Stop:
		return nil, false, ErrStopped
	case <-ctx.Done():
		return nil, false, ErrStopped
	}
}

// situation is the next one that is played, after all other stages.
func (e *engine) situation(index int) (*plan.Stage, bool, error) {
	if e.situations >= len(e.plan.Situations) {
		return nil, false, nil
	}
	st := e.plan.Situations[e.situations]
	st.Index = index
	e.situations++
	return &st, true, nil
}

// arriveAll brings everybody to a stage's numbers. The first stage brings the fixed users too.
func (e *engine) arriveAll(at *atWork, st *plan.Stage) {
	ramp := spread(st)
	if at.fixed == nil {
		at.fixed = e.arrive(nil, pointers(e.plan.Fixed), len(e.plan.Fixed), ramp)
	}
	core, deferred := st.Copiers, 0
	if st.Pass == scenarios.DeferredPass {
		core, deferred = 0, st.Copiers
	}
	at.copiers = e.arrive(at.copiers, pointers(e.plan.Copiers), core, ramp)
	at.deferred = e.arrive(at.deferred, pointers(e.plan.Deferred), deferred, ramp)
	if st.Together {
		ramp = 0
	}
	e.first = 0
	for k := range at.active {
		list := e.plan.Users(k)
		for i := len(at.active[k]); i < min(st.Mix[k], len(list)); i++ {
			if e.left[list[i]] == nil {
				e.first++
			}
		}
		at.active[k] = e.arrive(at.active[k], list, st.Mix[k], ramp)
	}
}

// users is how many active users are at work.
func (at *atWork) users() (n int) {
	for _, list := range at.active {
		n += len(list)
	}
	return n
}

func (at *atWork) leave() {
	for _, list := range append(at.active, at.copiers, at.deferred, at.fixed) {
		for _, u := range list {
			u.leave()
		}
	}
}

func pointers(users []plan.User) []*plan.User {
	list := make([]*plan.User, len(users))
	for i := range users {
		list[i] = &users[i]
	}
	return list
}

// spread is the time over which a stage's users arrive: its ramp, or where it has none its settle time, but never all at
// once, unless the stage says so.
func spread(st *plan.Stage) time.Duration {
	return max(cmp.Or(st.Ramp, st.Settle), time.Second)
}

// arrive brings the number of users at work to n, adding the next ones of the list over the ramp or sending the last
// ones away, who end the action that they are at and start no other.
func (e *engine) arrive(at []*user, list []*plan.User, n int, ramp time.Duration) []*user {
	now := e.now()
	paused, _ := e.pauses.now()
	for len(at) < min(n, len(list)) {
		who := list[len(at)]
		u, before := e.newUser(who), e.left[who]
		if e.plan.Personas[who.Persona].Share > 0 {
			u.storm = e.storm
		}
		at = append(at, u)
		e.wg.Go(func() {
			defer close(u.ended)
			arrival := now + time.Duration(who.Start*float64(ramp))
			if before != nil { // whoever comes back goes on with its draws, and has downloaded already
				<-before.ended
				u.cursor = before.cursor
				u.cursor.Restart()
				u.remember() // what the cursor knows of answers is what the user saves from now on
				arrival = max(arrival, e.now())
			}
			u.run(arrival, paused)
		})
	}
	for len(at) > n {
		u := at[len(at)-1]
		u.leave()
		e.left[u.who] = u
		at = at[:len(at)-1]
	}
	return at
}

// wait returns at a time of the run's clock, put off by pauses; done is what they had taken when the time was set.
func (e *engine) wait(ctx context.Context, until, done time.Duration) error {
	timer := time.NewTimer(until - e.now())
	defer timer.Stop()
	var resumed <-chan struct{}
	for {
		select {
		case <-timer.C:
		case <-resumed:
		case why := <-e.aborted:
			return why
		case <-e.opt.Stop:
			return ErrStopped
		case <-ctx.Done():
			return ErrStopped
		}
		var gone time.Duration
		if gone, resumed = e.pauses.now(); resumed != nil {
			continue // until it ends
		}
		if gone == done {
			return nil
		}
		until, done = until+gone-done, gone
		timer.Reset(until - e.now())
	}
}

// unpaused waits for the end of a pause, where there is one.
func (e *engine) unpaused(ctx context.Context) error {
	_, resumed := e.pauses.now()
	if resumed == nil {
		return nil
	}
	select {
	case <-resumed:
		return nil
	case why := <-e.aborted:
		return why
	case <-e.opt.Stop:
		return ErrStopped
	case <-ctx.Done():
		return ErrStopped
	}
}

// collect takes the recorder's intervals away on each full second of the run's clock, until stop and once more after it.
func (e *engine) collect(stop <-chan struct{}) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for k := time.Duration(1); ; k++ {
		beat := k * time.Second
		timer.Reset(beat - e.now())
		last := false
		select {
		case <-timer.C:
		case <-stop:
			last = true
		}
		now := e.now()
		k = max(k, now/time.Second) // after a pause the beats that were missed are one interval
		in := e.recorder.Collect(now)
		in.Users = int(e.users.Load())
		for i := range e.flight {
			in.InFlight += int(e.flight[i].Load())
		}
		if !last {
			in.Late = now - beat
		}
		e.handBranches()
		if e.opt.OnInterval != nil {
			e.opt.OnInterval(in)
		}
		if last {
			return
		}
		e.abortRule(in)
		if why := e.guard.look(in); why != "" {
			e.abort(&AbortError{Text: why})
		}
	}
}

// abortRule ends the run when the error share has been over the limit for long enough without a break.
func (e *engine) abortRule(in *record.Interval) {
	if e.opt.AbortFor <= 0 {
		return
	}
	var done, failed uint64
	for _, s := range in.Series {
		if s != nil {
			done += s.Done()
			failed += s.Failed()
		}
	}
	if done > 0 && float64(failed) <= e.opt.AbortOver*float64(done) {
		e.over = 0
		return
	}
	if done == 0 && e.over == 0 {
		return
	} // else a second in which nothing ended is no sign of health: time-outs may take longer
	if e.over += in.End - in.Start; e.over >= e.opt.AbortFor {
		e.abort(&AbortError{Text: fmt.Sprintf("error share was above %.3g %% for %v", 100*e.opt.AbortOver, e.opt.AbortFor)})
	}
}

// Preflight tries every way in once with the first account of each persona before the load begins: name resolution,
// connection, certificate, login. It returns a *PreflightError for the first that does not work. One that works but for a single item,
// such as a message that is too large to be copied, works.
func Preflight(ctx context.Context, p *plan.Plan, opt Options) error {
	e := newEngine(ctx, p, nil, opt)
	tried := map[string]bool{}
	for _, list := range [][]plan.User{p.Fixed, p.Active, p.Copiers, p.Deferred, p.FirstArrivals()} {
		seen := map[int]bool{}
		for i := range list {
			who := &list[i]
			if seen[who.Persona] {
				continue
			}
			seen[who.Persona] = true
			if err := e.tryWaysIn(who, tried); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *engine) tryWaysIn(who *plan.User, tried map[string]bool) error {
	u := e.newUser(who)
	defer u.closeSessions()
	for _, act := range e.plan.Opening(who.Persona) {
		way := act.Target + " " + act.Verb
		if tried[way] {
			continue
		}
		tried[way] = true
		err := u.try(&act, min(act.Timeout, 30*time.Second))
		if e.ctx.Err() != nil {
			return ErrStopped
		}
		if _, item := errors.AsType[*probe.ItemError](err); err != nil && !item {
			verb := e.plan.Protocol(act.Target).Name + "." + act.Verb
			if u.openErr != nil {
				verb = e.plan.Protocol(act.Target).Name + ".connect"
			}
			return &PreflightError{Target: act.Target, Action: verb, Err: &safeError{text: cut(err, u.account), err: err}}
		}
	}
	return nil
}

// safeError keeps an error's chain while its text has lost the secret.
type safeError struct {
	text string
	err  error
}

func (s *safeError) Error() string { return s.text }
func (s *safeError) Unwrap() error { return s.err }
