package table

import (
	"fmt"
	"strings"
)

// Place is where something stands in a file. Lines and columns count from 1, columns in characters.
type Place struct {
	File         string
	Line, Column int
}

// String is file:line:column.
func (p Place) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

// Problem is one thing that is wrong with a sheet.
type Problem struct {
	At   Place
	Text string // what is wrong
	Hint string // how it may be put right; may be empty
}

// Error is place, text and hint.
func (p Problem) Error() string {
	s := fmt.Sprintf("%s: %s", p.At, p.Text)
	if p.Hint != "" {
		s += "\n  hint: " + p.Hint
	}
	return s
}

// Errors are the problems of one sheet in the order in which they were found. It is never empty where it is returned.
type Errors []Problem

// mostPrinted bounds what Error prints; mostKept what is collected at all.
const (
	mostPrinted = 20
	mostKept    = 1000
)

// Error prints the first problems, one after the other.
func (e Errors) Error() string {
	var b strings.Builder
	for i, p := range e {
		if i == mostPrinted {
			fmt.Fprintf(&b, "\nand %d more problems", len(e)-mostPrinted)
			break
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(p.Error())
	}
	return b.String()
}

// Warning is a doubt that does not keep a table from being read.
type Warning struct{ Code, Text string }
