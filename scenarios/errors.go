package scenarios

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with a scenario, and where. Lines and columns count from 1; Line 0 means that the
// place is not in a file, as with a value given on the command line.
type Problem struct {
	File    string
	Line    int
	Column  int
	Text    string // what is wrong
	Hint    string // how it may be put right; may be empty
	Excerpt string // the source line and a caret below it; secrets are blanked; may be empty
	See     string // where the documentation explains it: docs/scenario.md#journeys; may be empty
}

// Error is the problem on one to five lines: place and text, the source line, a caret, a hint, where to read on.
func (p *Problem) Error() string {
	var b strings.Builder
	if p.Line > 0 {
		fmt.Fprintf(&b, "%s:%d:%d: %s", p.File, p.Line, p.Column, p.Text)
	} else {
		fmt.Fprintf(&b, "%s: %s", p.File, p.Text)
	}
	if p.Excerpt != "" {
		for line := range strings.SplitSeq(p.Excerpt, "\n") {
			b.WriteString("\n    " + line)
		}
	}
	if p.Hint != "" {
		b.WriteString("\n  hint: " + p.Hint)
	}
	if p.See != "" {
		b.WriteString("\n  see: " + p.See)
	}
	return b.String()
}

// Errors are all problems of one scenario. The zero value is ready to use.
type Errors struct{ Problems []Problem }

// NewErrors returns an empty list.
func NewErrors() *Errors { return new(Errors) }

// mostPrinted bounds what Error prints; the list itself is complete.
const mostPrinted = 50

// Error prints the problems in the order of their places.
func (e *Errors) Error() string {
	var b strings.Builder
	for i := range e.Problems {
		if i == mostPrinted {
			fmt.Fprintf(&b, "\nand %d more problems", len(e.Problems)-mostPrinted)
			break
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(e.Problems[i].Error())
	}
	return b.String()
}

// Add takes the problems of err: all of an *Errors, one of a *Problem, and any other error by its text. Problems stay
// sorted by file and position, and one that is already there is not repeated. A nil err adds nothing.
func (e *Errors) Add(err error) {
	var many *Errors
	var one *Problem
	switch {
	case err == nil:
		return
	case errors.As(err, &many):
		if many != nil {
			for i := range many.Problems {
				e.insert(many.Problems[i])
			}
		}
	case errors.As(err, &one):
		e.insert(*one)
	default:
		e.insert(Problem{File: "scenario", Text: err.Error()})
	}
}

func (e *Errors) insert(p Problem) {
	at, _ := slices.BinarySearchFunc(e.Problems, p, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	for ; at < len(e.Problems) && e.Problems[at].samePlace(p); at++ {
		if e.Problems[at].Text == p.Text {
			return
		}
	}
	e.Problems = slices.Insert(e.Problems, at, p)
}

func (p Problem) samePlace(q Problem) bool {
	return p.File == q.File && p.Line == q.Line && p.Column == q.Column
}

// Err is e as an error, or nil if it has no problems.
func (e *Errors) Err() error {
	if e == nil || len(e.Problems) == 0 {
		return nil
	}
	return e
}

// Problem makes a problem at a place of the scenario file, with the excerpt. The hint may be empty.
func (s *Scenario) Problem(pos Pos, hint, format string, args ...any) *Problem {
	text := fmt.Sprintf(format, args...)
	if s.file == nil {
		return &Problem{File: cmp.Or(s.Path, "scenario"), Line: pos.Line, Column: pos.Column, Text: text, Hint: hint}
	}
	return s.file.problem(pos, hint, text)
}

// Field is the place of a value inside the mapping or list at pos, found by its keys; a list's elements have the keys "0",
// "1" and so on. The zero pos is the whole file. Where a key is missing, Field is the place of the last one found. A step's
// action, for example, stands at Field(step.Pos, "do").
func (s *Scenario) Field(pos Pos, keys ...string) Pos {
	_, value := s.locate(pos, keys...)
	return value
}

// Key is Field for the key itself instead of its value.
func (s *Scenario) Key(pos Pos, keys ...string) Pos {
	key, _ := s.locate(pos, keys...)
	return key
}

// locate is Field with the place of the last key as well.
func (s *Scenario) locate(pos Pos, keys ...string) (key, value Pos) {
	if s.file == nil {
		return pos, pos
	}
	return s.file.locate(pos, keys...)
}
