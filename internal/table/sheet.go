// Package table reads measurements that were made elsewhere and typed in: a CSV file with a head line, one row for each
// load. It is strict, because a forecast from a misread number is worse than none: every cell that counts must be a
// number that can be, and every mistake is reported with file, line and column.
package table

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds of a table. Values beyond mostValue are slips of the keyboard, and their squares would overflow.
const (
	mostBytes   = 16 << 20
	mostRows    = 100_000
	mostColumns = 500
	mostValue   = 1e15
)

// sheet is a CSV file with its places.
type sheet struct {
	file  string
	lines []string // of the file, for places in characters
	head  record
	rows  []record
	errs  Errors
}

// record is one line of cells.
type record struct {
	cells   []string
	line    int
	columns []int // of each cell, in bytes
}

// readSheet reads a CSV file: UTF-8 with or without a byte order mark, either line end, separated by comma, semicolon or
// tab, whichever the head line has most of. An error of reading is returned as it is; what is wrong in the file as Errors.
func readSheet(file string, r io.Reader) (*sheet, error) {
	raw, err := io.ReadAll(io.LimitReader(r, mostBytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	s := &sheet{file: file}
	raw = bytes.TrimPrefix(raw, []byte("\ufeff"))
	switch {
	case len(raw) > mostBytes:
		return nil, s.fatal(1, 1, "leave out the rows that do not count, or average them", "the file is larger than %d MiB", mostBytes>>20)
	case !utf8.Valid(raw), bytes.IndexByte(raw, 0) >= 0:
		return nil, s.fatal(1, 1, "save it as CSV in UTF-8", "the file is not text in UTF-8")
	case len(bytes.TrimSpace(raw)) == 0:
		return nil, s.fatal(1, 1, "the first line names the columns, for example users,throughput,p95", "the file is empty")
	case bytes.IndexByte(raw, '\n') < 0 && bytes.IndexByte(raw, '\r') >= 0:
		return nil, s.fatal(1, 1, "save it with the line ends of Unix or Windows", "the lines end with a carriage return alone")
	}
	s.lines = strings.Split(string(raw), "\n")
	return s, s.parse(raw)
}

func (s *sheet) parse(raw []byte) error {
	c := csv.NewReader(bytes.NewReader(raw))
	c.Comma = separator(string(bytes.TrimLeft(raw, " \t\r\n")))
	c.FieldsPerRecord = -1
	for {
		cells, err := c.Read()
		if err == io.EOF {
			break
		}
		var bad *csv.ParseError
		if errors.As(err, &bad) {
			return s.fatal(bad.Line, bad.Column, "a quote inside a quoted cell is written twice", "not valid CSV: %v", bad.Err)
		} else if err != nil {
			return fmt.Errorf("reading %s: %w", s.file, err)
		}
		rec := record{cells: cells, columns: make([]int, len(cells))}
		blank := true
		for i := range cells {
			line, column := c.FieldPos(i)
			if i == 0 {
				rec.line = line
			}
			rec.columns[i] = column
			if line != rec.line { // a cell before it has line feeds
				rec.columns[i] = 1
			}
			cells[i] = strings.TrimSpace(cells[i])
			blank = blank && cells[i] == ""
		}
		switch {
		case blank: // spreadsheets leave such lines behind
		case s.head.cells == nil && len(cells) > mostColumns:
			return s.fatal(rec.line, 1, "", "the table has %d columns, at most %d are read", len(cells), mostColumns)
		case s.head.cells == nil:
			s.head = rec
		case len(s.rows) == mostRows:
			return s.fatal(rec.line, 1, "leave out the rows that do not count, or average them", "the table has more than %d rows", mostRows)
		case len(cells) != len(s.head.cells):
			s.wrongWidth(rec, c.Comma)
		default:
			s.rows = append(s.rows, rec)
		}
	}
	if s.head.cells == nil { // nothing but separators
		return s.fatal(1, 1, "the first line names the columns, for example users,throughput,p95", "the head line is empty")
	}
	if len(s.rows) == 0 && len(s.errs) == 0 {
		return s.fatal(s.head.line, 1, "each line below the head is the measurement of one load", "the table has a head line but no rows")
	}
	return nil
}

func (s *sheet) wrongWidth(rec record, comma rune) {
	hint := "leave no cell out"
	if comma == ',' && len(rec.cells) > len(s.head.cells) {
		hint = "numbers have a decimal point (1.5, not 1,5) and no separator of thousands"
	}
	s.add(rec.line, 1, hint, "%d cells where the head line has %d", len(rec.cells), len(s.head.cells))
}

// separator is what the head line has most of outside quotes.
func separator(text string) rune {
	head, _, _ := strings.Cut(text, "\n")
	count := map[rune]int{}
	quoted := false
	for _, r := range head {
		if r == '"' {
			quoted = !quoted
		} else if !quoted {
			count[r]++
		}
	}
	best := ','
	for _, r := range []rune{';', '\t'} {
		if count[r] > count[best] {
			best = r
		}
	}
	return best
}

// character turns a place in bytes into one in characters. It is done for mistakes only, because it takes as long as the line
// is.
func (s *sheet) character(line, column int) int {
	if line < 1 || line > len(s.lines) || column < 1 {
		return 1
	}
	text := s.lines[line-1]
	return utf8.RuneCountInString(text[:min(column-1, len(text))]) + 1
}

// add notes a mistake; column is in bytes.
func (s *sheet) add(line, column int, hint, format string, args ...any) {
	if len(s.errs) < mostKept {
		s.errs = append(s.errs, Problem{s.file, line, s.character(line, column), fmt.Sprintf(format, args...), hint})
	}
}

func (s *sheet) fatal(line, column int, hint, format string, args ...any) error {
	s.add(line, column, hint, format, args...)
	return s.errs
}

// err is what was found so far.
func (s *sheet) err() error {
	if len(s.errs) == 0 {
		return nil
	}
	return s.errs
}

// number reads a cell that must be a finite number of at least 0.
func (s *sheet) number(rec record, column int, name string) (v float64, ok bool) {
	cell := rec.cells[column]
	fail := func(hint, format string, args ...any) (float64, bool) {
		s.add(rec.line, rec.columns[column], hint, format, args...)
		return 0, false
	}
	digits := strings.Trim(cell, "0123456789+-.eE") == ""
	v, err := strconv.ParseFloat(cell, 64)
	switch {
	case cell == "":
		return fail("leave the row or the column out where nothing was measured", "%s is empty", name)
	case strings.Trim(cell, "0123456789+-.,") == "" && strings.Contains(cell, ","):
		return fail("write a decimal point and no separator of thousands: 1.5, 1200", "%s has a comma: %q", name, cell)
	case !digits && strings.ContainsAny(cell[:1], "0123456789.") && !strings.ContainsAny(cell, " ,"):
		return fail("units belong into the head line, as in p95_ms", "%s is not a number: %q", name, cell)
	case errors.Is(err, strconv.ErrRange) || digits && err == nil && v > mostValue:
		return fail("", "%s is beyond all reason: %q", name, cell)
	case err != nil || !digits || math.IsNaN(v):
		return fail("", "%s is not a number: %q", name, cell)
	case v < 0:
		return fail("", "%s is below 0: %s", name, cell)
	}
	return v, true
}
