package expect

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"pegel/internal/plan"
	"pegel/scenarios"
)

// counting adds up a plan's expectation.
type counting struct {
	plan     *plan.Plan
	opt      Options
	reader   reader
	personas []playing
	dates    map[string]string // of the batches, by name
}

// playing is a persona as counted.
type playing struct {
	session
	fresh       *script
	connections map[string]int // by target
	there       []cohort       // in the stage counted last, those who came first at the beginning
}

func newCounting(p *plan.Plan, opt Options) *counting {
	c := &counting{plan: p, opt: opt, dates: map[string]string{}}
	c.reader = reader{response: opt.Response.Seconds(), message: meanMessage()}
	s := p.Scenario
	for k := range p.Personas {
		from := &s.Personas[k]
		play := playing{session: newSession(c.reader.journey(s.Journeys[from.Journey]), from.Session)}
		play.connections = c.connections(from, s.Journeys[from.Journey])
		if pace := p.Personas[k].Pace; pace > 0 {
			play.script = paced(play.script, pace)
		}
		if from.Fresh != "" {
			fresh := c.reader.journey(s.Journeys[from.Fresh])
			play.fresh = &fresh
			for target, n := range c.connections(from, s.Journeys[from.Fresh]) {
				play.connections[target] = max(play.connections[target], n)
			}
		}
		c.personas = append(c.personas, play)
	}
	for _, b := range s.Wave.Batches {
		c.dates[b.Name] = b.Date
	}
	return c
}

// paced is a copying persona's script at its own distance between two actions.
func paced(s script, pace time.Duration) script {
	rate := s.forever(0).Tail
	if sum := rate.sum(); sum > 0 {
		return script{Tail: rate.scaled(1 / sum / pace.Seconds())}
	}
	return script{}
}

// part is a stage with what happens in it.
type part struct {
	Stage
	from   time.Duration // since the beginning of the run
	acts   vector        // over the whole stage
	of     []vector      // the same by persona
	at     []float64     // users by persona, all kinds
	new    []int         // fresh users by persona
	opened []float64     // by persona: how often a user opens its sessions
}

// load adds up the stages of the day asked for.
func (c *counting) load() (*Load, error) {
	parts := c.parts()
	day, parts, err := c.choose(parts)
	if err != nil {
		return nil, err
	}
	l := &Load{Day: day}
	total := make(vector, len(c.reader.leaves))
	for i := range parts {
		s := &parts[i]
		s.Start = l.Duration
		l.Duration += s.Length
		l.Accounts = max(l.Accounts, s.Live)
		l.Stages = append(l.Stages, s.Stage)
		total.add(s.acts, 1)
		if s.PerSecond > parts[l.Busiest].PerSecond {
			l.Busiest = i
		}
	}
	if day == "" {
		l.Duration = c.plan.Duration()
	}
	l.Seconds = l.Duration.Seconds()
	c.users(l, parts)
	c.actions(l, &parts[l.Busiest], total)
	c.protocols(l, parts)
	c.ways(l, parts)
	c.copying(l, parts)
	c.warn(l)
	return l, nil
}

// parts are all stages of the plan, those of situations included; of adaptive stages the first and the highest possible.
func (c *counting) parts() []part {
	stages := slices.Clone(c.plan.Stages)
	if c.plan.To > 0 {
		stages = append(stages, c.plan.Next(stages, c.plan.To))
	}
	stages = append(stages, c.plan.Situations...)
	list := make([]part, 0, len(stages))
	before, most := make([]int, len(c.personas)), make([]int, len(c.personas))
	var from time.Duration
	for i := range stages {
		s := c.part(&stages[i], from, before, most)
		for k := range c.personas {
			before[k] = c.number(&stages[i], k)
			most[k] = max(most[k], before[k])
		}
		from += s.Length
		list = append(list, s)
	}
	return list
}

// number is how many users play persona k in a stage; those who arrive are not counted.
func (c *counting) number(st *plan.Stage, k int) int {
	from := &c.plan.Scenario.Personas[k]
	switch {
	case from.Copy != scenarios.NoPass && from.Copy == st.Pass:
		return st.Copiers
	case from.Copy != scenarios.NoPass:
		return 0
	case from.Count > 0:
		return from.Count
	}
	return st.Mix[k]
}

// part counts what happens in one stage, which begins at a time of the run. before are the users of the stage before, most
// those who have been there already.
func (c *counting) part(st *plan.Stage, from time.Duration, before, most []int) part {
	n := len(c.personas)
	s := part{Stage: Stage{Index: st.Index, Ramp: st.Ramp, Length: st.Duration(), Users: st.Users, ByPersona: slices.Clone(st.Mix),
		Copiers: st.Copiers, Pass: string(st.Pass), Fresh: st.Fresh, Batch: st.Batch, Date: c.dates[st.Batch], Situation: st.Situation, Live: st.Live},
		from: from, at: make([]float64, n), new: make([]int, n), of: make([]vector, n), opened: make([]float64, n)}
	if st.Situation != "" {
		s.Batch, s.Date = "", ""
	}
	for k := range c.personas {
		c.present(&s, st, k, before[k], most[k])
		c.storm(&s, st, k)
	}
	for i := range c.plan.Arrivals {
		c.arriving(&s, &c.plan.Arrivals[i])
	}
	for k := range s.of {
		s.acts.add(s.of[k], 1)
	}
	if s.Length > 0 {
		s.PerSecond = s.acts.sum() / s.Length.Seconds()
	}
	return s
}

// present counts what the users of a persona do who are there in a stage: those who stay, and those who come.
func (c *counting) present(s *part, st *plan.Stage, k, before, most int) {
	play := &c.personas[k]
	n := c.number(st, k)
	s.at[k] = float64(n)
	stay := min(n, before)
	play.leave(float64(stay))
	s.of[k].add(play.pass(s.Length.Seconds()), 1)
	s.opened[k] += float64(stay) * s.Length.Seconds() * play.beginnings()
	come := n - stay
	if come == 0 {
		return
	}
	there := s.Length
	if !st.Together {
		there -= max(cmp.Or(st.Ramp, st.Settle), time.Second) / 2
	}
	if play.fresh != nil {
		users := c.plan.Users(k)
		for i := max(stay, most); i < min(n, len(users)); i++ {
			if users[i].Fresh {
				s.new[k]++
			}
		}
	}
	for _, c := range []cohort{{float64(come - s.new[k]), there.Seconds(), false}, {float64(s.new[k]), there.Seconds(), true}} {
		if c.users > 0 {
			s.of[k].add(play.total(c.age, c.fresh), c.users)
			play.there = append(play.there, c)
		}
	}
	s.opened[k] += float64(come) * (1 + max(0, there.Seconds()*play.beginnings()))
}

// storm counts those who lose their sessions when the hold of a situation begins: they begin their journey again.
func (c *counting) storm(s *part, st *plan.Stage, k int) {
	if st.Storm == nil || c.plan.Personas[k].Share == 0 {
		return
	}
	play := &c.personas[k]
	again := st.Storm.Logins * s.at[k] * play.share()
	s.opened[k] += again
	if play.Ends < 1 { // else the journey goes round anyway
		s.of[k].add(play.Once, again)
		s.of[k].add(play.Tail, -again*min(play.Time, st.Hold.Seconds()))
	}
}

// arriving counts an open process. By Little's law as many are at work on average as come while one is there.
func (c *counting) arriving(s *part, a *plan.Arrivals) {
	play := &c.personas[a.Persona]
	come := a.Expected(s.from+s.Length) - a.Expected(s.from)
	each, stays := play.Once, play.Time
	if play.length > 0 && (play.Ends < 1 || play.length < play.Time) {
		each, stays = play.each, play.length
	}
	s.of[a.Persona].add(each, come)
	s.opened[a.Persona] += come
	if s.Length > 0 {
		s.at[a.Persona] = min(come/s.Length.Seconds()*stays, float64(a.Most))
	}
}

// choose takes the stages of the day asked for, by default of the busiest one, and those of the situations, which are no day's.
func (c *counting) choose(parts []part) (string, []part, error) {
	byDay, order := map[string][]part{}, []string{}
	acts := map[string]float64{}
	var always []part
	for _, s := range parts {
		if s.Situation != "" {
			always = append(always, s)
		}
		if s.Date == "" {
			continue
		}
		if byDay[s.Date] == nil {
			order = append(order, s.Date)
		}
		byDay[s.Date] = append(byDay[s.Date], s)
		acts[s.Date] += s.acts.sum()
	}
	day := c.opt.Day
	switch {
	case day == All, day == "" && len(order) == 0:
		return "", parts, nil
	case day == "":
		day = slices.MaxFunc(order, func(a, b string) int { return cmp.Compare(acts[a], acts[b]) })
	case len(order) == 0:
		return "", nil, errors.New("choosing a day: no batch of the wave has a date and a stage of its own")
	case byDay[day] == nil:
		return "", nil, fmt.Errorf("choosing a day: no stage belongs to %s; there are batches from %s to %s", day, slices.Min(order), slices.Max(order))
	}
	return day, append(byDay[day], always...), nil
}
