package reports

import (
	"math"
	"strconv"
)

// figure is one chart with what makes it readable without seeing it: a title that states the finding, a caption with
// the number of samples, and a table with the same numbers.
type figure struct {
	ID      string
	Height  string // CSS class: tall, wide, small, flat
	Title   string
	Caption string
	Table   table
}

// table is a table of formatted cells.
type table struct {
	Head  []cell
	Rows  [][]cell
	Empty string // said instead of a table without rows
	Cards bool   // on a narrow screen each row stands by itself, its cells below each other
}

// cell is one field of a table. Mark is a symbol beside the text, Note is said below it; Bar, from 0 to 1, draws a bar
// where HasBar is set. The class of a row's header is that of the row.
type cell struct {
	Text   string
	Number bool
	Header bool // of its row
	Run    bool // words of the run, not of the report's language
	Class  string
	Mark   string
	Note   string
	Span   *span
	HasBar bool
	Bar    float64
	Exact  string // machine-readable value behind a rounded number
}

func words(s string) cell  { return cell{Text: s} }
func number(s string) cell { return cell{Text: s, Number: true} }
func name(s string) cell   { return cell{Text: s, Header: true} }

// exact is a number rounded for people, with the whole number for machines behind it.
func exact(s string, v float64) cell {
	c := number(s)
	if !math.IsNaN(v) && !math.IsInf(v, 0) {
		c.Exact = strconv.FormatFloat(math.Round(v), 'f', 0, 64)
	}
	return c
}

// state is a cell that says whether something held, with a symbol beside the colour.
func state(text string, held bool) cell {
	if held {
		return cell{Text: text, Number: true, Class: "held", Mark: "✓"}
	}
	return cell{Text: text, Number: true, Class: "broken", Mark: "✗"}
}

// heads makes a head row: the first column's words, the others' numbers.
func heads(first string, rest ...string) []cell {
	row := []cell{words(first)}
	for _, s := range rest {
		row = append(row, number(s))
	}
	return row
}

// num is a number in a chart's data: six significant digits are more than any screen shows, and what is no finite number
// is a gap.
type num float64

// MarshalJSON writes null for what is not finite.
func (n num) MarshalJSON() ([]byte, error) {
	v := float64(n)
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, v, 'g', 6, 64), nil
}

// chart is what report.js draws: kind names the drawing, the other keys are its data.
type chart map[string]any
