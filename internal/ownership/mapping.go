package ownership

import (
	"fmt"
	"slices"
	"strings"

	"pegel/internal/table"
)

// Defect is one reason why a map would move mail to the wrong person, or cannot be shown not to.
type Defect struct {
	Code  string // source-twice, target-twice, person-twice, other-person, unknown, ambiguous, name, alias, deferred-differs, deferred-missing, deferred-extra
	Place table.Place
	Text  string
}

// String is place and text.
func (d Defect) String() string { return fmt.Sprintf("%s: %s", d.Place, d.Text) }

// CheckMap holds the map of the core pass against the directory, and the map of the deferred pass, nil where there is only
// one, against that of the core pass. No defect means: every source goes to one target and every target has one source, both are the same
// person's in the directory, what the map says of names and aliases is that person's, and both passes go the same way. Defects come in the order of the files.
func CheckMap(core, deferred []Move, directory []Person) []Defect {
	c := mapCheck{people: map[string][]int{}, directory: directory}
	c.index()
	c.oneToOne(core)
	for _, m := range core {
		c.person(m)
	}
	c.onePersonOnce(core)
	if deferred != nil {
		c.oneToOne(deferred)
		c.same(core, deferred)
	}
	return c.defects
}

type mapCheck struct {
	directory []Person
	people    map[string][]int // persons by address and alias
	defects   []Defect
}

func (c *mapCheck) add(code string, at table.Place, format string, args ...any) {
	c.defects = append(c.defects, Defect{code, at, fmt.Sprintf(format, args...)})
}

// index finds out whose each address is, and which are two people's.
func (c *mapCheck) index() {
	claim := func(name string, i int, at table.Place) {
		key := canonical(name)
		if owners := c.people[key]; len(owners) > 0 && !slices.Contains(owners, i) {
			c.add("ambiguous", at, "%s belongs to %s in %s as well", name, c.who(owners[0]), c.directory[owners[0]].at)
		}
		if !slices.Contains(c.people[key], i) {
			c.people[key] = append(c.people[key], i)
		}
	}
	for i, p := range c.directory {
		claim(p.Address, i, p.at)
		for _, alias := range p.Aliases {
			claim(alias, i, p.aliasAt)
		}
	}
}

func (c *mapCheck) who(i int) string {
	p := c.directory[i]
	if p.Name == "" {
		return p.Address
	}
	return fmt.Sprintf("%s (%s)", p.Name, p.Address)
}

// oneToOne finds sources and targets that a map names twice.
func (c *mapCheck) oneToOne(moves []Move) {
	sources, targets := map[string]Move{}, map[string]Move{}
	for _, m := range moves {
		if first, twice := sources[canonical(m.Source)]; twice {
			c.add("source-twice", m.sourceAt, "source %s goes to %s here and to %s in line %d", m.Source, m.Target, first.Target, first.sourceAt.Line)
		} else {
			sources[canonical(m.Source)] = m
		}
		if first, twice := targets[canonical(m.Target)]; twice {
			c.add("target-twice", m.targetAt, "target %s gets the mail of %s here and of %s in line %d", m.Target, m.Source, first.Source, first.targetAt.Line)
		} else {
			targets[canonical(m.Target)] = m
		}
	}
}

// find is the person with an address or alias; ok is false where there is none or several.
func (c *mapCheck) find(name string, at table.Place, what string) (person int, ok bool) {
	switch owners := c.people[canonical(name)]; len(owners) {
	case 0:
		c.add("unknown", at, "%s %s is nobody's in the directory", what, name)
		return 0, false
	case 1:
		return owners[0], true
	default:
		return 0, false // reported where the directory says so
	}
}

// person holds one row against the directory.
func (c *mapCheck) person(m Move) {
	from, knownFrom := c.find(m.Source, m.sourceAt, "source")
	to, knownTo := c.find(m.Target, m.targetAt, "target")
	if knownFrom && knownTo && from != to {
		c.add("other-person", m.targetAt, "the mail of %s, %s, would go to %s, %s", m.Source, c.who(from), m.Target, c.who(to))
	}
	if !knownTo {
		to = from
	}
	if !knownFrom && !knownTo {
		return
	}
	if !knownFrom {
		from = to
	}
	if m.Name != "" && !sameName(m.Name, c.directory[from].Name) {
		c.add("name", m.nameAt, "the map says %q, the directory has %s for source %s", m.Name, c.who(from), m.Source)
	} else if m.Name != "" && from != to && !sameName(m.Name, c.directory[to].Name) {
		c.add("name", m.nameAt, "the map says %q, the directory has %s for target %s", m.Name, c.who(to), m.Target)
	}
	for _, alias := range m.Aliases {
		if owner, known := c.find(alias, m.aliasAt, "alias"); known && owner != to {
			c.add("alias", m.aliasAt, "alias %s belongs to %s, not to %s", alias, c.who(owner), c.who(to))
		}
	}
}

// onePersonOnce finds people who stand in the map twice under different addresses: their mail would come together in one mailbox, or one
// mailbox be taken for two.
func (c *mapCheck) onePersonOnce(moves []Move) {
	type row struct {
		name string
		line int
	}
	seen := [2]map[int]row{{}, {}} // by person, of sources and targets
	for _, m := range moves {
		for side, name := range []string{m.Source, m.Target} {
			owners := c.people[canonical(name)]
			if len(owners) != 1 {
				continue
			}
			first, twice := seen[side][owners[0]]
			if !twice {
				seen[side][owners[0]] = row{name, m.sourceAt.Line}
			} else if canonical(first.name) != canonical(name) {
				c.add("person-twice", []table.Place{m.sourceAt, m.targetAt}[side], "%s and %s in line %d are both %s", name, first.name, first.line, c.who(owners[0]))
			}
		}
	}
}

// sameName compares names without regard to case and to the number of blanks.
func sameName(a, b string) bool {
	return strings.EqualFold(strings.Join(strings.Fields(a), " "), strings.Join(strings.Fields(b), " "))
}

// same finds what the deferred pass would do otherwise than the core pass.
func (c *mapCheck) same(core, deferred []Move) {
	to, from := map[string]Move{}, map[string]Move{}
	for _, m := range core {
		to[canonical(m.Source)], from[canonical(m.Target)] = m, m
	}
	seen := map[string]bool{}
	for _, m := range deferred {
		seen[canonical(m.Source)] = true
		was, known := to[canonical(m.Source)]
		switch {
		case !known:
			c.add("deferred-extra", m.sourceAt, "source %s is not in the core pass", m.Source)
		case canonical(was.Target) != canonical(m.Target):
			text := fmt.Sprintf("source %s goes to %s in the deferred pass, to %s in the core pass (%s)", m.Source, m.Target, was.Target, was.targetAt)
			if owner, ok := from[canonical(m.Target)]; ok {
				text += "; that target is the one of " + owner.Source
			}
			c.add("deferred-differs", m.targetAt, "%s", text)
		}
	}
	for _, m := range core {
		if !seen[canonical(m.Source)] {
			c.add("deferred-missing", m.sourceAt, "source %s is not in the deferred pass", m.Source)
		}
	}
}
