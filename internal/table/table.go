// Package table reads CSV files that were made elsewhere, each cell with its place. What it knows best are measurements that
// were typed in: a head line, one row for each load. It is strict, because a forecast from a misread number is worse than
// none: every cell that counts must be a number that can be, and every mistake is reported with file, line and column.
package table

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Table is what was measured at several loads.
type Table struct {
	File      string
	Resources []string // names, in the order of their columns
	Rows      []Row    // in the order of the file
	Warnings  []Warning

	heads [columns]string
}

// Row is one measurement.
type Row struct {
	Line   int // in the file
	Use    []Use
	values [columns]float64
}

// Use is a resource's use and its limit, in its own units; Used is never above Limit.
type Use struct{ Used, Limit float64 }

// Of is the value in a column, 0 where the table has no such column.
func (r Row) Of(c Column) float64 { return r.values[c] }

// Has tells whether the table has a column.
func (t *Table) Has(c Column) bool { return t.heads[c] != "" }

// Head is the column's name as the file has it.
func (t *Table) Head(c Column) string { return t.heads[c] }

// Options of reading.
type Options struct {
	// Columns names columns of the file by hand. They win over the names that are known.
	Columns map[Column]string
	// Nearest is the word most like another one, or "" where none is; it makes the hints. It must not be nil.
	Nearest func(word string, among []string) string
}

// Bounds of a table.
const (
	mostBytes   = 16 << 20
	mostRows    = 100_000
	mostColumns = 500
)

var form = Form{
	Bytes: mostBytes, Rows: mostRows, Columns: mostColumns,
	Head:    "the first line names the columns, for example users,throughput,p95",
	Row:     "each line below the head is the measurement of one load",
	Smaller: "leave out the rows that do not count, or average them",
	Commas:  "numbers have a decimal point (1.5, not 1,5) and no separator of thousands",
}

// Read reads a table: a load (users or concurrency), throughput, and what else there is. Everything wrong in the file
// comes as Errors; anything else is an error of reading. Loads and throughput are above 0, all else at least 0.
func Read(file string, r io.Reader, opt Options) (*Table, error) {
	s, err := ReadSheet(file, r, form)
	if err != nil {
		return nil, err
	}
	meaning, takes, warnings := s.assign(opt.Columns, opt.Nearest)
	t := &Table{File: file, Warnings: warnings}
	for i, u := range meaning {
		switch {
		case !takes[i]:
		case u.resource == "":
			t.heads[u.column] = s.Head.Cells[i]
			if name := s.Head.Cells[i]; plainName(name) != u.column.String() {
				t.warn("column-taken", "the column %q is read as %s%s", name, u.column, unitWord(u))
			}
		case !slices.Contains(t.Resources, u.resource):
			t.Resources = append(t.Resources, u.resource)
		}
	}
	s.complete(t, meaning, takes, opt)
	if err := s.Err(); err != nil {
		return nil, err
	}
	for _, rec := range s.Rows {
		t.Rows = append(t.Rows, s.row(t, rec, meaning, takes))
	}
	if err := s.Err(); err != nil {
		return nil, err
	}
	s.loads(t)
	t.little()
	return t, s.Err()
}

func (t *Table) warn(code, format string, args ...any) {
	t.Warnings = append(t.Warnings, Warning{code, fmt.Sprintf(format, args...)})
}

func unitWord(u understood) string {
	if u.factor == 1 {
		return ""
	}
	return fmt.Sprintf(", times %.3g", u.factor)
}

// complete checks that the columns that must be there are.
func (s *Sheet) complete(t *Table, meaning []understood, takes []bool, opt Options) {
	missing := func(what, example string) {
		var free []string
		for i, cell := range s.Head.Cells {
			if !takes[i] {
				free = append(free, cell)
			}
		}
		hint := "name one with --columns " + example + "=NAME"
		for _, word := range strings.Split(what, " or ") {
			if near := opt.Nearest(word, free); near != "" {
				hint = fmt.Sprintf("is it %q? Rename it, or say --columns %s=%s", near, word, near)
			}
		}
		s.wrongLine(s.Head.Line, hint, "the column %s is missing", what)
	}
	if !t.Has(Users) && !t.Has(Concurrency) {
		missing("users or concurrency", "users")
	}
	if !t.Has(Throughput) {
		missing("throughput", "throughput")
	}
	for _, name := range t.Resources {
		var has [2]bool
		at := 0
		for i, u := range meaning {
			if takes[i] && u.resource == name {
				at = i
				has[0], has[1] = has[0] || !u.limit, has[1] || u.limit
			}
		}
		for k, end := range []string{".used", ".limit"} {
			if !has[k] {
				s.wrong(s.Head, at, "a resource needs both, in the same unit", "%q has no column %q beside it", s.Head.Cells[at], name+end)
			}
		}
	}
}

func (s *Sheet) row(t *Table, rec Record, meaning []understood, takes []bool) Row {
	row := Row{Line: rec.Line, Use: make([]Use, len(t.Resources))}
	at := map[Column]int{}
	var used = make([]int, len(t.Resources))
	for i, u := range meaning {
		if !takes[i] {
			continue
		}
		if u.resource != "" {
			k := slices.Index(t.Resources, u.resource)
			v, _ := s.number(rec, i, s.Head.Cells[i])
			if u.limit {
				row.Use[k].Limit = v
			} else {
				row.Use[k].Used, used[k] = v, i
			}
			continue
		}
		at[u.column] = i
		if u.column == ErrorShare {
			row.values[ErrorShare] = s.share(rec, i, u.factor)
			continue
		}
		v, ok := s.number(rec, i, s.Head.Cells[i])
		row.values[u.column] = v * u.factor
		if ok && v == 0 && (u.column <= Throughput || u.column >= Mean && u.column <= P99) {
			s.wrong(rec, i, "leave out rows in which nothing happened", "%s must be above 0", s.Head.Cells[i])
		}
	}
	for k, u := range row.Use {
		if u.Limit == 0 || u.Used > u.Limit*(1+1e-9) {
			s.wrong(rec, used[k], "used is the mean number in use, limit the largest number possible", "%s.used is above its limit: %g of %g", t.Resources[k], u.Used, u.Limit)
		}
	}
	order := []Column{P50, P95, P99}
	for k, low := range order {
		for _, high := range order[k+1:] {
			if t.Has(low) && t.Has(high) && row.values[high] > 0 && row.values[low] > row.values[high]*(1+1e-9) {
				s.wrong(rec, at[high], "are the columns swapped, or their units different?", "%s is below %s", high, low)
			}
		}
	}
	return row
}

// share reads a share of errors: 0.005, or 0.5%, or 0.5 in a column of percents.
func (s *Sheet) share(rec Record, column int, factor float64) float64 {
	cells := slices.Clone(rec.Cells)
	if number, ok := strings.CutSuffix(cells[column], "%"); ok {
		cells[column], factor = strings.TrimSpace(number), 0.01
	}
	v, ok := s.number(Record{rec.Line, cells, rec.columns}, column, s.Head.Cells[column])
	if ok && v*factor > 1 {
		s.wrong(rec, column, "a share is between 0 and 1; write 0.5%, or call the column errors_percent", "%s is above 1: %s", s.Head.Cells[column], rec.Cells[column])
		return 0
	}
	return v * factor
}

// Load is the column that counts the load: users where the table has them, else concurrency.
func (t *Table) Load() Column {
	if t.Has(Users) {
		return Users
	}
	return Concurrency
}

// loads refuses tables that no model can be fitted to.
func (s *Sheet) loads(t *Table) {
	const hint = "a model needs measurements at several different loads"
	first := t.Rows[0]
	if len(t.Rows) == 1 {
		s.wrongLine(first.Line, hint, "the table has one row")
		return
	}
	for _, row := range t.Rows {
		if row.Of(t.Load()) != first.Of(t.Load()) {
			return
		}
	}
	s.wrongLine(first.Line, hint, "all rows have the same load: %g %s", first.Of(t.Load()), t.Load())
}

// little holds the table against Little's law: of N users, X·R are waiting for an answer at a time, and never more than N.
func (t *Table) little() {
	response := Mean
	if !t.Has(Mean) {
		response = P50
	}
	if !t.Has(response) {
		return
	}
	var ratios []float64
	for _, row := range t.Rows {
		ratios = append(ratios, row.Of(Throughput)*row.Of(response)/row.Of(t.Load()))
	}
	slices.Sort(ratios)
	switch m := ratios[len(ratios)/2]; {
	case m > 100:
		t.warn("littles-law", "throughput times %s is %.3g times the load, which cannot be; is %s in milliseconds? Then call the column %s_ms", response, m, response, response)
	case m > 1.3:
		t.warn("littles-law", "throughput times %s is %.2g times the load, which cannot be: by Little's law it is at most 1", response, m)
	case t.Load() == Concurrency && m < 0.01:
		t.warn("littles-law", "throughput times %s is only %.2g of the concurrency; is the load users, or a unit wrong?", response, m)
	}
}
