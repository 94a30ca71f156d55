package ownership

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"pegel/internal/table"
)

// Bounds of a CSV file.
const (
	mostBytes   = 64 << 20
	mostRows    = 200_000
	mostColumns = 200
)

// sheet is a CSV file with its places: UTF-8 with or without a byte order mark, either line end, separated by comma,
// semicolon or tab: what a first line such as "sep=;" says, else whichever the head line has most of.
type sheet struct {
	file    string
	lines   []string
	columns map[string]int // by lower-case name
	rows    []row
	errs    table.Errors
}

type row struct {
	line   int
	cells  []string
	places []int // of each cell, in bytes, from 1
}

// mostErrors bounds what is collected about one file.
const mostErrors = 1000

// readSheet reads a file whose head line must name the needed columns; others are left alone. An error of reading is
// returned as it is, what is wrong in the file as table.Errors.
func readSheet(file string, r io.Reader, needed ...string) (*sheet, error) {
	raw, err := io.ReadAll(io.LimitReader(r, mostBytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	s := &sheet{file: file, columns: map[string]int{}}
	raw = bytes.TrimPrefix(raw, []byte("\ufeff"))
	head := "the first line names the columns: " + strings.Join(needed, ", ")
	switch {
	case len(raw) > mostBytes:
		return nil, s.fatal(1, 1, "", "the file is larger than %d MiB", mostBytes>>20)
	case !utf8.Valid(raw), bytes.IndexByte(raw, 0) >= 0:
		return nil, s.fatal(1, 1, "save it as CSV in UTF-8", "the file is not text in UTF-8")
	case len(bytes.TrimSpace(raw)) == 0:
		return nil, s.fatal(1, 1, head, "the file is empty")
	case bytes.IndexByte(raw, '\n') < 0 && bytes.IndexByte(raw, '\r') >= 0:
		return nil, s.fatal(1, 1, "save it with the line ends of Unix or Windows", "the lines end with a carriage return alone")
	}
	s.lines = strings.Split(string(raw), "\n")
	comma := separator(string(bytes.TrimLeft(raw, " \t\r\n")))
	if first, rest, more := bytes.Cut(raw, []byte("\n")); more && len(bytes.TrimSpace(first)) == len("sep=;") && bytes.HasPrefix(bytes.ToLower(first), []byte("sep=")) {
		comma, raw = rune(first[4]), append([]byte("\n"), rest...) // spreadsheets write and read such a line; the others keep their numbers
	}
	if err := s.parse(raw, comma, head, needed); err != nil {
		return nil, err
	}
	return s, s.err()
}

func (s *sheet) parse(raw []byte, comma rune, headHint string, needed []string) error {
	c := csv.NewReader(bytes.NewReader(raw))
	c.Comma = comma
	c.FieldsPerRecord = -1
	width := 0
	for {
		cells, err := c.Read()
		if err == io.EOF {
			break
		}
		if bad, ok := errors.AsType[*csv.ParseError](err); ok {
			return s.fatal(bad.Line, bad.Column, "a quote inside a quoted cell is written twice", "not valid CSV: %v", bad.Err)
		} else if err != nil {
			return fmt.Errorf("reading %s: %w", s.file, err)
		}
		r := s.row(c, cells)
		switch {
		case !slices.ContainsFunc(r.cells, func(cell string) bool { return cell != "" }): // spreadsheets leave such lines behind
		case width == 0 && len(cells) > mostColumns:
			return s.fatal(r.line, 1, "", "the file has %d columns, at most %d are read", len(cells), mostColumns)
		case width == 0:
			width = len(cells)
			s.head(r, headHint, needed)
			if err := s.err(); err != nil {
				return err
			}
		case len(s.rows) == mostRows:
			return s.fatal(r.line, 1, "split it", "the file has more than %d rows", mostRows)
		case len(cells) != width:
			s.fail(r, 0, "quote cells that hold the separator", "%d cells where the head line has %d", len(cells), width)
		default:
			s.rows = append(s.rows, r)
		}
	}
	if len(s.rows) == 0 && len(s.errs) == 0 {
		return s.fatal(1, 1, headHint, "the file has no rows below its head line")
	}
	return nil
}

func (s *sheet) row(c *csv.Reader, cells []string) row {
	r := row{cells: cells, places: make([]int, len(cells))}
	for i := range cells {
		line, column := c.FieldPos(i)
		if i == 0 {
			r.line = line
		}
		if r.places[i] = column; line != r.line { // a cell before it has line feeds
			r.places[i] = 1
		}
		cells[i] = strings.TrimSpace(cells[i])
	}
	return r
}

func (s *sheet) head(r row, hint string, needed []string) {
	for i, cell := range r.cells {
		name := strings.ToLower(cell)
		if _, twice := s.columns[name]; twice && name != "" {
			s.fail(r, i, "leave one of them out", "the column %s stands there twice", cell)
		}
		s.columns[name] = i
	}
	for _, name := range needed {
		if _, ok := s.columns[name]; !ok {
			s.fail(r, 0, hint, "the column %s is missing; there are %.200s", name, strings.Join(r.cells, ", "))
		}
	}
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

// cell is a row's value in a column and where it stands; "" where the file does not have the column.
func (s *sheet) cell(r row, column string) (string, Place) {
	i, ok := s.columns[column]
	if !ok {
		return "", s.place(r.line, 1)
	}
	return r.cells[i], s.place(r.line, r.places[i])
}

// list is a cell that holds several values, separated by |.
func (s *sheet) list(r row, column string) (values []string, at Place) {
	text, at := s.cell(r, column)
	for value := range strings.SplitSeq(text, "|") {
		if value = strings.TrimSpace(value); value != "" {
			values = append(values, value)
		}
	}
	return values, at
}

// Place is where something stands in a file; lines and columns count from 1, columns in characters.
type Place struct {
	File         string
	Line, Column int
}

// String is file:line:column.
func (p Place) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

// place turns a column in bytes into one in characters.
func (s *sheet) place(line, column int) Place {
	p := Place{s.file, line, 1}
	if line >= 1 && line <= len(s.lines) && column > 1 {
		text := s.lines[line-1]
		p.Column = utf8.RuneCountInString(text[:min(column-1, len(text))]) + 1
	}
	return p
}

func (s *sheet) fail(r row, cell int, hint, format string, args ...any) {
	at := 1
	if cell < len(r.places) {
		at = r.places[cell]
	}
	s.failAt(s.place(r.line, at), hint, format, args...)
}

func (s *sheet) failAt(p Place, hint, format string, args ...any) {
	if len(s.errs) < mostErrors {
		s.errs = append(s.errs, table.Problem{File: p.File, Line: p.Line, Column: p.Column, Text: fmt.Sprintf(format, args...), Hint: hint})
	}
}

func (s *sheet) fatal(line, column int, hint, format string, args ...any) error {
	s.failAt(s.place(line, column), hint, format, args...)
	return s.errs
}

func (s *sheet) err() error {
	if len(s.errs) == 0 {
		return nil
	}
	return s.errs
}
