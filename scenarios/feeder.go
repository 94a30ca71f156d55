package scenarios

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// How a feeder picks a row.
const (
	PickRandom  = "random"
	PickInTurn  = "in_turn"
	PickAccount = "account"
)

// Bounds of a feeder.
const (
	largestFeeder = 64 << 20  // bytes of a CSV file
	longestFeeder = 1_000_000 // rows
	longestCell   = 64 << 10  // bytes
)

var corpusKinds = []string{"subject", "sentence", "name", "word", "address"}

// feederName is what feeders and variables are called; dots and dashes would be ambiguous in templates.
var feederName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)

// Len is the number of rows; 0 for a corpus, which has no end.
func (f *Feeder) Len() int {
	switch {
	case f.Corpus != "":
		return 0
	case f.Pattern != "":
		return f.Count
	}
	return len(f.rows)
}

// Columns are the names of a CSV file's columns in their order, in lower case; nil where there is no CSV file.
func (f *Feeder) Columns() []string { return f.columns }

// Value is the value of a row, 0 ≤ row < Len, in a column, by its index in Columns or 0.
func (f *Feeder) Value(row, column int) string {
	if f.Pattern != "" {
		return f.pattern.expand(f.First + row)
	}
	return f.rows[row][column]
}

func (f *Feeder) decodeNode(d *decoder, n *node) {
	f.First = 1
	before := len(d.errs.Problems)
	if !d.object(n, reflect.ValueOf(f).Elem(), nil) || len(d.errs.Problems) > before {
		return
	}
	at := func(key string) Pos { _, v := d.file.locate(n.pos, key); return v }
	given := n.keys()
	var ways []string
	for _, way := range []string{"csv", "values", "pattern", "corpus"} {
		if slices.Contains(given, way) {
			ways = append(ways, way)
		}
	}
	if len(ways) != 1 {
		d.fail(n.pos, "write {csv: people.csv}, {values: [a, b]}, {pattern: \"AZ-{n:06}\", count: 1000} or {corpus: subject}",
			"a feeder is exactly one of csv, values, pattern and corpus")
		return
	}
	for _, only := range []string{"first", "count"} {
		if slices.Contains(given, only) && ways[0] != "pattern" {
			d.fail(at(only), "", "%s makes no sense without pattern", only)
		}
	}
	switch picks := []string{PickRandom, PickInTurn, PickAccount}; {
	case f.Pick == "" && !slices.Contains(given, "pick"):
		f.Pick = PickRandom
	case !slices.Contains(picks, f.Pick):
		d.fail(at("pick"), didYouMean(f.Pick, picks), "unknown pick %q", f.Pick)
	}
	switch ways[0] {
	case "csv":
		d.feederFile(f, at("csv"))
	case "values":
		if len(f.Values) == 0 {
			d.fail(at("values"), "write values: [a, b]", "the feeder has no values")
		}
		for i, v := range f.Values {
			f.rows = append(f.rows, f.Values[i:i+1])
			if len(v) > longestCell {
				d.fail(at("values"), "", "value %d is longer than 64 KiB", i+1)
			}
		}
	case "pattern":
		var err error
		if f.pattern, err = parseTemplate(f.Pattern); err != nil {
			d.fail(at("pattern"), "write AZ-{n:06}", "%v", err)
		} else if len(f.pattern.widths) == 0 {
			d.fail(at("pattern"), "write AZ-{n:06}", "the pattern has no {n}, so all values would be the same")
		}
		if f.Count <= 0 {
			d.fail(at("count"), "say how many values there are: count: 1000", "count must be above 0")
		}
		if f.First < 0 {
			d.fail(at("first"), "", "first must not be negative")
		}
	case "corpus":
		if !slices.Contains(corpusKinds, f.Corpus) {
			d.fail(at("corpus"), didYouMean(f.Corpus, corpusKinds), "unknown corpus %q", f.Corpus)
		}
	}
}

// feederFile reads the CSV file of a feeder, named at pos.
func (d *decoder) feederFile(f *Feeder, pos Pos) {
	if d.opts.Alone {
		f.rows, f.unread = [][]string{{""}}, true
		return
	}
	name := f.CSV
	if d.file.dir != "." && !filepath.IsAbs(name) {
		name = filepath.Join(d.file.dir, name)
	}
	raw, err := readFeeder(d.path(f.CSV))
	if err != nil {
		d.fail(pos, "the path is relative to the scenario file", "reading the feeder: %v", err)
		return
	}
	var p *Problem
	if f.columns, f.rows, p = parseFeeder(name, raw); p != nil {
		d.errs.Add(p)
	}
}

func readFeeder(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	raw, err := io.ReadAll(io.LimitReader(file, largestFeeder+1))
	if err == nil && len(raw) > largestFeeder {
		err = fmt.Errorf("%s is larger than %d MiB", path, largestFeeder>>20)
	}
	return raw, err
}

// parseFeeder reads a CSV file: its first line names the columns, each other line is a row. Its problem has the place.
func parseFeeder(name string, raw []byte) (columns []string, rows [][]string, problem *Problem) {
	t, err := parseTable(name, raw, nil, false)
	if err != nil {
		if p, ok := err.(*Problem); ok {
			return nil, nil, p
		}
		return nil, nil, &Problem{File: name, Line: 1, Column: 1, Text: err.Error()}
	}
	if len(t.rows) > longestFeeder {
		return nil, nil, t.problem(t.rows[longestFeeder].line, 1, "", "more than %d rows", longestFeeder)
	}
	columns = make([]string, len(t.rows[0].cells))
	for column, i := range t.columns {
		columns[i] = column
	}
	for i, column := range columns {
		if column == "" { // two of one name leave a gap as well
			return nil, nil, t.problem(1, t.columnOf(row{line: 1}, ""), "each column has a name of its own in the first line", "column %d has no name, or one that is there twice", i+1)
		}
	}
	for _, r := range t.rows {
		for i, cell := range r.cells {
			if len(cell) > longestCell {
				return nil, nil, t.problem(r.line, t.columnOf(r, columns[i]), "", "the value is longer than 64 KiB")
			}
		}
		rows = append(rows, r.cells)
	}
	return columns, rows, nil
}

// feeders checks what feeders are called.
func (c *checker) feeders() {
	for name := range c.Data {
		if !feederName.MatchString(name) {
			c.failKey("use letters, digits and underscore", fmt.Sprintf("feeder name %q", name), Pos{}, "data", name)
		}
	}
}

// FeederNames are the names of the feeders in alphabetical order: their numbers in the plan.
func (s *Scenario) FeederNames() []string { return names(s.Data) }

// ColumnOf is the index of a feeder's column; name is not case sensitive. Without a name it is that of the only column.
func (f *Feeder) ColumnOf(name string) (int, bool) {
	if f.unread {
		return 0, true
	}
	if name == "" {
		return 0, len(f.columns) <= 1
	}
	i := slices.Index(f.columns, strings.ToLower(name))
	return i, i >= 0
}
