package observe

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"pegel/internal/archive"
	"pegel/internal/catalogue"
	"pegel/scenarios"
)

const (
	// mostResources bounds how many resources of one page are found by their labels and kept.
	mostResources = 2000
	// mostGroups bounds the values of labels that are held in memory until it is known whether they make a resource.
	mostGroups = 4 * mostResources
	// longestName bounds the name of a resource, in bytes, as scenarios do.
	longestName = 64
)

// table turns the series of one source into points of resources. Series come in any order between begin and points. It belongs
// to one goroutine, and its memory is bounded by mostGroups whatever a source says.
type table struct {
	page     string
	software string
	rules    []*rule
	terms    []term
	families map[string][]int // which terms a metric's name serves
	names    map[string]*rule // of resources, and which rule made them
	written  map[string]*scenarios.Resource
	round    uint32
	groups   int  // of all rules together
	capped   bool // there are more than are kept
	told     bool // and that was said
	key      []byte
	row      []label
}

// term is a selector of a rule.
type term struct {
	selector *selector
	rule     *rule
	at       int  // among the rule's own
	whole    bool // a sum from which a series without a value is missing says nothing
}

// rule makes one resource, or one for each value of the labels in its name.
type rule struct {
	name     string
	labels   []string
	resource catalogue.Resource // what is known of it besides its fields
	fields   []ruleField
	terms    int
	derived  bool // from the catalogue; else written in the scenario

	shared []cell // of series that have none of the labels: they count for all
	groups map[string]*group
	order  []*group
}

// ruleField is one field of the resource: of its expressions the first counts whose series are there.
type ruleField struct {
	name string
	sums []expression
}

// group is one resource, and what the round under way has found for it.
type group struct {
	name   string
	kind   string
	values []string // of the labels, as they may be shown
	cells  []cell
	known  bool // it has been announced
	hidden bool // it is one too many, or written out in the scenario
}

// cell is what a term adds up to in one round.
type cell struct {
	round uint32
	sum   float64
	n     int  // series with a value
	seen  bool // the series is there
	bad   bool // one of them has no value
}

func newTable(page string) *table {
	return &table{page: page, families: map[string][]int{}, names: map[string]*rule{}, written: map[string]*scenarios.Resource{}}
}

// add takes over a resource as the scenario writes it. Where derived ones can come too, one that selects nothing itself only
// says more about the derived one of its name.
func (t *table) add(r *scenarios.Resource, derives bool) error {
	if t.written[r.Name] != nil {
		return errors.New("the name is taken")
	}
	t.written[r.Name] = r
	made := &rule{name: r.Name, groups: map[string]*group{}}
	for _, f := range fieldsOf(r) {
		if f.text == "" {
			continue
		}
		if v, err := strconv.ParseFloat(f.text, 64); err == nil && finite(v) {
			if f.name != archive.FieldLimit && f.name != archive.FieldQueueLimit {
				return fmt.Errorf("%s: %s is a number, only limit and queue_limit may be one", f.name, f.text)
			}
			made.fields = append(made.fields, ruleField{f.name, []expression{{{factor: v}}}})
			continue
		}
		s, err := parseSelector(f.text)
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		x := expression{{factor: 1, selector: s}}
		t.bind(made, x, false)
		made.fields = append(made.fields, ruleField{f.name, []expression{x}})
	}
	if derives && made.terms == 0 {
		return nil // its numbers go to the derived one
	}
	t.names[r.Name] = made
	t.rules = append(t.rules, made)
	return nil
}

// derive adds the resources of a software.
func (t *table) derive(s *catalogue.Software) error {
	t.software = s.Name
	for i := range s.Resources {
		r := &s.Resources[i]
		made := &rule{name: r.Name, labels: catalogue.Labels(r.Name), resource: *r, derived: true, groups: map[string]*group{}}
		for _, label := range slices.Concat(catalogue.Labels(r.Within), catalogue.Labels(r.Group), catalogue.Labels(r.Kind)) {
			if !slices.Contains(made.labels, label) {
				made.labels = append(made.labels, label)
			}
		}
		for _, f := range []struct {
			name  string
			terms catalogue.Terms
		}{
			{archive.FieldInUse, r.InUse}, {archive.FieldLimit, r.Limit}, {archive.FieldQueue, r.Queue}, {archive.FieldBusy, r.Busy},
			{archive.FieldServed, r.Served}, {archive.FieldRefused, r.Refused}, {archive.FieldWaited, r.Waited}, {archive.FieldQueueLimit, r.QueueLimit},
		} {
			field := ruleField{name: f.name}
			for _, text := range f.terms {
				x, err := parseExpression(text)
				if err != nil {
					return fmt.Errorf("catalogue of %s: resource %s: %s: %w", s.Name, r.Name, f.name, err)
				}
				t.bind(made, x, f.name == archive.FieldLimit || f.name == archive.FieldQueueLimit)
				field.sums = append(field.sums, x)
			}
			if field.sums != nil {
				made.fields = append(made.fields, field)
			}
		}
		t.rules = append(t.rules, made)
	}
	return nil
}

// bind gives an expression's selectors their places.
func (t *table) bind(r *rule, x expression, whole bool) {
	for i := range x {
		if s := x[i].selector; s != nil {
			x[i].term = r.terms
			t.families[s.Name] = append(t.families[s.Name], len(t.terms))
			t.terms = append(t.terms, term{selector: s, rule: r, at: r.terms, whole: whole})
			r.terms++
			r.shared = append(r.shared, cell{})
		}
	}
}

type fieldText struct{ name, text string }

func fieldsOf(r *scenarios.Resource) []fieldText {
	return []fieldText{
		{archive.FieldInUse, r.InUse}, {archive.FieldLimit, r.Limit}, {archive.FieldQueue, r.Queue}, {archive.FieldBusy, r.Busy},
		{archive.FieldServed, r.Served}, {archive.FieldRefused, r.Refused}, {archive.FieldWaited, r.Waited}, {archive.FieldQueueLimit, r.QueueLimit},
	}
}

// begin starts a new round.
func (t *table) begin() { t.round++ }

// series takes one series in whose metric has terms. What has no value yet adds nothing.
func (t *table) series(family []int, labels []label, v float64) {
	for _, i := range family {
		x := &t.terms[i]
		if !x.selector.matches(labels) {
			continue
		}
		c := t.cell(x, labels)
		if c == nil {
			continue
		}
		if c.round != t.round {
			*c = cell{round: t.round}
		}
		c.seen = true
		if finite(v) {
			c.sum += v
			c.n++
		} else {
			c.bad = c.bad || x.whole
		}
	}
}

// cell is where a series is added to; nil: nowhere.
func (t *table) cell(x *term, labels []label) *cell {
	r := x.rule
	if len(r.labels) == 0 {
		return &r.shared[x.at]
	}
	any := false
	t.key = t.key[:0]
	for _, name := range r.labels {
		for i := range labels {
			if string(labels[i].name) == name {
				t.key = append(t.key, labels[i].value...)
				any = true
				break
			}
		}
		t.key = append(t.key, 0xff) // in no valid text
	}
	if !any {
		return &r.shared[x.at]
	}
	g := r.groups[string(t.key)]
	if g == nil {
		if t.groups == mostGroups {
			t.capped = true
			return nil
		}
		t.groups++
		g = &group{cells: make([]cell, r.terms)}
		for part := range strings.SplitSeq(strings.TrimSuffix(string(t.key), "\xff"), "\xff") {
			g.values = append(g.values, shown(part))
		}
		r.groups[string(t.key)] = g
		r.order = append(r.order, g)
	}
	return &g.cells[x.at]
}

// points ends a round: the points of all resources, and what is to be known of those that are new.
func (t *table) points() ([]archive.Point, []archive.Resource, error) {
	var points []archive.Point
	var fresh []archive.Resource
	any := len(t.terms) == 0
	for _, r := range t.rules {
		if len(r.labels) == 0 && len(r.order) == 0 {
			r.order = []*group{{}}
		}
		for i := range r.shared {
			any = any || r.shared[i].round == t.round
		}
		for _, g := range r.order {
			for i := range g.cells {
				any = any || g.cells[i].round == t.round
			}
			if g.hidden {
				continue
			}
			if !r.derived {
				points, _ = t.values(points, r, g, r.name)
				continue
			}
			if !g.known {
				if !t.tells(r, g) {
					continue
				}
				if !t.name(r, g) {
					continue
				}
				fresh = append(fresh, t.announce(r, g))
			}
			points, _ = t.values(points, r, g, g.name)
		}
	}
	if !any {
		return nil, nil, fmt.Errorf("none of the %d series asked for is on the page", len(t.terms))
	}
	return points, fresh, nil
}

// values adds the points of one resource.
func (t *table) values(points []archive.Point, r *rule, g *group, name string) ([]archive.Point, int) {
	from := len(points)
	var over *scenarios.Resource
	if r.derived {
		over = t.written[name]
	}
	for i := range r.fields {
		f := &r.fields[i]
		if v := t.value(f, r, g); finite(v) && !overridden(over, f.name) {
			points = append(points, archive.Point{Page: t.page, Resource: name, Field: f.name, Value: v})
		}
	}
	if over != nil {
		for _, f := range fieldsOf(over) {
			if v, err := strconv.ParseFloat(f.text, 64); err == nil && finite(v) && len(points) > from {
				points = append(points, archive.Point{Page: t.page, Resource: name, Field: f.name, Value: v})
			}
		}
	}
	return points, len(points) - from
}

func overridden(over *scenarios.Resource, field string) bool {
	return over != nil && (field == archive.FieldLimit && over.Limit != "" || field == archive.FieldQueueLimit && over.QueueLimit != "")
}

// value is a field's in this round; NaN: it has none.
func (t *table) value(f *ruleField, r *rule, g *group) float64 {
	for _, x := range f.sums {
		v := x.value(func(at int) *cell {
			var c *cell
			if g.cells != nil {
				c = &g.cells[at]
			}
			if c == nil || c.round != t.round {
				c = &r.shared[at]
			}
			if c.round != t.round || c.bad {
				return nil
			}
			return c
		})
		if finite(v) {
			return v
		}
	}
	return math.NaN()
}

// tells is whether a group says what it is about: what is in use, or else who waits. Limits alone make no resource.
func (t *table) tells(r *rule, g *group) bool {
	for i := range r.fields {
		switch f := &r.fields[i]; f.name {
		case archive.FieldInUse, archive.FieldBusy, archive.FieldQueue:
			if finite(t.value(f, r, g)) {
				return true
			}
		}
	}
	return false
}

// name gives a new resource its name, and says whether it is kept.
func (t *table) name(r *rule, g *group) bool {
	fill := func(text string) string {
		return catalogue.Fill(text, func(label string) string {
			if i := slices.Index(r.labels, label); i >= 0 && i < len(g.values) {
				return g.values[i]
			}
			return ""
		})
	}
	g.name = plain(fill(r.name))
	g.kind = fill(r.resource.Kind)
	if made := t.names[g.name]; made != nil && !made.derived {
		g.hidden = true // the scenario has one of its own
		return false
	}
	for n := 2; t.names[g.name] != nil; n++ { // two that differ only in what a name may not have
		g.name = plain(fmt.Sprintf("%s.%d", strings.TrimSuffix(g.name, fmt.Sprintf(".%d", n-1)), n))
	}
	if len(t.names) >= mostResources {
		g.hidden, t.capped = true, true
		return false
	}
	t.names[g.name] = r
	g.known = true
	return true
}

// announce is what the archive keeps of a new resource.
func (t *table) announce(r *rule, g *group) archive.Resource {
	out := archive.Resource{Page: t.page, Name: g.name, Kind: g.kind, Software: t.software, Unit: r.resource.Unit}
	fill := func(text string) string {
		if text == "" {
			return ""
		}
		return plain(catalogue.Fill(text, func(label string) string { return g.values[slices.Index(r.labels, label)] }))
	}
	out.Group, out.Within = fill(r.resource.Group), fill(r.resource.Within)
	for i, name := range r.labels {
		if out.Labels == nil {
			out.Labels = map[string]string{}
		}
		out.Labels[name] = g.values[i]
	}
	for i := range r.fields {
		out.Fields = append(out.Fields, r.fields[i].name)
	}
	return out
}

// hides are words that a label's value with a secret has, and addresses with a password.
var hides = regexp.MustCompile(`(?i)passw|secret|token|api_?key|bearer|://[^/]*@`)

// shown is a label's value as names may have it.
func shown(value string) string {
	if hides.MatchString(value) {
		return "redacted"
	}
	return plain(value)
}

// plain is a text with nothing that a resource's name may not have.
func plain(text string) string {
	text = strings.Map(func(c rune) rune {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
			return c
		}
		return '_'
	}, text)
	text = strings.Trim(text, "._-")
	if text == "" {
		text = "none"
	}
	return text[:min(len(text), longestName)]
}

// forget makes the table as it was before the first round, so that all resources are new again.
func (t *table) forget() {
	for _, r := range t.rules {
		if r.derived {
			r.groups, r.order = map[string]*group{}, nil
		}
	}
	maps.DeleteFunc(t.names, func(_ string, r *rule) bool { return r.derived })
	t.groups, t.capped, t.told = 0, false, false
}

// missing lists the fields of written resources, and the labels' resources, that the last round did not find.
func (t *table) missing() []string {
	var list []string
	found := false
	for _, r := range t.rules {
		if r.derived {
			found = found || slices.ContainsFunc(r.order, func(g *group) bool { return g.known })
			continue
		}
		for i := range r.fields {
			if f := &r.fields[i]; !finite(t.value(f, r, &group{})) {
				list = append(list, fmt.Sprintf("the page has no metric for %s of %s", f.name, r.name))
			}
		}
	}
	if t.software != "" {
		if !found {
			list = append(list, "the page has no resource of "+t.software)
		}
		for _, name := range slices.Sorted(maps.Keys(t.written)) {
			if t.names[name] == nil {
				list = append(list, fmt.Sprintf("the page has no resource %s", name))
			}
		}
	}
	return list
}

// give takes in one series of a source that has no text: names and values of its labels in turn.
func (t *table) give(metric string, v float64, labels ...string) {
	family := t.families[metric]
	if family == nil {
		return
	}
	t.row = t.row[:0]
	for i := 0; i+1 < len(labels); i += 2 {
		t.row = append(t.row, label{[]byte(labels[i]), []byte(labels[i+1])})
	}
	t.series(family, t.row, v)
}
