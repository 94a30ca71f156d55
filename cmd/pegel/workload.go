package main

import (
	"net/netip"
	"slices"
	"time"

	"pegel/internal/plan"
	"pegel/scenarios"
	"pegel/testenv"
)

// operations are the platform's operations behind an action of ours, where they are not one of the same name. A browser
// loads the page and then calls the same interface as the light clients.
func operations(action string) []string {
	ops, listed := map[string][]string{
		"imap.connect": nil, "smtp.connect": nil, "web.connect": nil, "caldav.connect": nil, "browser.connect": nil, "eas.connect": nil,
		"browser.login": {"web.page", "web.login", "web.list"},
		"browser.inbox": {"web.page", "web.list"},
		"browser.open":  {"web.read"},
		"caldav.update": {"caldav.get", "caldav.update"},
		// Whatever asks a calendar is a query to the embedded platform, and a contact costs what an event does.
		"carddav.connect": nil, "caldav.rights": nil, "carddav.rights": nil, "caldav.answer": nil,
		"caldav.sync":      {"caldav.query"},
		"caldav.freebusy":  {"caldav.query"},
		"caldav.verify":    {"caldav.query", "caldav.query"},
		"caldav.race":      {"caldav.get", "caldav.update", "caldav.update", "caldav.get"},
		"carddav.discover": {"caldav.discover"},
		"carddav.query":    {"caldav.query"},
		"carddav.sync":     {"caldav.query"},
		"carddav.verify":   {"caldav.query", "caldav.query"},
		"carddav.create":   {"caldav.create"},
		"carddav.update":   {"caldav.get", "caldav.update"},
		"carddav.delete":   {"caldav.delete"},
		"carddav.copy":     {"caldav.copy"},
		"carddav.race":     {"caldav.get", "caldav.update", "caldav.update", "caldav.get"},
		"imap.resync":      {"imap.select", "imap.fetch_headers"},
		"imap.discover":    {"imap.list"},
		"imap.move":        {"imap.store"},
		"imap.expunge":     {"imap.search", "imap.store"},
		"imap.check":       nil, "imap.namespace": nil, "imap.rights": nil,
		"imap.idle": nil, "imap.noop": nil, "imap.logout": nil, "smtp.quit": nil, "smtp.noop": nil, "smtp.login": nil,
	}[action]
	if !listed {
		return []string{action}
	}
	return ops
}

// simulable refuses a plan whose users do what the simulation cannot: decide by what the platform answers, because it answers
// nothing; do several things at once; give up an action; come by themselves.
func simulable(p *plan.Plan) error {
	errs := scenarios.NewErrors()
	refuse := func(pos scenarios.Pos, format string, args ...any) {
		errs.Add(p.Scenario.Problem(pos, "run it, or simulate a scenario without it", format, args...))
	}
	if pos, asks := p.DependsOnAnswers(); asks {
		refuse(pos, "this if depends on answers of the platform, and a simulated platform answers nothing")
	}
	if slices.Contains(p.Actions, "eas.ping") {
		refuse(scenarios.Pos{}, "a simulated platform holds no answers back, so eas.ping cannot be simulated")
	}
	for i := range p.Personas {
		persona, from := &p.Personas[i], &p.Scenario.Personas[i]
		for _, j := range []*plan.Journey{persona.Journey, persona.Fresh} {
			if pos, any := j.Parallel(); any {
				refuse(pos, "a simulated user does one thing at a time, not several in parallel")
			}
		}
		if persona.Patience != nil {
			refuse(from.Patience.Pos, "a simulated user waits for ever, so patience cannot be simulated")
		}
		if from.Arrivals != nil {
			refuse(from.Arrivals.Pos, "open arrivals cannot be simulated")
		}
	}
	return errs.Err()
}

// workload hands the plan's own users to the platform's simulation: the same journeys and draws, without protocols.
func workload(p *plan.Plan) testenv.Workload {
	w := testenv.Workload{User: func(i int) testenv.User {
		u := p.ActiveUser(i)
		u.Fresh = false
		return &simulated{plan: p, user: u, number: u.Account + p.Scenario.Accounts.First, source: sourceOf(p, &u), cursor: p.Cursor(&u)}
	}}
	for _, list := range [][]plan.User{p.Fixed, p.Copiers} {
		for _, u := range list {
			w.Background = append(w.Background, func() testenv.User {
				return &simulated{plan: p, user: u, number: u.Account + p.Scenario.Accounts.First, source: sourceOf(p, &u), cursor: p.Cursor(&u), pace: p.Personas[u.Persona].Pace}
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

// sourceOf is the address from which a user comes.
func sourceOf(p *plan.Plan, u *plan.User) netip.Addr {
	list := p.Scenario.SourcesOf(p.Scenario.Personas[u.Persona].Line)
	if len(list) == 0 {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return list[u.Account%len(list)]
}

// simulated is one user of the plan as the simulation sees it. Its clock counts pauses only: beats and the ends of sessions come
// later than on a real platform by the response times in between.
type simulated struct {
	plan   *plan.Plan
	user   plan.User
	number int // of the account at the platform, which counts as the scenario does
	source netip.Addr
	cursor *plan.Cursor
	pace   time.Duration

	begun        bool
	length, away time.Duration // of the session, and of the absence after it; length 0: it does not end
	now, beat    time.Duration // on the user's clock, which begins with the session
}

// Next implements testenv.User. A pause before an action is taken after it.
func (s *simulated) Next() testenv.Act {
	if !s.begun {
		s.length, s.away = s.cursor.Session()
		s.begun = true
	}
	var think time.Duration
	for {
		act, ok := s.cursor.Next()
		switch {
		case !ok:
			return testenv.Act{Account: s.number, Think: time.Hour}
		case act.Every > 0:
			if act.Begins {
				s.beat = s.now + act.Think
			} else {
				s.beat = max(s.beat+act.Every, s.now)
			}
			think += s.pause(s.beat - s.now)
		case act.Run == nil:
			think += s.pause(act.Think)
		default:
			name := s.plan.Actions[act.Action]
			think += s.pause(act.Think)
			if s.pace > 0 {
				think = s.pace
			}
			return testenv.Act{Action: name, Operations: operations(name), Account: s.number, Source: s.source, Think: think}
		}
	}
}

// pause lets the user's clock go on. Where the session ends within it, the user is away and begins again.
func (s *simulated) pause(d time.Duration) time.Duration {
	if s.length == 0 || s.now+d < s.length {
		s.now += d
		return d
	}
	d = max(0, s.length-s.now) + s.away
	s.cursor.Again()
	s.length, s.away = s.cursor.Session()
	s.now, s.beat = 0, 0
	return d
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
