package plan

import (
	"cmp"
	"fmt"
	"slices"

	"pegel/scenarios"
)

// Tag is a dimension of results that the scenario gives to steps and personas.
type Tag struct{ Name, Value string }

// dimensions are what results are told apart by besides action and persona, numbered from 1; 0 is none.
type dimensions struct {
	groups []string // by number − 1
	number map[string]uint16
	tags   [][]Tag // sets, by number − 1; each ordered by name
	set    map[string]uint16
}

// mostSets bounds the different sets of tags of a plan.
const mostSets = 1 << 15

// Groups are the groups of accounts; User.Group − 1 is the index.
func (p *Plan) Groups() []string { return p.dimensions.groups }

// TagSets are the sets of tags; Act.Tags − 1 is the index.
func (p *Plan) TagSets() [][]Tag { return p.dimensions.tags }

// GroupOf is the number of an account's group, 0 where it has none.
func (p *Plan) GroupOf(account int) uint16 {
	if len(p.dimensions.groups) == 0 {
		return 0
	}
	return p.dimensions.number[p.Accounts.Group(account)]
}

// numberGroups numbers the groups in the order of their first account. Results tell fewer apart than fit in the number; the
// recorder sees to that, and what would not fit counts with the last.
func (d *dimensions) numberGroups(names []string) {
	d.groups = names[:min(len(names), 1<<16-1)]
	d.number = make(map[string]uint16, len(names))
	for i, name := range names {
		d.number[name] = uint16(min(i+1, len(d.groups)))
	}
}

// tagSet is the number of the tags of a step, those of its persona included; a step's own tag of the same name wins.
func (c *compiler) tagSet(pos scenarios.Pos, persona, own map[string]string) uint16 {
	if len(persona)+len(own) == 0 {
		return 0
	}
	set := make([]Tag, 0, len(persona)+len(own))
	for name, value := range own {
		set = append(set, Tag{name, value})
	}
	for name, value := range persona {
		if _, won := own[name]; !won {
			set = append(set, Tag{name, value})
		}
	}
	slices.SortFunc(set, func(a, b Tag) int { return cmp.Compare(a.Name, b.Name) })
	d := &c.plan.dimensions
	var text []byte
	for _, t := range set {
		text = fmt.Appendf(text, "%s=%s\n", t.Name, t.Value) // both are plain names
	}
	if n, known := d.set[string(text)]; known {
		return n
	}
	if len(d.tags) == mostSets {
		c.fail(pos, "use fewer different ones", "more than %d different sets of tags", mostSets)
		return 0
	}
	if d.set == nil {
		d.set = map[string]uint16{}
	}
	d.tags = append(d.tags, set)
	d.set[string(text)] = uint16(len(d.tags))
	return uint16(len(d.tags))
}

// tag gives the actions compiled since from their tags.
func (c *compiler) tag(j *Journey, from int, own map[string]string, pos scenarios.Pos) {
	for i := from; i < len(j.code); i++ {
		if j.code[i].op == opAct {
			j.code[i].tags = c.tagSet(pos, c.tags, own)
		}
	}
}
