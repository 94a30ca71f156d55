package plan

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"

	"pegel/internal/corpus"
	"pegel/probes/probe"
	"pegel/scenarios"
)

// values are all that templates and conditions refer to, each with its number.
type values struct {
	table     []value
	variables []string // names, by number
	feeders   []feeder
}

type valueKind uint8

const (
	variableValue valueKind = iota
	dataValue
	addressValue
	loginValue
	passwordValue
	accountValue // its number, as the scenario counts
	runValue
)

// value is what a name stands for.
type value struct {
	kind   valueKind
	index  int // of the variable or the feeder
	column int
	name   string
}

type feeder struct {
	scenarios.Feeder
	name string
	id   uint64 // hash of the name: what is drawn does not depend on which other feeders there are
}

// Moment is one act of one user, for which values are asked.
type Moment struct {
	User      *User
	Key       uint64 // Act.Key
	Iteration uint64 // Act.Iteration
	Run       string // the run's name
	Saved     Saved  // nil: nothing has been saved
}

// Saved are a user's variables.
type Saved interface {
	// Saved is the value of the variable with this number, and whether it has been saved.
	Saved(variable int) (string, bool)
}

// Variables are the names of the variables that journeys save, by their numbers.
func (p *Plan) Variables() []string { return p.values.variables }

// Valueless tells whether there is neither a template nor a condition in any journey.
func (p *Plan) Valueless() bool { return len(p.values.table) == 0 && len(p.values.variables) == 0 }

// Value is the value with this number at a moment. A variable that has not been saved is empty.
func (p *Plan) Value(number int, m *Moment) string {
	v := &p.values.table[number]
	switch v.kind {
	case variableValue:
		if m.Saved == nil {
			return ""
		}
		text, _ := m.Saved.Saved(v.index)
		return text
	case dataValue:
		return p.fed(&p.values.feeders[v.index], v.column, m)
	case runValue:
		return m.Run
	}
	login, address, password := p.Accounts.At(m.User.Account)
	switch v.kind {
	case passwordValue:
		return password
	case loginValue:
		return login
	case addressValue:
		return address
	}
	return strconv.Itoa(m.User.Account + p.Scenario.Accounts.First)
}

// fed is what a feeder gives. Everything in one step comes from one row; picked in turn, it is that of the step's iteration,
// counted from a row of the user's own, so that two steps of one loop have the same.
func (p *Plan) fed(f *feeder, column int, m *Moment) string {
	var row uint64
	switch f.Pick {
	case scenarios.PickAccount:
		row = uint64(m.User.Account)
	case scenarios.PickInTurn:
		row = key(p.Seed, m.User.ID, 1<<22, f.id) + m.Iteration
	default:
		row = probe.Mix(m.Key ^ f.id)
	}
	if f.Corpus != "" {
		return corpus.Value(f.Corpus, probe.Mix(row^f.id))
	}
	return f.Value(int(row%uint64(f.Len())), column)
}

// feeders notes the feeders.
func (p *Plan) feeders() {
	for _, name := range p.Scenario.FeederNames() {
		h := fnv.New64a()
		h.Write([]byte(name))
		p.values.feeders = append(p.values.feeders, feeder{Feeder: p.Scenario.Data[name], name: name, id: h.Sum64()})
	}
}

// scope is what may be named at the place that is being compiled.
type scope struct {
	saved   map[string]bool // by a step further up in the journey
	all     map[string]bool // by any step of the journey
	guarded int             // inside how many ifs
	needs   []int           // variables that the step under way needs
}

// enter begins a journey.
func (s *scope) enter(steps scenarios.Journey) {
	*s = scope{saved: map[string]bool{}, all: map[string]bool{}}
	savedBy(steps, s.all)
}

// savedBy collects what any of the steps saves.
func savedBy(steps scenarios.Journey, into map[string]bool) {
	note := func(save map[string]scenarios.Capture) {
		for name := range save {
			into[name] = true
		}
	}
	for i := range steps {
		s := &steps[i]
		note(s.Save)
		savedBy(s.Steps, into)
		savedBy(s.Else, into)
		for _, c := range s.Choose {
			note(c.Save)
			savedBy(c.Steps, into)
		}
		for _, b := range s.Parallel {
			savedBy(b.Steps, into)
		}
	}
}

// resolve is the number of a value that a template names. A variable must be saved further up; inside an if, which is there
// to see whether it has been, anywhere in the journey.
func (c *compiler) resolve(name string) (number int, hint, problem string) {
	s := &c.scope
	v, hint, problem := c.lookUp(name)
	if problem != "" {
		return 0, hint, problem
	}
	if v.kind == variableValue {
		if !s.saved[name] && s.guarded == 0 {
			return 0, "save it in a step further up, or use it inside if: " + name, fmt.Sprintf("%s cannot have been saved yet", name)
		}
		if !slices.Contains(s.needs, v.index) {
			s.needs = append(s.needs, v.index)
		}
	}
	return c.plan.values.number(v), "", ""
}

// lookUp finds what a name stands for.
func (c *compiler) lookUp(name string) (v value, hint, problem string) {
	vals := &c.plan.values
	first, rest, dotted := strings.Cut(name, ".")
	switch {
	case name == "run":
		return value{kind: runValue, name: name}, "", ""
	case first == "account":
		kind, ok := map[string]valueKind{"address": addressValue, "login": loginValue, "password": passwordValue, "n": accountValue}[rest]
		if !ok {
			return value{}, nearest(name, []string{"account.address", "account.login", "account.password", "account.n"}), fmt.Sprintf("an account has no %q", rest)
		}
		return value{kind: kind, name: name}, "", ""
	case first == "data":
		return c.lookUpData(name, rest)
	case dotted:
		return value{}, nearest(name, c.known()), fmt.Sprintf("unknown name %q", name)
	case !c.scope.all[name]:
		return value{}, nearest(name, c.known()), fmt.Sprintf("no step of this journey saves %q", name)
	}
	i := slices.Index(vals.variables, name)
	if i < 0 {
		i = len(vals.variables)
		vals.variables = append(vals.variables, name)
	}
	return value{kind: variableValue, index: i, name: name}, "", ""
}

func (c *compiler) lookUpData(name, rest string) (value, string, string) {
	feeders := c.plan.values.feeders
	of, column, _ := strings.Cut(rest, ".")
	i := slices.IndexFunc(feeders, func(f feeder) bool { return f.name == of })
	if i < 0 {
		names := make([]string, len(feeders))
		for i, f := range feeders {
			names[i] = "data." + f.name
		}
		return value{}, nearest("data."+of, names), fmt.Sprintf("there is no feeder %q", of)
	}
	f := &feeders[i]
	at, ok := f.ColumnOf(column)
	switch {
	case ok:
		return value{kind: dataValue, index: i, column: at, name: name}, "", ""
	case column == "":
		return value{}, "write {{data." + of + "." + f.Columns()[0] + "}}", fmt.Sprintf("feeder %q has several columns", of)
	case f.Columns() == nil:
		return value{}, "write data." + of, fmt.Sprintf("feeder %q has no columns", of)
	}
	return value{}, nearest(column, f.Columns()), fmt.Sprintf("feeder %q has no column %q", of, column)
}

// known are the names that could have been meant.
func (c *compiler) known() []string {
	list := []string{"account.address", "account.login", "account.n", "run"}
	for name := range c.scope.all {
		list = append(list, name)
	}
	for _, f := range c.plan.values.feeders {
		list = append(list, "data."+f.name)
		for _, column := range f.Columns() {
			list = append(list, "data."+f.name+"."+column)
		}
	}
	slices.Sort(list)
	return list
}

// nearest is the hint that names what was probably meant, or all there is where that is little.
func nearest(word string, among []string) string {
	if h := hint(word, among); h != "" || len(among) == 0 || len(among) > 12 {
		return h
	}
	return "known here: " + strings.Join(among, ", ")
}

// number is the value's place in the table.
func (vs *values) number(v value) int {
	if i := slices.Index(vs.table, v); i >= 0 {
		return i
	}
	vs.table = append(vs.table, v)
	return len(vs.table) - 1
}
