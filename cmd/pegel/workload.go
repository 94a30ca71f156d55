package main

import (
	"time"

	"pegel/internal/plan"
	"pegel/testenv"
)

// operations are the platform's operations behind an action of ours, where they are not one of the same name. A browser
// loads the page and then calls the same interface as the light clients.
func operations(action string) []string {
	ops, listed := map[string][]string{
		"imap.connect": nil, "smtp.connect": nil, "web.connect": nil, "caldav.connect": nil, "browser.connect": nil,
		"browser.login": {"web.page", "web.login", "web.list"},
		"browser.inbox": {"web.page", "web.list"},
		"browser.open":  {"web.read"},
		"caldav.update": {"caldav.get", "caldav.update"},
		"imap.idle":     nil, "imap.noop": nil, "imap.logout": nil, "smtp.quit": nil, "smtp.noop": nil, "smtp.login": nil,
	}[action]
	if !listed {
		return []string{action}
	}
	return ops
}

// workload hands the plan's own users to the platform's simulation: the same journeys and draws, without protocols.
func workload(p *plan.Plan) testenv.Workload {
	w := testenv.Workload{User: func(i int) testenv.User {
		u := p.ActiveUser(i)
		u.Fresh = false
		return &simulated{plan: p, user: u, number: u.Account + p.Scenario.Accounts.First, cursor: p.Cursor(&u)}
	}}
	for _, list := range [][]plan.User{p.Fixed, p.Copiers} {
		for _, u := range list {
			w.Background = append(w.Background, func() testenv.User {
				return &simulated{plan: p, user: u, number: u.Account + p.Scenario.Accounts.First, cursor: p.Cursor(&u), pace: p.Personas[u.Persona].Pace}
			})
		}
	}
	for _, o := range p.Scenario.Objectives {
		for _, l := range o.Limits {
			w.Objectives = append(w.Objectives, testenv.Objective{Action: o.Action, Quantile: l.Quantile, Max: l.Max})
		}
		if o.Errors != nil && o.Action == "" {
			w.Objectives = append(w.Objectives, testenv.Objective{Action: "*", MaxErrors: *o.Errors})
		}
	}
	return w
}

// simulated is one user of the plan as the simulation sees it.
type simulated struct {
	plan   *plan.Plan
	user   plan.User
	number int // of the account at the platform, which counts as the scenario does
	cursor *plan.Cursor
	pace   time.Duration
}

// Next implements testenv.User.
func (s *simulated) Next() testenv.Act {
	var think time.Duration
	for {
		act, ok := s.cursor.Next()
		if !ok {
			return testenv.Act{Account: s.number, Think: time.Hour}
		}
		if act.Run == nil {
			think += act.Think
			continue
		}
		name := s.plan.Actions[act.Action]
		think += act.Think
		if s.pace > 0 {
			think = s.pace
		}
		return testenv.Act{Action: name, Operations: operations(name), Account: s.number, Think: think}
	}
}

// mixOf is the mean number of visits of each operation for an action of the active users, and the mean think time, from
// the first acts of the plan's users.
func mixOf(p *plan.Plan) (mix map[string]float64, think time.Duration) {
	mix = map[string]float64{}
	const users, skip, acts = 200, 6, 40
	var total, sum float64
	for i := range users {
		u := p.ActiveUser(i)
		u.Fresh = false
		s := &simulated{plan: p, user: u, number: u.Account + p.Scenario.Accounts.First, cursor: p.Cursor(&u)}
		for k := range skip + acts {
			a := s.Next()
			if k < skip {
				continue // logins
			}
			total++
			sum += a.Think.Seconds()
			for _, op := range a.Operations {
				mix[op]++
			}
		}
	}
	for op := range mix {
		mix[op] /= total
	}
	return mix, time.Duration(sum / total * float64(time.Second))
}
