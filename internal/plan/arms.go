package plan

import (
	"net/netip"
	"net/url"
	"sort"
	"strings"

	"pegel/scenarios"
)

// Arm is one side of an experiment that discriminates: the load as the scenario has it, or with one thing changed. The users, their
// draws and their times are the same in all arms.
type Arm struct {
	Name    string
	Around  bool         // straight at what stands behind the balancer
	Sources []netip.Addr // from which users come in turn; nil: as the scenario has it

	users [][]*User // by persona, on other accounts; nil: the plan's own
}

// most groups that are arms of one experiment where the scenario names none.
const mostGroupArms = 4

// lay makes the arms of the scenario's experiment, the one as it is first. Users must be laid out.
func (p *Plan) lay() error {
	s := p.Scenario
	p.Arms = nil
	switch x := s.Experiment(); x.Arms {
	case "":
		return nil
	case scenarios.Bypass:
		if !p.goesAround() {
			return refuse(s, s.Field(s.Load.Experiment.Pos, "arms"), "give behind to a target that a journey uses: "+strings.Join(p.Targets, ", "),
				"the experiment bypass changes nothing: no journey uses a target with something behind it")
		}
		p.Arms = []*Arm{{Name: scenarios.AsIs}, {Name: scenarios.AroundArm, Around: true}}
	case scenarios.BySource:
		name, list := s.SourceArm()
		p.Arms = []*Arm{{Name: scenarios.AsIs}, {Name: name, Sources: list}}
	case scenarios.CopyOff:
		p.Arms = []*Arm{{Name: scenarios.AsIs}, {Name: scenarios.NoCopyArm}}
	case scenarios.OneGroup:
		return p.layGroups(x.Group)
	}
	return nil
}

// goesAround tells whether any target in use has something behind it.
func (p *Plan) goesAround() bool {
	for _, name := range p.Targets {
		if len(p.Scenario.Targets.ByName[name].Behind) > 0 {
			return true
		}
	}
	return false
}

// layGroups makes an arm of a group, or of each that has accounts enough.
func (p *Plan) layGroups(wanted string) error {
	s := p.Scenario
	p.Arms = []*Arm{{Name: scenarios.AsIs}}
	names := p.Accounts.GroupNames()
	if len(names) == 0 {
		return refuse(s, s.Accounts.Pos, "write groups: {tax: 1-400, interior: 401-800} under accounts, or give the CSV file a column group",
			"the experiment one-group needs groups of accounts")
	}
	need := 0
	for _, list := range p.byPersona {
		need = max(need, len(list))
	}
	known, largest := false, 0
	for _, name := range names {
		if wanted != "" && name != wanted {
			continue
		}
		known = true
		accounts := p.accountsOf(name, need)
		largest = max(largest, len(accounts))
		if len(accounts) < need || len(p.Arms) > mostGroupArms {
			continue
		}
		p.Arms = append(p.Arms, &Arm{Name: scenarios.GroupArm + name, users: p.onAccounts(accounts)})
	}
	switch {
	case !known:
		return refuse(s, s.Field(s.Load.Experiment.Pos, "group"), "the accounts' groups are the ones that there are", "no account belongs to the group %q", wanted)
	case len(p.Arms) == 1:
		return refuse(s, s.Accounts.Pos, "lower the stages: each user of a persona needs an account of its own",
			"the experiment one-group needs %d accounts in one group, the largest has %d", need, largest)
	}
	return nil
}

// accountsOf are the first accounts of a group, as many as are needed.
func (p *Plan) accountsOf(group string, need int) []int {
	var list []int
	for i := 0; i < p.Accounts.Len() && len(list) < need; i++ {
		if p.Accounts.Group(i) == group {
			list = append(list, i)
		}
	}
	return list
}

// onAccounts are the active users by persona, each with another account: the n-th of a persona has the n-th.
func (p *Plan) onAccounts(accounts []int) [][]*User {
	lists := make([][]*User, len(p.byPersona))
	for k, list := range p.byPersona {
		for n, u := range list {
			other := *u
			other.Account = accounts[n]
			other.Fresh = p.Scenario.Wave.Live > 0 && other.Account >= p.Scenario.Wave.Live
			lists[k] = append(lists[k], &other)
		}
	}
	return lists
}

// armed plays each load in every arm: in one order at one load and in the other at the next, so that a linear drift takes as much
// from one arm as from another. Of an odd number of loads the last is played in both orders.
func (p *Plan) armed(loads []int) []level {
	var list []level
	on := p.Scenario.Wave.Copy.Concurrency > 0 && p.Scenario.Wave.Copy.Stages != "none"
	add := func(users int, back bool) {
		for i := range p.Arms {
			if back {
				i = len(p.Arms) - 1 - i
			}
			arm := p.Arms[i]
			list = append(list, level{users: users, copy: on && arm.Name != scenarios.NoCopyArm, arm: arm.Name})
		}
	}
	for k, n := range loads {
		add(n, k%2 == 1)
		if k == len(loads)-1 && k%2 == 0 {
			add(n, true)
		}
	}
	return list
}

// Arm is the arm of that name, nil where there is none.
func (p *Plan) Arm(name string) *Arm {
	for _, a := range p.Arms {
		if a.Name == name {
			return a
		}
	}
	return nil
}

// UsersIn are the active users of a persona in an arm, in the order in which stages take them. nil is no arm.
func (p *Plan) UsersIn(a *Arm, persona int) []*User {
	if a == nil || a.users == nil {
		return p.byPersona[persona]
	}
	return a.users[persona]
}

// Backend is what stands behind a target for one user who goes around the balancer: the users of a persona take turns, and
// each stays with one. nil where nothing is known to stand behind it.
func (p *Plan) Backend(target string, u *User) *url.URL {
	list := p.Scenario.Targets.ByName[target].Behind
	if len(list) == 0 {
		return nil
	}
	return list[p.turn(u)%len(list)]
}

// turn numbers the users of a persona in the order in which stages take them. Their accounts lie as far apart as the activity has
// it, and their numbers in the plan as the mix has it: whoever took turns by these might leave out every second one.
func (p *Plan) turn(u *User) int {
	own := p.byPersona[u.Persona]
	if at := sort.Search(len(own), func(i int) bool { return own[i].ID >= u.ID }); at < len(own) && own[at].ID == u.ID {
		return at
	}
	return int(u.ID & (1<<31 - 1)) // one who is no active user
}

// Source is the address from which a user comes in an arm, in turn; invalid: as the scenario has it.
func (p *Plan) Source(a *Arm, u *User) netip.Addr {
	if a == nil || len(a.Sources) == 0 {
		return netip.Addr{}
	}
	return a.Sources[p.turn(u)%len(a.Sources)]
}
