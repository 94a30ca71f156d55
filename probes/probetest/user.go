package probetest

import (
	"sync/atomic"
	"testing"

	"pegel/probes/probe"
)

// User is one user in a test, whose actions are given by name.
type User struct {
	*Host
	T        *testing.T
	Protocol probe.Protocol
}

// NewUser returns a user of a protocol, whose sessions are closed at the end of the test.
func NewUser(t *testing.T, p probe.Protocol, account probe.Account, target probe.Target) User {
	h := NewHost(p, account, target)
	t.Cleanup(h.Close)
	return User{h, t, p}
}

// Try performs an action with parameters in YAML, "" for none.
func (u User) Try(verb, with string) error {
	u.T.Helper()
	step, err := Bind(u.Protocol, verb, with)
	if err != nil {
		u.T.Fatal(err)
	}
	return u.Do(u.T.Context(), step).Err
}

// Must performs actions without parameters that must not fail.
func (u User) Must(verbs ...string) {
	u.T.Helper()
	for _, verb := range verbs {
		if err := u.Try(verb, ""); err != nil {
			u.T.Fatalf("%s: %v", verb, err)
		}
	}
}

// Distinct gives every action a key of its own over all users of a test: users of a suite share one account and count from the same
// number, whereas the keys of a run never meet.
func Distinct(p probe.Protocol, next *atomic.Uint64) probe.Protocol {
	actions := make(map[string]probe.Action, len(p.Actions))
	for verb, action := range p.Actions {
		actions[verb] = func(decode func(any) error) (probe.Step, error) {
			step, err := action(decode)
			if err != nil {
				return nil, err
			}
			return func(t *probe.Turn) error {
				t.Begin(t.Context(), p.Name, probe.Mix(next.Add(1)))
				return step(t)
			}, nil
		}
	}
	p.Actions = actions
	return p
}
