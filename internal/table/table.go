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

// Read reads a table: a load (users or concurrency), throughput, and what else there is. Everything wrong in the file
// comes as Errors; anything else is an error of reading. Loads and throughput are above 0, all else at least 0.
func Read(file string, r io.Reader, opt Options) (*Table, error) {
	s, err := readSheet(file, r)
	if err != nil {
		return nil, err
	}
	meaning, takes, warnings := s.assign(opt.Columns, opt.Nearest)
	t := &Table{File: file, Warnings: warnings}
	for i, u := range meaning {
		switch {
		case !takes[i]:
		case u.resource == "":
			t.heads[u.column] = s.head.cells[i]
			if name := s.head.cells[i]; plainName(name) != u.column.String() {
				t.warn("column-taken", "the column %q is read as %s%s", name, u.column, unitWord(u))
			}
		case !slices.Contains(t.Resources, u.resource):
			t.Resources = append(t.Resources, u.resource)
		}
	}
	s.complete(t, meaning, takes, opt)
	if err := s.err(); err != nil {
		return nil, err
	}
	for _, rec := range s.rows {
		t.Rows = append(t.Rows, s.row(t, rec, meaning, takes))
	}
	if err := s.err(); err != nil {
		return nil, err
	}
	s.loads(t)
	t.little()
	return t, s.err()
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
func (s *sheet) complete(t *Table, meaning []understood, takes []bool, opt Options) {
	missing := func(what, example string) {
		var free []string
		for i, cell := range s.head.cells {
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
		s.add(s.head.line, 1, hint, "the column %s is missing", what)
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
				s.add(s.head.line, s.head.columns[at], "a resource needs both, in the same unit", "%q has no column %q beside it", s.head.cells[at], name+end)
			}
		}
	}
}

func (s *sheet) row(t *Table, rec record, meaning []understood, takes []bool) Row {
	row := Row{Line: rec.line, Use: make([]Use, len(t.Resources))}
	at := map[Column]int{}
	var used = make([]int, len(t.Resources))
	for i, u := range meaning {
		if !takes[i] {
			continue
		}
		if u.resource != "" {
			k := slices.Index(t.Resources, u.resource)
			v, _ := s.number(rec, i, s.head.cells[i])
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
		v, ok := s.number(rec, i, s.head.cells[i])
		row.values[u.column] = v * u.factor
		if ok && v == 0 && (u.column <= Throughput || u.column >= Mean && u.column <= P99) {
			s.add(rec.line, rec.columns[i], "leave out rows in which nothing happened", "%s must be above 0", s.head.cells[i])
		}
	}
	for k, u := range row.Use {
		if u.Limit == 0 || u.Used > u.Limit*(1+1e-9) {
			s.add(rec.line, rec.columns[used[k]], "used is the mean number in use, limit the largest number possible", "%s.used is above its limit: %g of %g", t.Resources[k], u.Used, u.Limit)
		}
	}
	order := []Column{P50, P95, P99}
	for k, low := range order {
		for _, high := range order[k+1:] {
			if t.Has(low) && t.Has(high) && row.values[high] > 0 && row.values[low] > row.values[high]*(1+1e-9) {
				s.add(rec.line, rec.columns[at[high]], "are the columns swapped, or their units different?", "%s is below %s", high, low)
			}
		}
	}
	return row
}

// share reads a share of errors: 0.005, or 0.5%, or 0.5 in a column of percents.
func (s *sheet) share(rec record, column int, factor float64) float64 {
	cells := slices.Clone(rec.cells)
	if number, ok := strings.CutSuffix(cells[column], "%"); ok {
		cells[column], factor = strings.TrimSpace(number), 0.01
	}
	v, ok := s.number(record{cells, rec.line, rec.columns}, column, s.head.cells[column])
	if ok && v*factor > 1 {
		s.add(rec.line, rec.columns[column], "a share is between 0 and 1; write 0.5%, or call the column errors_percent", "%s is above 1: %s", s.head.cells[column], rec.cells[column])
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
func (s *sheet) loads(t *Table) {
	const hint = "a model needs measurements at several different loads"
	first := t.Rows[0]
	if len(t.Rows) == 1 {
		s.add(first.Line, 1, hint, "the table has one row")
		return
	}
	for _, row := range t.Rows {
		if row.Of(t.Load()) != first.Of(t.Load()) {
			return
		}
	}
	s.add(first.Line, 1, hint, "all rows have the same load: %g %s", first.Of(t.Load()), t.Load())
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
