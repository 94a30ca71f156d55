package testenv

import (
	"errors"
	"net/netip"
	"testing"
	"time"
)

// sourced is a user of a shared office: it lists its mail, again and again, after one login.
type sourced struct {
	account int
	begun   bool
}

func address(i int) netip.Addr { return netip.AddrFrom4([4]byte{127, 0, 9, byte(1 + i%8)}) }

func (s *sourced) Next() Act {
	a := Act{Action: "web.list", Operations: []string{"web.list"}, Account: s.account, Source: address(s.account), Think: time.Second}
	if !s.begun {
		s.begun, a.Action, a.Operations = true, "web.login", []string{"web.login"}
	}
	return a
}

func office(i int) User { return &sourced{account: i} }

// The virtual clock spreads users by their addresses as the real one does: five of eight come to the first instance.
func TestSimulatedSourceHash(t *testing.T) {
	d, err := Profile("balancer-source-hash")
	if err != nil {
		t.Fatal(err)
	}
	r := Simulate(d, Workload{User: office}, SimOptions{Users: 80, Seed: 1, Warmup: time.Minute, Horizon: 5 * time.Minute})
	served := map[string]float64{}
	for _, s := range r.Resources {
		served[s.Name] = float64(s.Served)
	}
	all := served["web.1"] + served["web.2"] + served["web.3"]
	for name, want := range map[string]float64{"web.1": 5. / 8, "web.2": 2. / 8, "web.3": 1. / 8} {
		// The crowded instance is slower, so its users ask less often.
		if got := served[name] / all; got < 0.8*want || got > 1.3*want {
			t.Errorf("%s serves a share of %.3f, want about %.3f", name, got, want)
		}
	}
}

// A cookie that changes in half of the requests has two thirds of these build the session again.
func TestSimulatedHop(t *testing.T) {
	d, err := Profile("balancer-sticky-hop")
	if err != nil {
		t.Fatal(err)
	}
	s := newSimulation(d, Workload{User: office}, 40, 1)
	s.engine.advance(int64(10 * time.Minute))
	lists := s.tally(tallyKey{action: "web.list"}).count
	rebuilt := int64(0)
	for _, n := range s.engine.balancer.rebuilt {
		rebuilt += n
	}
	if share := float64(rebuilt) / float64(lists); share < 0.2 || share > 0.45 {
		t.Errorf("%d of %d requests build the session again", rebuilt, lists)
	}
}

// A limit of logins refuses what comes too early, from each address apart, on both clocks.
func TestLoginLimit(t *testing.T) {
	d := Definition{
		Name: "limited", LoginLimit: &LoginLimit{Logins: 3, Per: time.Hour},
		Resources:  []Resource{{Name: "web", Limit: 10}},
		Operations: map[string][]Step{"web.list": {{Use: "web"}}},
	}
	n := NewNetwork(d, 1)
	defer n.Close()
	for i := range 6 {
		_, err := n.Serve(t.Context(), "web.login", Client{Source: address(0)})
		if limited := errors.Is(err, ErrLimited); limited != (i >= 3) {
			t.Errorf("login %d: %v", i+1, err)
		}
	}
	if _, err := n.Serve(t.Context(), "web.login", Client{Source: address(1)}); err != nil {
		t.Error(err)
	}
	if _, err := n.Serve(t.Context(), "imap.login", Client{Source: address(0)}); err != nil {
		t.Errorf("another service: %v", err)
	}
	if _, err := n.Serve(t.Context(), "web.list", Client{Source: address(0)}); err != nil {
		t.Errorf("no login: %v", err)
	}

	r := Simulate(d, Workload{User: office}, SimOptions{Users: 40, Seed: 1, Horizon: time.Minute})
	if got := r.Actions["web.login"]; got.Count != 40 || got.Errors != 40-8*3 {
		t.Errorf("on the virtual clock %d of %d logins are refused", got.Errors, got.Count)
	}
}

func TestLimiterForgets(t *testing.T) {
	l := newLimiter(Definition{LoginLimit: &LoginLimit{Logins: 2, Per: time.Minute}})
	minute := int64(time.Minute)
	for i, c := range []struct {
		at int64
		ok bool
	}{{0, true}, {minute / 2, true}, {minute - 1, false}, {minute, true}, {minute + 1, false}, {minute * 3 / 2, true}} {
		if got := l.admit("web", address(0), c.at); got != c.ok {
			t.Errorf("login %d is let in: %v", i+1, got)
		}
	}
	for i := range 1000 {
		l.admit("web", netip.AddrFrom4([4]byte{127, 1, byte(i / 256), byte(i)}), int64(i)*minute)
	}
	if len(l.recent) > 10 {
		t.Errorf("%d addresses are remembered", len(l.recent))
	}
}
