package engine

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"pegel/internal/plan"
	"pegel/probes/probe"
)

// firstLogins is how many logins at the beginning of a run decide whether it may go on. When the run has fewer users, as many
// logins decide, but no fewer than leastLogins.
const (
	firstLogins = 20
	leastLogins = 3
)

// lockout watches the first logins of a run and stops it when more than half of them are refused: platforms lock accounts
// after a few wrong passwords, and a wrong password in a scenario would lock all of them. Preflight has tried one account
// before, so what is refused here are others.
type lockout struct {
	decided atomic.Bool
	proves  []bool // by action: a success means that the platform took the login
	of      int

	mu             sync.Mutex
	ended, refused int
}

func newLockout(p *plan.Plan) *lockout {
	l := &lockout{proves: make([]bool, len(p.Actions)), of: firstLogins}
	for _, target := range p.Targets {
		protocol := p.Protocol(target)
		_, separate := protocol.Actions["login"]
		for i, action := range p.Actions {
			if name, verb, _ := strings.Cut(action, "."); name == protocol.Name {
				l.proves[i] = verb == "login" || !separate && verb != "connect"
			}
		}
	}
	if len(p.Stages) > 0 {
		if users := p.Stages[0].Users + len(p.Fixed); users > 0 {
			l.of = min(max(users, leastLogins), firstLogins)
		}
	}
	return l
}

// note counts the end of an action that is or needs a login. When the first logins show that accounts would be locked, it
// returns why the run is to end, once.
func (l *lockout) note(action int, class probe.Class, auth bool) string {
	if l.decided.Load() || class != probe.Auth && (class != probe.OK || !auth && !l.proves[action]) {
		return ""
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.decided.Load() {
		return ""
	}
	l.ended++
	if class == probe.Auth {
		l.refused++
	}
	switch {
	case 2*l.refused > l.of:
		l.decided.Store(true)
		return fmt.Sprintf("%d of the first %d logins were refused; accounts would be locked out", l.refused, l.ended)
	case l.ended >= l.of:
		l.decided.Store(true)
	}
	return ""
}

// loggedIn watches an action for a refused login.
func (e *engine) loggedIn(action int, class probe.Class, auth bool) {
	if e.lockout == nil {
		return
	}
	if why := e.lockout.note(action, class, auth); why != "" {
		e.abort(&AbortError{Text: why, Refused: true})
	}
}

// abort ends the run, for the first reason that is given.
func (e *engine) abort(why *AbortError) {
	select {
	case e.aborted <- why:
	default:
	}
}
