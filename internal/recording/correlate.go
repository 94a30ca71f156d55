package recording

import (
	"errors"
	"fmt"
	"slices"
)

// ErrAlike is the failure of Correlate where the recordings cannot be compared.
var ErrAlike = errors.New("the recordings cannot be held against each other")

// correlator is one comparison on its way.
type correlator struct {
	list  []*Recording
	rows  []row
	known map[*Exchange]map[string][]string
	jars  [][]map[string]string // by recording and row

	uses  []*use
	notes []string

	between map[string][]bool     // see awaited
	firsts  map[firstKey][]string // see first
}

// use is one place that needs what an answer has.
type use struct {
	from, at int // rows
	capture
	values []string
	name   string // of the variable it reads; set by name
	place  *planned
	token  string // what stands in the planned request instead of the name until there is one
}

// Correlate finds out what of the requests is the application's and what is the account's, the session's or the moment's.
func Correlate(list []*Recording) (*Journey, error) {
	if len(list) < 2 {
		return nil, fmt.Errorf("%w: two of different accounts are needed", ErrAlike)
	}
	for _, r := range list[1:] {
		if !slices.EqualFunc(r.Actions, list[0].Actions, func(a, b Action) bool { return a.Verb == b.Verb }) {
			return nil, fmt.Errorf("%w: %s has other actions than %s", ErrAlike, r.Source, list[0].Source)
		}
	}
	c := &correlator{list: list, known: map[*Exchange]map[string][]string{}}
	c.rows, c.notes = align(list)
	if len(c.rows) == 0 {
		return nil, fmt.Errorf("%w: they have no request in common", ErrAlike)
	}
	c.fillJars()
	plans := make([]*planned, len(c.rows))
	for at := range c.rows {
		if !c.rows[at].asset {
			plans[at] = c.plan(at)
		}
	}
	c.name()
	j := &Journey{Captures: len(c.variables())}
	for a := range list[0].Actions {
		j.Actions = append(j.Actions, c.action(a, plans))
	}
	for i := 1; i < len(list[0].Actions); i++ {
		before, now := list[0].Actions[i-1].Ended(), list[0].Actions[i].Began()
		if !before.IsZero() && now.After(before) {
			j.Actions[i].Think = now.Sub(before)
		}
	}
	j.Notes = c.notes
	return j, nil
}

// fillJars notes which cookies each recording has after each row.
func (c *correlator) fillJars() {
	for n := range c.list {
		jar, all := map[string]string{}, make([]map[string]string, len(c.rows))
		for at := range c.rows {
			if set := c.rows[at].x[n].cookies(); len(set) > 0 {
				next := make(map[string]string, len(jar)+len(set))
				for name, value := range jar {
					next[name] = value
				}
				for _, f := range set {
					next[f.Name] = f.Value
				}
				jar = next
			}
			all[at] = jar
		}
		c.jars = append(c.jars, all)
	}
}

func (c *correlator) jar(at, n int) map[string]string { return c.jars[n][at] }
