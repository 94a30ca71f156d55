package scenarios

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
)

// MostGroups is how many groups of accounts a scenario may name. A CSV file may have more; they are then told apart as far
// as results tell names apart.
const MostGroups = 256

// group is a range of accounts, from 1 and both ends included, and whose they are.
type group struct {
	AccountRange
	name string
}

// list are the groups in the order of their accounts.
func (g Groups) list() []group {
	var list []group
	for name, r := range g.ByName {
		if r.From == 0 {
			continue // reported where it was read
		}
		list = append(list, group{r, name})
	}
	slices.SortFunc(list, func(a, b group) int { return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.name, b.name)) })
	return list
}

// groupsOfBatches are the accounts that belong to a group by the batch with which they are switched over.
func (s *Scenario) groupsOfBatches() []group {
	var list []group
	next := s.Wave.Live + 1
	for _, b := range s.Wave.Batches {
		if b.Group != "" {
			list = append(list, group{AccountRange{next, next + b.Accounts - 1}, b.Group})
		}
		next += b.Accounts
	}
	return list
}

// groupOf is the group of account i, counted from 0, in a list ordered by accounts; "" where it is in none.
func groupOf(list []group, i int) string {
	n := i + 1
	at, found := slices.BinarySearchFunc(list, n, func(g group, n int) int {
		switch {
		case g.To < n:
			return -1
		case g.From > n:
			return 1
		}
		return 0
	})
	if !found {
		return ""
	}
	return list[at].name
}

// Group is the group of account i, 0 ≤ i < Len: from the CSV file or from accounts.groups, else that of the batch with which
// it is switched over; "" where none of them names one.
func (l *AccountList) Group(i int) string {
	if l.rows != nil && l.rows[i].group != "" {
		return l.rows[i].group
	}
	if name := groupOf(l.groups, i); name != "" {
		return name
	}
	return groupOf(l.batches, i)
}

// GroupNames are the groups that have accounts, in the order of their first account.
func (l *AccountList) GroupNames() []string {
	var names []string
	seen := map[string]bool{"": true}
	add := func(name string) {
		if !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	for i := range l.rows {
		add(l.rows[i].group)
	}
	for _, list := range [][]group{l.groups, l.batches} {
		for _, g := range list {
			if g.From <= l.count {
				add(g.name)
			}
		}
	}
	return names
}

func (g *Groups) decodeNode(d *decoder, n *node) {
	if n.kind != mapNode {
		d.want(n, "write groups: {interior: 1-400, tax: 401-800}", "a mapping of groups to ranges of accounts")
		return
	}
	if len(n.entries) > MostGroups {
		d.fail(n.pos, "for more, use the column group of a CSV file", "%d groups are too many, at most %d can be named here", len(n.entries), MostGroups)
		return
	}
	g.ByName = map[string]AccountRange{}
	for _, e := range n.entries {
		var r AccountRange
		r.decodeNode(d, e.value)
		g.ByName[e.key] = r
	}
}

var accountRange = regexp.MustCompile(`^([0-9]{1,9})(?:\s*-\s*([0-9]{1,9}))?$`)

func (r *AccountRange) decodeNode(d *decoder, n *node) {
	const hint = "write 1-400: the first and the last account by their position in the list, from 1"
	if n.kind != textNode && n.kind != intNode {
		d.want(n, hint, "a range of accounts")
		return
	}
	read, ok := parseAccountRange(n.text)
	switch {
	case !ok:
		d.want(n, hint, "a range of accounts")
	case read.From < 1:
		d.fail(n.pos, hint, "accounts count from 1")
	case read.To < read.From:
		d.fail(n.pos, fmt.Sprintf("write %d-%d", read.To, read.From), "the range %s ends before it begins", n.text)
	default:
		*r = read
	}
}

// parseAccountRange reads 1-400, or 7 for one account; what the numbers are is not looked at.
func parseAccountRange(text string) (r AccountRange, ok bool) {
	m := accountRange.FindStringSubmatch(text)
	if m == nil {
		return r, false
	}
	r.From, _ = strconv.Atoi(m[1]) // nine digits always fit
	r.To = r.From
	if m[2] != "" {
		r.To, _ = strconv.Atoi(m[2])
	}
	return r, true
}

// groups checks names, ends and overlaps of the groups, and that batches name groups that there are.
func (c *checker) groups() {
	a := c.Accounts
	list := a.Groups.list()
	if len(list) > 0 && a.CSV != "" {
		c.failKey("use the file's column group", "csv and groups exclude each other", a.Pos, "groups")
		return
	}
	var before *group
	for i := range list {
		g := &list[i]
		if !plainName.MatchString(g.name) {
			c.failKey(plainNameRule, fmt.Sprintf("group name %q", g.name), a.Pos, "groups", g.name)
		}
		if a.Count > 0 && g.To > a.Count {
			c.fail("raise accounts.count or correct the range", fmt.Sprintf("group %s reaches to account %d, but there are only %d", g.name, g.To, a.Count),
				a.Pos, "groups", g.name)
		}
		if before != nil && g.From <= before.To {
			c.fail("an account belongs to one group", fmt.Sprintf("groups %s and %s overlap: both have account %d", before.name, g.name, g.From),
				a.Pos, "groups", g.name)
		}
		if before == nil || g.To > before.To {
			before = g
		}
	}
}

// batchGroups checks the groups that batches belong to: where accounts.groups names the groups, they are the only ones.
func (c *checker) batchGroups() {
	known := names(c.Accounts.Groups.ByName)
	for _, b := range c.Wave.Batches {
		switch {
		case b.Group == "":
		case !plainName.MatchString(b.Group):
			c.fail(plainNameRule, fmt.Sprintf("group name %q of batch %q", b.Group, b.Name), b.Pos, "group")
		case len(known) > 0 && !slices.Contains(known, b.Group):
			c.fail(didYouMean(b.Group, known), fmt.Sprintf("batch %q belongs to the group %q, which accounts.groups does not have", b.Name, b.Group), b.Pos, "group")
		}
	}
}
