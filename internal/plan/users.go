package plan

import (
	"math"
	"sort"

	"pegel/scenarios"
)

// User is one virtual user.
type User struct {
	ID      uint64 // unique in the plan, key of the user's draws
	Persona int
	Account int
	Start   float64 // in [0, 1): share of the ramp of its first stage at which it arrives
	Fresh   bool    // its account is switched over in the stage in which it first appears
}

// users lays out the active users of all levels, the fixed users and the copiers.
func (p *Plan) users(top int, levels []level) error {
	need := make([]int, len(p.Personas)) // by experiments with the mix, which may take more of a persona than the highest load
	for _, l := range levels {
		for k, n := range l.mix {
			need[k] = max(need[k], n)
		}
	}
	if err := p.active(top, need); err != nil {
		return err
	}
	p.byPersona = make([][]*User, len(p.Personas))
	for i := range p.Active {
		u := &p.Active[i]
		p.byPersona[u.Persona] = append(p.byPersona[u.Persona], u)
	}
	id := uint64(1) << 32 // fixed users and copiers have numbers of their own, whatever the number of active users
	for k, persona := range p.Personas {
		from := p.Scenario.Personas[k]
		if persona.Share > 0 {
			continue
		}
		n := from.Count
		if persona.Copy {
			n, _ = p.Scenario.Wave.Copy.Of(from.Copy)
		}
		for j := range n {
			u := User{ID: id, Persona: k, Account: j % p.Accounts.Len()}
			u.Start = unit(key(p.Seed, u.ID, 1<<21, 0))
			id++
			if persona.Copy { // copiers work on the accounts that come next
				u.Account = (p.Scenario.Wave.Live + j) % p.Accounts.Len()
			}
			switch from.Copy {
			case scenarios.CorePass:
				p.Copiers = append(p.Copiers, u)
			case scenarios.DeferredPass:
				p.Deferred = append(p.Deferred, u)
			default:
				p.Fixed = append(p.Fixed, u)
			}
		}
	}
	return nil
}

// active lists the active users, top of them and as many more as it takes until each persona has what it needs. Every
// prefix of the list has the personas' shares as exactly as whole users can.
func (p *Plan) active(top int, need []int) error {
	count := make([]int, len(p.Personas))
	missing := 0
	for _, n := range need {
		missing += n
	}
	p.Active = make([]User, 0, min(top, 1<<20))
	for n := 0; n < top || missing > 0; n++ {
		best := p.furthestBehind(n, count)
		u := User{ID: uint64(n), Persona: best, Account: p.accountOf(best, count[best])}
		taken := n < top
		if count[best] < need[best] {
			missing--
			taken = true
		}
		if taken && u.Account >= p.Accounts.Len() {
			s := p.Scenario
			return refuse(s, s.Accounts.Pos, "raise accounts.count, or lower the stages or the activity",
				"the stages need %d accounts, the scenario has %d", max(p.accountsFor(top), u.Account+1), p.Accounts.Len())
		}
		u.Account %= p.Accounts.Len() // beyond them only whom no stage takes
		u.Start = unit(key(p.Seed, u.ID, 1<<21, 0))
		u.Fresh = p.Scenario.Wave.Live > 0 && u.Account >= p.Scenario.Wave.Live
		count[best]++
		p.Active = append(p.Active, u)
	}
	return nil
}

// furthestBehind is the persona whose turn it is when n users are placed, count of each (largest-deficit rule).
func (p *Plan) furthestBehind(n int, count []int) int {
	best, most := 0, math.Inf(-1)
	for k := range p.Personas {
		if share := p.Personas[k].Share; share > 0 {
			if d := share*float64(n+1) - float64(count[k]); d > most {
				best, most = k, d
			}
		}
	}
	return best
}

// accountOf is the account of a persona's n-th active user, from 0: its users are spread over the accounts.
func (p *Plan) accountOf(persona, n int) int { return int(float64(n) / p.Personas[persona].Active) }

// Users are the active users of a persona in the order in which stages take them.
func (p *Plan) Users(persona int) []*User { return p.byPersona[persona] }

// mix is how many of the first n active users play each persona.
func (p *Plan) mix(n int) []int {
	list := make([]int, len(p.Personas))
	for k, users := range p.byPersona {
		list[k] = sort.Search(len(users), func(i int) bool { return users[i].ID >= uint64(n) })
	}
	return list
}

// MostUsers is the largest number of active users that the accounts are enough for, at most limit.
func (p *Plan) MostUsers(limit int) int {
	count := make([]int, len(p.Personas))
	for n := range limit {
		best := p.furthestBehind(n, count)
		if p.accountOf(best, count[best]) >= p.Accounts.Len() {
			return n
		}
		count[best]++
	}
	return limit
}

func (p *Plan) topAccount() int {
	top := 0
	for i := range p.Active {
		top = max(top, p.Active[i].Account)
	}
	return top
}

// ActiveUser is the i-th active user, also where i lies beyond the plan's own stages: the pattern of personas and
// accounts goes on, accounts are taken from the beginning again when there are no more.
func (p *Plan) ActiveUser(i int) User {
	if i < len(p.Active) {
		return p.Active[i]
	}
	n := len(p.Active)
	u := p.Active[i%n]
	u.ID = uint64(i)
	u.Account = (u.Account + i/n*max(1, p.topAccount())) % p.Accounts.Len()
	u.Start = unit(key(p.Seed, u.ID, 1<<21, 0))
	return u
}
