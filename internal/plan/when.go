package plan

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"strconv"

	"pegel/scenarios"
)

// when is a compiled condition.
type when struct {
	*scenarios.Condition
	values  []int // of the names, in the plan's table
	answers bool  // it depends on what the platform answered
}

// when compiles a condition with its steps. A variable may be asked for before it has been saved: it is empty then.
func (c *compiler) when(j *Journey, s *scenarios.Step) {
	w := &when{Condition: s.If}
	for _, ref := range s.If.Names() {
		if ref.Name == "run" {
			c.fail(ref.Pos, "", "the run's name is another one in each run, so nothing can depend on it")
			continue
		}
		v, hint, problem := c.lookUp(ref.Name)
		if problem != "" {
			c.fail(ref.Pos, hint, "%s", problem)
			continue
		}
		w.answers = w.answers || v.kind == variableValue
		w.values = append(w.values, c.plan.values.number(v))
	}
	if w.answers && c.plan.asked == (scenarios.Pos{}) {
		c.plan.asked = s.If.Pos
	}
	j.describe("if", s.If.Text)
	at := len(j.code)
	j.code = append(j.code, instruction{op: opIf, step: j.newStep(), when: w})
	c.scope.guarded++
	c.steps(j, s.Steps)
	end := len(j.code)
	j.code = append(j.code, instruction{op: opJump})
	j.code[at].to = []int{end + 1}
	c.steps(j, s.Else)
	c.scope.guarded--
	j.code[end].to = []int{len(j.code)}
}

// Answers is where a cursor learns what the platform has answered, and tells the branches it takes because of that.
type Answers interface {
	Saved
	// Branch is told of each if that depends on answers. It returns the branch to be taken, which is another than taken only
	// where a former run is replayed.
	Branch(b Branch) (taken bool)
	// Forget is told that the journey begins again, with nothing saved.
	Forget()
}

// Branch is a branch that a user took because of an answer.
type Branch struct {
	User      uint64 // its ID
	Step      uint64 // number of the if within the plan
	Iteration uint64 // how often the user had been there
	Taken     bool   // the condition held
}

// Use makes the cursor decide by a user's answers. Without it nothing counts as saved.
func (c *Cursor) Use(a Answers) { c.answers = a }

// Answers is what Use was given; the cursor of a branch has that of its user.
func (c *Cursor) Answers() Answers { return c.answers }

// decide takes one of the branches of an if.
func (c *Cursor) decide(in *instruction) {
	k, n := c.drawn(in.step)
	moment := Moment{User: c.user, Key: k, Iteration: n}
	if c.answers != nil {
		moment.Saved = c.answers
	}
	holds := in.when.Holds(func(i int) string { return c.plan.Value(in.when.values[i], &moment) })
	if in.when.answers && c.answers != nil {
		holds = c.answers.Branch(Branch{User: c.user.ID, Step: uint64(c.journey.first + in.step), Iteration: n, Taken: holds})
	}
	if holds {
		c.pc++
	} else {
		c.pc = in.to[0]
	}
}

// DependsOnAnswers is where the scenario first asks what the platform answered, and whether it does: what its users do
// cannot be known without the platform then.
func (p *Plan) DependsOnAnswers() (scenarios.Pos, bool) { return p.asked, p.asked != (scenarios.Pos{}) }

// describe notes what a step sends or takes that its draws do not show: parameters with their templates, captures, conditions.
func (j *Journey) describe(parts ...string) {
	h := fnv.New64a()
	put(h, j.content)
	for _, part := range parts {
		put(h, uint64(len(part)))
		h.Write([]byte(part))
	}
	j.content = h.Sum64()
}

// describeCode notes all that a journey's steps do: also what lies behind the acts that enter the digest by themselves, or
// behind a condition on answers.
func (j *Journey) describeCode(actions []string) {
	for i := range j.code {
		in := &j.code[i]
		parts := []string{strconv.Itoa(int(in.op)), in.target, in.timeout.String(), in.every.String(), fmt.Sprint(in.weights, in.to, in.loop, in.times)}
		if in.op == opAct {
			parts = append(parts, actions[in.action])
		}
		if d := in.think; d != nil {
			parts = append(parts, d.Kind, fmt.Sprint(int64(d.A), int64(d.B), d.Values))
		}
		j.describe(parts...)
	}
}

// captures is what a step saves as one text; encoding/json sorts the names.
func captures(save map[string]scenarios.Capture) string {
	placeless := map[string]scenarios.Capture{}
	for name, c := range save {
		c.Pos = scenarios.Pos{}
		placeless[name] = c
	}
	raw, err := json.Marshal(placeless)
	if err != nil {
		return fmt.Sprint(err) // of plain texts, so it cannot be
	}
	return string(raw)
}

// contentDigest covers what steps send and take, and what feeders hold.
func (p *Plan) contentDigest() uint64 {
	h := fnv.New64a()
	for i := range p.Personas {
		for _, j := range []*Journey{p.Personas[i].Journey, p.Personas[i].Fresh} {
			if j != nil && j.content != 0 {
				put(h, uint64(i), j.content)
			}
		}
	}
	for i := range p.values.feeders {
		f := &p.values.feeders[i]
		h.Write([]byte(f.name + "\x00" + f.Corpus + "\x00" + f.Pattern + "\x00" + f.Pick))
		put(h, uint64(f.First), uint64(f.Len()))
		if f.Corpus != "" || f.Pattern != "" {
			continue
		}
		columns := f.Columns()
		for column := range max(1, len(columns)) {
			if len(columns) > 0 {
				h.Write([]byte(columns[column]))
			}
			for row := range f.Len() {
				h.Write([]byte(f.Value(row, column)))
				h.Write([]byte{0})
			}
		}
	}
	if sum := h.Sum64(); sum != fnv.New64a().Sum64() {
		return sum
	}
	return 0 // nothing of this is in the scenario
}
