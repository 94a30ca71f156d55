package expect

import (
	"fmt"
	"math"
	"strings"
	"time"

	"pegel/scenarios"
)

// users fills in the personas.
func (c *counting) users(l *Load, parts []part) {
	for k := range c.personas {
		from, play := &c.plan.Scenario.Personas[k], &c.personas[k]
		p := Persona{Name: from.Name, Kind: Active}
		switch {
		case from.Copy != scenarios.NoPass:
			p.Kind = Copying
		case from.Arrivals != nil:
			p.Kind = Arriving
		case from.Count > 0:
			p.Kind = Fixed
		}
		for i := range parts {
			p.Users = max(p.Users, int(math.Ceil(parts[i].at[k]-1e-9)))
			p.Fresh += parts[i].new[k]
		}
		p.AtWork = float64(p.Users)
		if p.Kind != Arriving {
			p.AtWork *= play.share()
		}
		for i := range parts {
			p.PerHour = max(p.PerHour, perHour(parts[i].of[k].sum(), parts[i].Length))
		}
		if play.length > 0 {
			p.PerSession = play.each.sum()
		}
		l.Personas = append(l.Personas, p)
	}
}

func perHour(n float64, in time.Duration) float64 {
	if in <= 0 {
		return 0
	}
	return n / in.Hours()
}

// actions fills in what is done, by action.
func (c *counting) actions(l *Load, busy *part, total vector) {
	at := map[string]int{}
	for i := range c.reader.leaves {
		leaf := &c.reader.leaves[i]
		k, known := at[leaf.name]
		if !known {
			protocol, _, _ := strings.Cut(leaf.name, ".")
			k = len(l.Actions)
			at[leaf.name] = k
			l.Actions = append(l.Actions, Action{Name: leaf.name, Protocol: protocol})
		}
		a := &l.Actions[k]
		var n float64
		if i < len(busy.acts) {
			n = perHour(busy.acts[i], busy.Length)
		}
		a.PerHour += n
		a.In += n * leaf.in
		a.Out += n * leaf.out
		l.Mails.PerHour += n * leaf.mails
		if i < len(total) {
			a.Total += total[i]
			l.Mails.Total += total[i] * leaf.mails
		}
	}
}

// protocols sums the actions by protocol and counts the connections.
func (c *counting) protocols(l *Load, parts []part) {
	at := map[string]int{}
	for _, name := range c.plan.Protocols() {
		at[name] = len(l.Protocols)
		l.Protocols = append(l.Protocols, Protocol{Name: name})
	}
	for i := range parts {
		open := make([]float64, len(l.Protocols))
		for k := range c.personas {
			there := parts[i].at[k]
			if c.plan.Scenario.Personas[k].Arrivals == nil {
				there *= c.personas[k].share()
			}
			for target, n := range c.personas[k].connections {
				protocol := at[c.plan.Protocol(target).Name]
				open[protocol] += there * float64(n)
				if i == l.Busiest {
					l.Protocols[protocol].Opened += perHour(parts[i].opened[k]*float64(n), parts[i].Length)
				}
			}
		}
		for k := range open {
			l.Protocols[k].Connections = max(l.Protocols[k].Connections, int(math.Ceil(open[k]-1e-9)))
		}
	}
	for i := range l.Actions {
		a := &l.Actions[i]
		p := &l.Protocols[at[a.Protocol]]
		p.PerHour += a.PerHour
		p.PerSecond = p.PerHour / 3600
		p.In += a.In
		p.Out += a.Out
		p.Total += a.Total
		if strings.HasSuffix(a.Name, ".send") {
			p.Mails += a.PerHour
		}
	}
}

// copying fills in the migration's own load.
func (c *counting) copying(l *Load, parts []part) {
	var x Copy
	for i := range parts {
		s := &parts[i]
		if s.Copiers == 0 {
			continue
		}
		x.Users = max(x.Users, s.Copiers)
		_, limit := c.plan.Scenario.Wave.Copy.Of(scenarios.Pass(s.Pass))
		x.Limit = max(x.Limit, limit)
		var n, bytes float64
		for k := range c.personas {
			if !c.plan.Personas[k].Copy {
				continue
			}
			for leaf, acts := range s.of[k] {
				n += acts * c.reader.leaves[leaf].copied
				bytes += acts * c.reader.leaves[leaf].copied * (c.reader.leaves[leaf].in + c.reader.leaves[leaf].out)
			}
		}
		x.Total += n
		x.PerSecond = max(x.PerSecond, n/s.Length.Seconds())
		x.Bytes = max(x.Bytes, perHour(bytes, s.Length))
	}
	if x.Users > 0 {
		l.Copy = &x
	}
}

// warn says what the figures do not know.
func (c *counting) warn(l *Load) {
	say := func(format string, args ...any) { l.Warnings = append(l.Warnings, fmt.Sprintf(format, args...)) }
	say("each action is assumed to take %v; slower answers make fewer actions", c.opt.Response)
	if c.reader.depends > 0 {
		say("%d steps depend on what the platform answers: both ways count half", c.reader.depends)
	}
	if c.plan.To > 0 {
		say("adaptive stages: the run chooses them from %d to %d users, at most %d; shown are the first and the highest possible",
			c.plan.Stages[0].Users, c.plan.To, c.plan.Most)
	}
	if c.plan.Scenario.Activity.Source == "" && len(c.plan.Scenario.Activity.ByPersona) > 0 {
		say("the activity has no source: the number of users for an account is a guess")
	}
}
