package scenarios

import (
	"math"
	"regexp"
	"strconv"
	"strings"
)

// Condition is an expression over variables and data: token, folder == "INBOX", n >= 3, not (a and b), subject matches "^Re:".
//
// All values are texts. Beside a number written in the condition a value is compared as a number, and one that is none is
// unequal to it and neither less nor greater; beside a text written in it, as text; two names as numbers where both are.
// A value alone is true unless it is empty, "0" or "false"; what has not been saved is empty.
type Condition struct {
	Text string
	Pos  Pos

	root  *expression
	names []Reference
}

// Reference is a name that a condition or a template uses.
type Reference struct {
	Name string
	Pos  Pos
}

// Names are the names that the condition uses, each once, with the place of its first use.
func (c *Condition) Names() []Reference { return c.names }

// Holds decides; value gives the value of Names()[i].
func (c *Condition) Holds(value func(i int) string) bool { return c.root != nil && c.root.holds(value) }

func (c *Condition) decodeNode(d *decoder, n *node) {
	c.Pos = n.pos
	if !n.scalar() || n.kind == nullNode {
		d.want(n, `write if: folder == "INBOX"`, "a condition")
		return
	}
	c.Text = n.text
	if at, hint, problem := c.parse(); problem != "" {
		d.fail(d.inside(n, at), hint, "%s", problem)
		return
	}
	for i := range c.names {
		c.names[i].Pos = d.inside(n, c.names[i].Pos.Column)
	}
}

const (
	longestCondition = 4 << 10 // bytes
	deepestCondition = 50      // of parentheses and nots
)

// reserved are the words that no variable can be called.
var reserved = []string{"and", "or", "not", "contains", "matches", "true", "false", "data", "account", "run"}

type operator uint8

const (
	textOp operator = iota // a text written in the condition
	numberOp
	nameOp
	orOp
	andOp
	notOp
	equalOp
	unequalOp
	lessOp
	atMostOp
	greaterOp
	atLeastOp
	containsOp
	matchesOp
)

var operators = map[string]operator{"==": equalOp, "!=": unequalOp, "<": lessOp, "<=": atMostOp, ">": greaterOp, ">=": atLeastOp,
	"contains": containsOp, "matches": matchesOp}

// expression is a node of the tree: a value, a comparison of two values, or what and, or and not make of others.
type expression struct {
	op     operator
	text   string
	number float64
	name   int
	parts  []*expression
	match  *regexp.Regexp
}

func (e *expression) holds(value func(int) string) bool {
	switch e.op {
	case orOp:
		for _, p := range e.parts {
			if p.holds(value) {
				return true
			}
		}
		return false
	case andOp:
		for _, p := range e.parts {
			if !p.holds(value) {
				return false
			}
		}
		return true
	case notOp:
		return !e.parts[0].holds(value)
	case textOp, numberOp, nameOp:
		switch e.value(value) {
		case "", "0", "false":
			return false
		}
		return true
	}
	return e.compare(value)
}

func (e *expression) value(value func(int) string) string {
	if e.op == nameOp {
		return value(e.name)
	}
	return e.text
}

func (e *expression) compare(value func(int) string) bool {
	left, right := e.parts[0], e.parts[1]
	a, b := left.value(value), right.value(value)
	switch e.op {
	case containsOp:
		return strings.Contains(a, b)
	case matchesOp:
		return e.match.MatchString(a)
	}
	var order int // of a to b
	x, first := asNumber(a)
	y, second := asNumber(b)
	switch written := left.op == numberOp || right.op == numberOp; {
	case written && !(first && second):
		return e.op == unequalOp
	case written, left.op == nameOp && right.op == nameOp && first && second:
		switch {
		case x < y:
			order = -1
		case x > y:
			order = 1
		}
	default:
		order = strings.Compare(a, b)
	}
	switch e.op {
	case equalOp:
		return order == 0
	case unequalOp:
		return order != 0
	case lessOp:
		return order < 0
	case atMostOp:
		return order <= 0
	case greaterOp:
		return order > 0
	}
	return order >= 0
}

func asNumber(text string) (float64, bool) {
	x, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	return x, err == nil && !math.IsNaN(x) && !math.IsInf(x, 0)
}
