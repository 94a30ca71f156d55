package scenarios

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"
)

// table is a CSV file with a head line: UTF-8, with or without a byte order mark, either line end.
type table struct {
	path    string // as shown in errors
	lines   []string
	columns map[string]int
	rows    []row
}

type row struct {
	line  int
	cells []string
}

// readTable reads a CSV file with at least the needed columns; others are left alone. Its errors are *Problem with the
// place in the CSV file, or say why the file cannot be read. secret keeps its lines out of errors.
func readTable(name, path string, needed []string, secret bool) (*table, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, 64*largest+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > 64*largest {
		return nil, fmt.Errorf("%s is larger than %d MiB", name, 64*largest>>20)
	}
	return parseTable(name, raw, needed, secret)
}

// table reads the file of something that n names, from Options.Files where the scenario itself lies there. It is nil where
// that failed; then it has been said.
func (d *decoder) table(n *node, of string, needed []string) *table {
	name := n.text
	if d.file.dir != "." && !filepath.IsAbs(name) {
		name = filepath.Join(d.file.dir, name)
	}
	t, err := d.tableFile(name, d.path(n.text), needed)
	if _, wrong := errors.AsType[*Problem](err); wrong {
		d.errs.Add(err)
	} else if err != nil {
		d.fail(n.pos, "the path is relative to the scenario file", "reading %s: %v", of, err)
	}
	return t
}

func (d *decoder) tableFile(name, path string, needed []string) (*table, error) {
	if d.opts.Files == nil || d.file.dir != "." {
		return readTable(name, path, needed, false)
	}
	raw, err := fs.ReadFile(d.opts.Files, filepath.ToSlash(name))
	if err != nil {
		return nil, err
	}
	return parseTable(path, raw, needed, false)
}

// parseTable is readTable for a file that is in memory already.
func parseTable(name string, raw []byte, needed []string, secret bool) (*table, error) {
	raw = bytes.TrimPrefix(raw, []byte("\ufeff"))
	t := &table{path: name, columns: map[string]int{}}
	if !secret {
		t.lines = strings.Split(strings.ReplaceAll(string(raw), "\r\n", "\n"), "\n")
	}
	if !utf8.Valid(raw) {
		return nil, t.problem(1, 1, "save the file as UTF-8", "not valid UTF-8")
	}
	r := csv.NewReader(bytes.NewReader(raw))
	r.TrimLeadingSpace = true
	for {
		cells, err := r.Read()
		if err == io.EOF {
			break
		}
		var bad *csv.ParseError
		if errors.As(err, &bad) {
			return nil, t.problem(bad.Line, bad.Column, "", "not valid CSV: %v", bad.Err)
		} else if err != nil {
			return nil, err
		}
		line, _ := r.FieldPos(0)
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
			if strings.ContainsFunc(cells[i], unicode.IsControl) { // would steer the terminal of whoever reads a report
				return nil, t.problem(line, 1, "", "a control character in column %d", i+1)
			}
		}
		if len(t.columns) > 0 {
			t.rows = append(t.rows, row{line, cells})
			continue
		}
		for i, name := range cells {
			t.columns[strings.ToLower(name)] = i
		}
		for _, want := range needed {
			if _, ok := t.columns[want]; !ok {
				return nil, t.problem(line, 1, "the first line must read "+strings.Join(needed, ","), "column %q is missing", want)
			}
		}
	}
	if len(t.rows) == 0 {
		return nil, t.problem(1, 1, "", "the file has no rows")
	}
	return t, nil
}

func (t *table) problem(line, column int, hint, format string, args ...any) *Problem {
	p := &Problem{File: t.path, Line: line, Column: max(1, column), Text: fmt.Sprintf(format, args...), Hint: hint}
	if line <= len(t.lines) {
		p.Excerpt = caret([]rune(t.lines[line-1]), p.Column)
	}
	return p
}

// cell is the value of a row in a column, "" where the file does not have the column.
func (t *table) cell(r row, column string) string {
	if i, ok := t.columns[column]; ok {
		return r.cells[i]
	}
	return ""
}

// columnOf is where a column begins in a line without quotes, good enough for a caret.
func (t *table) columnOf(r row, column string) int {
	if r.line > len(t.lines) {
		return 1
	}
	cells := strings.Split(t.lines[r.line-1], ",")
	at := 1
	for _, cell := range cells[:min(t.columns[column], len(cells))] {
		at += utf8.RuneCountInString(cell) + 1
	}
	return at
}

// problems is an *Errors of a single *Problem, and any other error as it is.
func problems(err error) error {
	if p, ok := errors.AsType[*Problem](err); ok {
		return &Errors{Problems: []Problem{*p}}
	}
	return err
}
