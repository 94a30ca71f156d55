package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pegel/internal/plan"
	"pegel/probes/probe"
	"pegel/scenarios"
)

// door is a protocol with a login, which counts the attempts of each account.
type door struct {
	attempts [200]atomic.Int64
	refuses  func(account int) bool
}

func (d *door) protocol() probe.Protocol {
	action := func(login bool) probe.Action {
		return func(decode func(any) error) (probe.Step, error) {
			return func(t *probe.Turn) error {
				if _, err := t.Session(""); err != nil {
					return err
				}
				time.Sleep(50 * time.Millisecond)
				if login {
					d.attempts[t.Account().Index].Add(1)
					if d.refuses(t.Account().Index) {
						return probe.Failf(probe.Auth, "log in", "wrong password secret-word")
					}
					t.Mark(probe.PhaseAuth)
				}
				return nil
			}, probe.NoParams(decode)
		}
	}
	return probe.Protocol{
		Name: "web",
		Open: func(*probe.Turn, probe.Target, probe.Account) (probe.Session, error) {
			return session{new(atomic.Int64)}, nil
		},
		Actions: map[string]probe.Action{"login": action(true), "page": action(false)},
	}
}

func (d *door) all() (n, most int64) {
	for i := range d.attempts {
		a := d.attempts[i].Load()
		n, most = n+a, max(most, a)
	}
	return n, most
}

const doors = `
name: test
seed: 1
targets: {web: {url: "http://127.0.0.1:1/", timeout: 5s}}
accounts: {pattern: "u{n}@example.test", count: 200, password: {env: P}, groups: {interior: 1-%d, tax: %d-200}}
activity: {browser: 100%%, source: test}
personas: [{name: browser, journey: j, tags: {from: home}}]
journeys:
  j:
    - {do: web.page, tags: {page: start}}
    - {do: web.login}
    - repeat: {for: session}
      steps: [{do: web.page, think: 1s, tags: {page: inbox, from: office}}]
load: {stages: {users: [%d], ramp: 10s, settle: 1s, hold: 19s}}
objectives: [{action: "web.*", p95: 1s}]
`

func (d *door) plan(t *testing.T, users int) *plan.Plan {
	t.Helper()
	s, err := scenarios.Parse("test.yaml", fmt.Appendf(nil, doors, users/2, users/2+1, users), scenarios.Options{Getenv: func(string) (string, bool) { return "secret-word", true }})
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Build(s, []probe.Protocol{d.protocol()})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A platform that refuses most logins stops the run before more than a few accounts were tried: pages that need no login
// do not hide it.
func TestRefusedLoginsEndTheRun(t *testing.T) {
	for _, c := range []struct {
		users   int
		refuses func(int) bool
		ends    bool
		most    int64 // attempts
	}{
		{100, func(int) bool { return true }, true, 12},
		{100, func(account int) bool { return account != 0 }, true, 13},
		{4, func(int) bool { return true }, true, 4},
		{100, func(account int) bool { return account%3 == 0 }, false, 1 << 30},
		{100, func(int) bool { return false }, false, 100},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := &door{refuses: c.refuses}
			out := play(t, d.plan(t, c.users), nil, t.Context())
			var aborted *AbortError
			if got := errors.As(out.err, &aborted) && aborted.Refused; got != c.ends {
				t.Fatalf("%d users: %v", c.users, out.err)
			}
			if n, _ := d.all(); n > c.most {
				t.Errorf("%d users: %d logins were tried", c.users, n)
			}
			if !c.ends {
				return
			}
			last := out.events[len(out.events)-1]
			if last.Kind != Abort || !strings.Contains(last.Text, "accounts would be locked out") {
				t.Errorf("the last event is %+v", last)
			}
			for _, e := range out.events {
				if strings.Contains(e.Text, "secret-word") {
					t.Errorf("an event tells the password: %s", e.Text)
				}
			}
		})
	}
}

// A refused login ends the preflight at once: one account was tried, once.
func TestPreflightTriesARefusedLoginOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &door{refuses: func(int) bool { return true }}
		p := d.plan(t, 100)
		targets, err := Targets(p.Scenario)
		if err != nil {
			t.Fatal(err)
		}
		err = Preflight(context.Background(), p, Options{RunID: "test", Targets: targets})
		var refused *PreflightError
		if !errors.As(err, &refused) || probe.ClassOf(refused.Err) != probe.Auth {
			t.Fatalf("preflight: %v", err)
		}
		if n, most := d.all(); n != 1 || most != 1 {
			t.Errorf("%d logins were tried, %d of one account", n, most)
		}
		if strings.Contains(err.Error(), "secret-word") {
			t.Errorf("the error tells the password: %v", err)
		}
	})
}

// Groups and tags of the scenario are in the intervals: every action with its user's group, a step's own tag before its
// persona's of the same name.
func TestGroupsAndTagsAreRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &door{refuses: func(int) bool { return false }}
		p := d.plan(t, 40)
		out := play(t, p, nil, t.Context())
		if out.err != nil {
			t.Fatal(out.err)
		}
		got := map[string]uint64{}
		for _, in := range out.intervals {
			for k, x := range in.Dimensions {
				got[p.Actions[k.Action]+" "+k.Kind+" "+k.Name] += x.Response.Total
			}
		}
		page, login := out.total(p, "web.page").Done(), out.total(p, "web.login").Done()
		if n := got["web.page group interior"]; n < page*4/10 || n+got["web.page group tax"] != page {
			t.Errorf("%d of %d pages are of one group, %d of the other", n, page, got["web.page group tax"])
		}
		if got["web.page tag:page start"]+got["web.page tag:page inbox"] != page || got["web.page tag:page start"] != 40 {
			t.Errorf("pages by tag: %v", got)
		}
		if got["web.page tag:from office"] != got["web.page tag:page inbox"] || got["web.page tag:from home"] != 40 || got["web.login tag:from home"] != login {
			t.Errorf("tags of the persona: %v", got)
		}
		if got["web.connect tag:from home"] != 40 || got["web.connect group tax"] != 20 {
			t.Errorf("connections: %v", got)
		}
	})
}
