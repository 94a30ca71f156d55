package expect

import "slices"

// cohort is users who came in the same stage.
type cohort struct {
	users float64
	age   float64 // seconds since they came
	fresh bool    // they began with the fresh journey
}

// total is what a user of a persona does within so many seconds of its arrival.
func (p *playing) total(seconds float64, fresh bool) vector {
	if !fresh || seconds <= 0 {
		return p.first(seconds)
	}
	var v vector
	if p.fresh.Time > 0 {
		v.add(p.fresh.Once, min(1, seconds/p.fresh.Time))
	}
	v.add(p.first(seconds-p.fresh.Time), 1)
	return v
}

// pass lets time go by for those who are there, and returns what they do in it. Who has settled is no longer told apart.
func (p *playing) pass(seconds float64) vector {
	var v vector
	settled := p.settled()
	kept := p.there[:0]
	for _, c := range p.there {
		if c.age > settled && !c.fresh {
			v.add(p.rate(), c.users*seconds)
		} else {
			v.add(p.total(c.age+seconds, c.fresh), c.users)
			v.add(p.total(c.age, c.fresh), -c.users)
		}
		c.age += seconds
		c.fresh = c.fresh && c.age <= settled+p.fresh.Time
		if n := len(kept); n > 0 && !c.fresh && !kept[n-1].fresh && c.age > settled {
			kept[n-1].users += c.users
		} else {
			kept = append(kept, c)
		}
	}
	p.there = kept
	return v
}

// leave sends those away who came last, until so many are there.
func (p *playing) leave(users float64) {
	var sum float64
	for i := range p.there {
		c := &p.there[i]
		c.users = min(c.users, users-sum)
		sum += c.users
	}
	p.there = slices.DeleteFunc(p.there, func(c cohort) bool { return c.users <= 0 })
}
