// Package probetest is the conformance suite that every protocol passes, against any server that speaks it.
//
// It assumes a server that is up, has the account, and holds what the cases need. It checks what the engine relies on:
// phases add up and come in order, a context ends a step, failures of the network and of the password have their class,
// users do not disturb one another, nothing is left running, and no error tells a password.
package probetest

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pegel/probes/probe"
)

// Case is one action with its parameters and what shall come of it.
type Case struct {
	Do     string        // the verb
	With   string        // parameters in YAML, "" for none
	Before []Case        // actions done first on the same session, which must succeed; only Do and With count
	Fails  probe.Class   // the class of the failure that shall come; OK for success
	Phases []probe.Phase // phases that must have been marked
	// Check, if set, looks at the result; the host is still open.
	Check func(t *testing.T, h *Host, r Result)
}

func (c Case) String() string {
	name := c.Do
	if c.With != "" {
		name += " " + c.With
	}
	if c.Fails != probe.OK {
		name += " " + c.Fails.String()
	}
	return strings.ReplaceAll(name, "\n", " ")
}

// Suite says what is tested against what.
type Suite struct {
	Protocol probe.Protocol
	Target   probe.Target
	Others   []probe.Target // further targets that cases name in their parameters
	Account  probe.Account
	Cases    []Case
	Users    int           // at the same time in the concurrency test; 20 where zero
	Timeout  time.Duration // of one action that shall succeed; 20 s where zero

	errors *notes
}

// notes collects every error text that the protocol made.
type notes struct {
	mu    sync.Mutex
	texts []string
}

func (n *notes) add(err error) {
	if err == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.texts = append(n.texts, fmt.Sprintf("%v %+v %#v", err, err, err))
}

// Run runs the suite with its defaults.
func Run(t *testing.T, p probe.Protocol, target probe.Target, account probe.Account, cases []Case) {
	Suite{Protocol: p, Target: target, Account: account, Cases: cases}.Run(t)
}

// Run runs the suite.
func (s Suite) Run(t *testing.T) {
	if s.Users == 0 {
		s.Users = 20
	}
	if s.Timeout == 0 {
		s.Timeout = 20 * time.Second
	}
	s.errors = &notes{}
	goroutines := runtime.NumGoroutine()

	t.Run("complete", s.complete)
	t.Run("parameters", s.parameters)
	for _, c := range s.Cases {
		t.Run("case "+c.String(), func(t *testing.T) { s.one(t, c) })
	}
	t.Run("refused", s.refused)
	t.Run("silent server", s.silent)
	t.Run("cut at once", s.cutAtOnce)
	t.Run("cut while open", s.cutWhileOpen)
	t.Run("wrong password", s.wrongPassword)
	t.Run("concurrent", s.concurrent)
	Settled(t, goroutines)
	t.Run("no password in errors", s.noPassword)
}

// complete checks that no action is without a case, and that the contract's table is whole.
func (s Suite) complete(t *testing.T) {
	if s.Protocol.Name == "" || s.Protocol.Open == nil {
		t.Error("the protocol lacks a name or Open")
	}
	for verb := range s.Protocol.Actions {
		if !slices.ContainsFunc(s.Cases, func(c Case) bool { return c.Do == verb }) {
			t.Errorf("action %s has no case", verb)
		}
	}
}

// parameters checks that a misspelt parameter is found while binding, before anything is sent.
func (s Suite) parameters(t *testing.T) {
	for verb := range s.Protocol.Actions {
		if _, err := Bind(s.Protocol, verb, "no-such-parameter: 1"); err == nil {
			t.Errorf("%s accepts an unknown parameter", verb)
		}
	}
}

// host makes a user for a target that may differ from the suite's in address; prepared, as the engine does it.
func (s Suite) host(t testing.TB, target probe.Target, account probe.Account) *Host {
	t.Helper()
	if s.Protocol.Prepare != nil && target.Shared == nil {
		ctx, cancel := context.WithTimeout(context.Background(), s.Timeout)
		defer cancel()
		shared, err := s.Protocol.Prepare(ctx, target)
		if err != nil {
			t.Fatalf("prepare: %v", err)
		}
		target.Shared = shared
		t.Cleanup(func() { shared.Close() })
	}
	return NewHost(s.Protocol, account, append([]probe.Target{target}, s.Others...)...)
}

// try performs a case and what comes before it, and returns the first result that is a failure, else the last.
func (s Suite) try(ctx context.Context, h *Host, c Case) (Result, error) {
	if h.sessions[h.main] == nil {
		if r := h.Open(ctx, ""); r.Err != nil {
			s.errors.add(r.Err)
			return r, nil
		}
	}
	var last Result
	for _, c := range append(slices.Clone(c.Before), c) {
		step, err := Bind(s.Protocol, c.Do, c.With)
		if err != nil {
			return Result{}, fmt.Errorf("bind %v: %w", c, err)
		}
		r := h.Do(ctx, step)
		s.errors.add(r.Err)
		if r.Err != nil {
			return r, nil
		}
		if err := r.coherent(); err != nil {
			return r, fmt.Errorf("%v: %w", c, err)
		}
		last = r
	}
	return last, nil
}

func (s Suite) one(t *testing.T, c Case) {
	h := s.host(t, s.Target, s.Account)
	defer h.Close()
	ctx, cancel := context.WithTimeout(context.Background(), s.Timeout)
	defer cancel()
	r, err := s.try(ctx, h, c)
	if err != nil {
		t.Fatal(err)
	}
	if r.Class != c.Fails {
		t.Fatalf("came to %v, want %v: %v", r.Class, c.Fails, r.Err)
	}
	for _, p := range c.Phases {
		if r.Phases[p] <= 0 {
			t.Errorf("phase %v is not marked; marked are %v", p, r.Order)
		}
	}
	if c.Check != nil {
		c.Check(t, h, r)
	}
}
