package ownership

import (
	"context"
	"fmt"
	"sync"

	"pegel/probes/probe"
)

// firstLogins and leastLogins are how many logins decide whether others are tried, as in runs; soleTries is how many accounts are tried
// one after the other on a target that does not answer, before it is taken for down.
const (
	firstLogins = 20
	leastLogins = 3
	soleTries   = 3
)

// Guard keeps people from being locked out by a wrong password: on each target one account logs in before all others, and no account is tried
// any more once that login was refused, or more than half of the first ones were. A nil Guard lets everything pass.
type Guard struct {
	of int

	mu    sync.Mutex
	gates map[string]*gate // by target
	end   *RefusedError
}

// gate is what is known of the logins on one target.
type gate struct {
	turn           chan struct{} // held by the one that tries, until the first success
	proven         bool          // somebody has logged in
	down           error         // why nobody could be asked, the last of soleTries
	tries          int           // that came to nothing
	ended, refused int           // of the first logins
}

// NewGuard makes a Guard for work on that many accounts.
func NewGuard(accounts int) *Guard {
	return &Guard{of: min(max(accounts, leastLogins), firstLogins), gates: map[string]*gate{}}
}

// RefusedError says why no account is tried any more.
type RefusedError struct {
	Refused, Of int // logins; 1 of 1 where nobody else was tried
	Err         error
}

func (e *RefusedError) Error() string {
	if e.Of == 1 {
		return fmt.Sprintf("%v; nobody else was tried, so that no account gets locked", e.Err)
	}
	return fmt.Sprintf("%d of %d logins were refused, and no others are tried, because accounts would be locked out; the last: %v", e.Refused, e.Of, e.Err)
}

// Unwrap gives the login that was the last one.
func (e *RefusedError) Unwrap() error { return e.Err }

// Ended is why no account is tried any more; nil while they are.
func (g *Guard) Ended() *RefusedError {
	if g == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.end
}

func (g *Guard) at(target string) *gate {
	g.mu.Lock()
	defer g.mu.Unlock()
	at := g.gates[target]
	if at == nil {
		at = &gate{turn: make(chan struct{}, 1)}
		g.gates[target] = at
	}
	return at
}

// login lets one account log in by do, when it is its turn and if it may.
func (g *Guard) login(ctx context.Context, target string, do func() error) error {
	if g == nil {
		return do()
	}
	at := g.at(target)
	select {
	case at.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	held := true
	release := func() {
		if held {
			held = false
			<-at.turn
		}
	}
	defer release()
	g.mu.Lock()
	end, down, proven := g.end, at.down, at.proven
	g.mu.Unlock()
	switch {
	case end != nil:
		return end
	case down != nil:
		return fmt.Errorf("not tried, because others could not log in: %w", down)
	case proven:
		release()
	}
	err := do()
	if ctx.Err() == nil {
		g.note(at, err)
	}
	return err
}

// note counts what became of a login.
func (g *Guard) note(at *gate, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	refused := probe.ClassOf(err) == probe.Auth
	switch {
	case g.end != nil:
		return
	case refused && !at.proven:
		g.end = &RefusedError{1, 1, err}
		return
	case err != nil && !refused:
		switch probe.ClassOf(err) {
		case probe.Timeout, probe.Refused, probe.Reset, probe.TLS, probe.Denied: // not just of this account
			if at.tries++; !at.proven && at.tries == soleTries {
				at.down = err
			}
		}
		return
	}
	at.proven = true
	if at.ended++; at.ended > g.of { // the first ones have decided
		return
	}
	if refused {
		at.refused++
	}
	if 2*at.refused > g.of {
		g.end = &RefusedError{at.refused, at.ended, err}
	}
}

// again begins a new look: a target that was down is tried once more, and the look's own first logins decide.
func (g *Guard) again() {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, at := range g.gates {
		at.down, at.tries, at.ended, at.refused = nil, 0, 0, 0
	}
}

// stop ends all logins where more than half of the accounts were refused by now.
func (g *Guard) stop(refused, of int, last error) {
	if g == nil || 2*refused <= of {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.end == nil {
		g.end = &RefusedError{refused, of, last}
	}
}

// AccessError is an account that could not be reached or logged in to. What it says is without secrets.
type AccessError struct {
	Account, Target string
	Err             error
}

func (e *AccessError) Error() string { return fmt.Sprintf("%s on %s: %v", e.Account, e.Target, e.Err) }

// Unwrap gives the reason.
func (e *AccessError) Unwrap() error { return e.Err }

// cutError says a text without secrets and keeps the kind of an error.
type cutError struct {
	text string
	err  error
}

func (e *cutError) Error() string { return e.text }

func (e *cutError) Unwrap() error { return e.err }
