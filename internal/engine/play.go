package engine

import (
	"time"

	"pegel/internal/plan"
)

// reason is why a user stopped playing its journey, or a branch of it. Where several branches stop, the highest one counts.
type reason uint8

const (
	goesOn      reason = iota
	stepsDone          // a branch has come to its end; a journey begins again instead
	sessionOver        // it has stayed as long as it was to
	gone               // it plays once and has lost its session: it does not come back
	fedUp              // it lost patience for good and is away for a while
	cutOff             // a storm has taken its sessions; it comes back
	sentAway           // it is to leave, or the run ends
)

// run plays the user's journey from the time it arrives until it is asked to leave: one session after the other, with absences
// between them where the persona has any. paused is what pauses had taken when that time was set.
func (u *user) run(arrival, paused time.Duration) {
	defer u.closeSessions()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	u.alarm.Store(timer)
	ok := false
	if u.once {
		ok = u.rest(timer, arrival)
	} else {
		arrival, ok = u.arrival(timer, arrival, paused)
	}
	if !ok {
		return
	}
	if !u.once { // who plays once is no user of the stages
		u.e.users.Add(1)
		defer u.e.users.Add(-1)
	}
	for at := arrival; ; {
		away := u.stay.begin(u.cursor, at)
		why, _ := u.play(timer, at)
		switch why {
		case sessionOver:
		case cutOff:
			u.struck() // in a branch only, so far
			away = max(0, u.back-u.e.now())
		case fedUp:
			away = u.e.plan.Personas[u.who.Persona].Leaving(away)
		default:
			return
		}
		u.closeSessions()
		if u.once {
			return
		}
		u.cursor.Again()
		if u.stay != nil {
			u.stay.until = 0
		}
		at = u.e.now() + away
		if !u.rest(timer, at) {
			return
		}
	}
}

// play walks the cursor from at on. It returns why it stopped, and when the last thing it did was over, its pause included.
func (u *user) play(timer *time.Timer, at time.Duration) (reason, time.Duration) {
	intended, free := at, at       // free is the end of the last action: before it the user could not begin anything
	var beat, passed time.Duration // passed: a time of the clock that is over for certain
	var act plan.Act
	for again := false; ; {
		if !again {
			var ok bool
			if act, ok = u.cursor.Next(); !ok {
				return stepsDone, intended
			}
		}
		if act.First && !again {
			u.closeSessions()
		}
		again = false
		switch {
		case act.Every > 0:
			intended, beat = nextBeat(&act, intended, beat, u.e.now())
		case act.Branches != nil:
			why, ended := u.beside(act.Branches, intended)
			if why > stepsDone {
				return why, ended
			}
			intended, free = ended, ended
		case act.Run == nil:
			intended += act.Think
		default:
			u.late = intended < free
			ended, how := u.do(&act, intended)
			free, passed = ended, ended
			if how == hung {
				if how = u.stay.lostPatience(act.Step); how == left {
					return fedUp, ended
				}
			}
			switch {
			case how == lost && u.once: // it does not come back
				return gone, ended
			case how == lost:
				intended = ended + u.lost(act.Key)
			case how == retried:
				u.closeSessions()
				again, intended = true, ended
			case how == reloaded:
				u.closeSessions()
				u.cursor.Restart()
				intended = ended
			case u.pace > 0: // a beat with jitter: the next one is intended, whenever this one ended
				intended = max(ended, intended+time.Duration(float64(u.pace)*(0.5+float64(act.Key>>11)/(1<<53))), intended+u.sending())
			case u.byteTime > 0:
				intended = max(ended+act.Think, intended+u.sending())
			default:
				intended = ended + act.Think
			}
		}
		if why := u.pause(timer, intended, passed); why != goesOn {
			return why, intended
		}
	}
}

// sending is how long the bytes that the last action sent take at the least, where the persona's bandwidth is limited.
func (u *user) sending() time.Duration {
	if u.byteTime == 0 {
		return 0
	}
	_, out := u.turn.Bytes()
	return time.Duration(float64(out) * u.byteTime * float64(time.Second))
}

// nextBeat is when the steps on a beat are to begin: on it, even if what was done on the one before ended later. Further beats
// that have gone by meanwhile fall together with that one, as those of a program's timer do, so that a slow platform does not make
// a queue of them. The second result is the last beat that has been seen to.
func nextBeat(act *plan.Act, intended, last, now time.Duration) (begin, beat time.Duration) {
	if act.Begins && act.Lockstep {
		begin = (intended/act.Every + 1) * act.Every
		return begin, begin
	}
	if act.Begins {
		begin = intended + act.Think
		return begin, begin
	}
	begin = last + act.Every
	return begin, begin + max(0, now-begin)/act.Every*act.Every
}

// pause waits until the run's clock shows at, and says why not where something comes between. The clock is not read where a time
// that has passed says that there is nothing to wait for: for users without think time that is a tenth of what they cost.
func (u *user) pause(timer *time.Timer, at, passed time.Duration) reason {
	if u.stay == nil && u.storm == nil {
		return u.sleep(timer, at, passed)
	}
	select {
	case <-u.wake:
		return sentAway
	default:
	}
	if u.struck() {
		return cutOff
	}
	var quit <-chan struct{} // of a branch whose user is fed up
	over := false
	if s := u.stay; s != nil {
		if s.quit != nil {
			quit = s.quit.c
			select {
			case <-quit:
				return fedUp
			default:
			}
		}
		if s.until > 0 && max(at, u.e.now()) >= s.until {
			at, over = s.until, true
		}
	}
	for at > passed {
		d := at - u.e.now()
		if d <= 0 {
			break
		}
		timer.Reset(d)
		select {
		case <-timer.C:
		case <-u.storm.announced():
			if u.struck() {
				return cutOff
			}
		case <-u.wake:
			return sentAway
		case <-u.e.ctx.Done():
			return sentAway
		case <-quit:
			return fedUp
		}
	}
	if over {
		return sessionOver
	}
	return goesOn
}

// sleep is the pause of users to whom nothing can happen but that they are to leave; that is most of them. It waits for its timer
// alone, which leave sets off: to wait for several things at once costs more than an action that does nothing.
func (u *user) sleep(timer *time.Timer, at, passed time.Duration) reason {
	for at > passed && !u.gone.Load() {
		d := at - u.e.now()
		if d <= 0 {
			break
		}
		timer.Reset(d)
		if u.gone.Load() { // between leave's and this setting of the timer
			break
		}
		<-timer.C
	}
	if u.gone.Load() {
		return sentAway
	}
	return goesOn
}
