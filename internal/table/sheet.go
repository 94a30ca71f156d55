package table

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// Sheet is a CSV file with its places: UTF-8 with or without a byte order mark, either line end, separated by comma,
// semicolon or tab: what a first line such as "sep=;" says, else whichever the head line has most of.
type Sheet struct {
	File  string
	Head  Record
	Rows  []Record // those with as many cells as the head line; lines without any content are left out
	lines []string // of the file, for places in characters
	errs  Errors
}

// Record is one line of cells.
type Record struct {
	Line    int      // from 1
	Cells   []string // without blanks around them
	columns []int    // of each cell, in bytes, from 1
}

// Form is what a sheet is expected to be: how much of it there may be, and the hints where it is otherwise.
type Form struct {
	Bytes, Rows, Columns int    // the most that is read
	Head                 string // what the head line is
	Row                  string // what a row is
	Smaller              string // how a file that is too large is made smaller
	Commas               string // why a row may have too many cells where they are separated by commas; may be empty
}

// ReadSheet reads a CSV file. An error of reading is returned as it is, and what makes the rest unreadable as Errors; rows of
// a wrong width are noted in the sheet, whose Err tells.
func ReadSheet(file string, r io.Reader, form Form) (*Sheet, error) {
	raw, err := io.ReadAll(io.LimitReader(r, int64(form.Bytes)+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	s := &Sheet{File: file}
	raw = bytes.TrimPrefix(raw, []byte("\ufeff"))
	switch {
	case len(raw) > form.Bytes:
		return nil, s.fatal(1, form.Smaller, "the file is larger than %d MiB", form.Bytes>>20)
	case !utf8.Valid(raw), bytes.IndexByte(raw, 0) >= 0:
		return nil, s.fatal(1, "save it as CSV in UTF-8", "the file is not text in UTF-8")
	case len(bytes.TrimSpace(raw)) == 0:
		return nil, s.fatal(1, form.Head, "the file is empty")
	case bytes.IndexByte(raw, '\n') < 0 && bytes.IndexByte(raw, '\r') >= 0:
		return nil, s.fatal(1, "save it with the line ends of Unix or Windows", "the lines end with a carriage return alone")
	}
	s.lines = strings.Split(string(raw), "\n")
	comma, said := separatorLine(s.lines[0])
	if said {
		raw = raw[len(s.lines[0]):] // its line feed stays, so that the others keep their numbers
	} else {
		comma = separator(string(bytes.TrimLeft(raw, " \t\r\n")))
	}
	if err := s.parse(raw, comma, form); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Sheet) parse(raw []byte, comma rune, form Form) error {
	c := csv.NewReader(bytes.NewReader(raw))
	c.Comma = comma
	c.FieldsPerRecord = -1
	for {
		cells, err := c.Read()
		if err == io.EOF {
			break
		}
		if bad, ok := errors.AsType[*csv.ParseError](err); ok {
			s.Add(s.place(bad.Line, bad.Column), "a quote inside a quoted cell is written twice", "not valid CSV: %v", bad.Err)
			return s.Err()
		} else if err != nil {
			return fmt.Errorf("reading %s: %w", s.File, err)
		}
		rec := newRecord(c, cells)
		switch {
		case !slices.ContainsFunc(rec.Cells, func(cell string) bool { return cell != "" }): // spreadsheets leave such lines behind
		case s.Head.Cells == nil && len(cells) > form.Columns:
			return s.fatal(rec.Line, "", "the file has %d columns, at most %d are read", len(cells), form.Columns)
		case s.Head.Cells == nil:
			s.Head = rec
		case len(s.Rows) == form.Rows:
			return s.fatal(rec.Line, form.Smaller, "the file has more than %d rows", form.Rows)
		case len(cells) != len(s.Head.Cells):
			s.wrongWidth(rec, comma, form)
		default:
			s.Rows = append(s.Rows, rec)
		}
	}
	if s.Head.Cells == nil { // nothing but separators
		return s.fatal(1, form.Head, "the head line is empty")
	}
	if len(s.Rows) == 0 && len(s.errs) == 0 {
		return s.fatal(s.Head.Line, form.Row, "the file has no rows below its head line")
	}
	return nil
}

func newRecord(c *csv.Reader, cells []string) Record {
	rec := Record{Cells: cells, columns: make([]int, len(cells))}
	for i := range cells {
		line, column := c.FieldPos(i)
		if i == 0 {
			rec.Line = line
		}
		if rec.columns[i] = column; line != rec.Line { // a cell before it has line feeds
			rec.columns[i] = 1
		}
		cells[i] = strings.TrimSpace(cells[i])
	}
	return rec
}

func (s *Sheet) wrongWidth(rec Record, comma rune, form Form) {
	hint := "leave no cell out"
	switch {
	case len(rec.Cells) < len(s.Head.Cells):
	case comma == ',' && form.Commas != "":
		hint = form.Commas
	default:
		hint = "quote cells that hold the separator"
	}
	s.Add(s.place(rec.Line, 1), hint, "%d cells where the head line has %d", len(rec.Cells), len(s.Head.Cells))
}

// separatorLine is what a first line such as "sep=;" says, which spreadsheets write and read.
func separatorLine(line string) (comma rune, said bool) {
	line = strings.TrimRight(line, " \r")
	if len(line) != len("sep=;") || !strings.EqualFold(line[:4], "sep=") || line[4] == '"' {
		return 0, false
	}
	return rune(line[4]), true
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

// PlaceOf is where a cell of a row or of the head line stands; cells count from 0.
func (s *Sheet) PlaceOf(rec Record, cell int) Place { return s.place(rec.Line, rec.columns[cell]) }

// place turns a column in bytes into one in characters. It takes as long as the line is.
func (s *Sheet) place(line, column int) Place {
	p := Place{s.File, line, 1}
	if line >= 1 && line <= len(s.lines) && column >= 1 {
		text := s.lines[line-1]
		p.Column = utf8.RuneCountInString(text[:min(column-1, len(text))]) + 1
	}
	return p
}

// Add notes a mistake. No more than 1,000 are kept.
func (s *Sheet) Add(at Place, hint, format string, args ...any) {
	if len(s.errs) < mostKept {
		s.errs = append(s.errs, Problem{at, fmt.Sprintf(format, args...), hint})
	}
}

// fatal notes a mistake in a whole line, and returns all.
func (s *Sheet) fatal(line int, hint, format string, args ...any) error {
	s.Add(s.place(line, 1), hint, format, args...)
	return s.Err()
}

// Err is what was found so far, as Errors; nil where that is nothing.
func (s *Sheet) Err() error {
	if len(s.errs) == 0 {
		return nil
	}
	return s.errs
}
