package table

import (
	"fmt"
	"slices"
	"strings"
)

// Column is a meaning that a column of a table may have.
type Column int

// The columns. Times are in seconds, rates per second, errors a share in [0, 1].
const (
	Users       Column = iota // active users, who think between their actions
	Concurrency               // requests under way at once
	Throughput
	Mean
	P50
	P95
	P99
	ErrorShare
	Copy
	columns
)

// column describes one meaning: its name, other names under which it is found, and whether it is a time.
type column struct {
	name    string
	aliases []string
	units   map[string]float64 // by suffix of the name: factor to the table's own unit
}

var (
	times = map[string]float64{"_s": 1, "_sec": 1, "_secs": 1, "_seconds": 1, "_ms": 1e-3, "_msec": 1e-3, "_milliseconds": 1e-3,
		"_us": 1e-6, "_µs": 1e-6, "_microseconds": 1e-6, "_ns": 1e-9}
	rates  = map[string]float64{"_s": 1, "/s": 1, "_per_s": 1, "_per_sec": 1, "_per_second": 1, "_per_min": 1.0 / 60, "_per_minute": 1.0 / 60, "/min": 1.0 / 60}
	shares = map[string]float64{"_percent": 0.01, "_pct": 0.01, "_%": 0.01, "_share": 1}
)

// known is every column by its meaning.
var known = [columns]column{
	Users:       {"users", []string{"active_users", "virtual_users", "vus"}, nil},
	Concurrency: {"concurrency", []string{"n", "size", "processors", "sessions", "active_sessions", "threads", "clients", "in_flight", "db_time"}, nil},
	Throughput:  {"throughput", []string{"tput", "x", "tps", "rps", "qps", "rate", "ops", "req", "requests", "transactions", "txn_rate"}, rates},
	Mean:        {"mean", []string{"avg", "average", "r", "response", "response_time", "latency"}, times},
	P50:         {"p50", []string{"median"}, times},
	P95:         {"p95", nil, times},
	P99:         {"p99", nil, times},
	ErrorShare:  {"errors", []string{"error", "error_rate", "failed"}, shares},
	Copy:        {"copy", []string{"copy_rate"}, rates},
}

// String is the column's name.
func (c Column) String() string { return known[c].name }

// ColumnNamed is the column with this very name.
func ColumnNamed(name string) (Column, bool) {
	i := slices.IndexFunc(known[:], func(k column) bool { return k.name == name })
	return Column(i), i >= 0
}

// ColumnNames are the names of all columns.
func ColumnNames() []string {
	var names []string
	for _, k := range known {
		names = append(names, k.name)
	}
	return names
}

// understood is what a head cell means.
type understood struct {
	column   Column
	factor   float64
	resource string // set: a resource's column
	limit    bool   // of a resource: its limit, not its use
}

// understand finds the meaning of a head cell: a name or alias, with a unit behind it or in brackets, or RESOURCE.used
// and RESOURCE.limit.
func understand(cell string) (understood, bool) {
	name := plainName(cell)
	for _, end := range []string{".used", ".limit"} {
		if strings.HasSuffix(name, end) && len(name) > len(end) {
			return understood{factor: 1, resource: strings.TrimSpace(cell[:len(cell)-len(end)]), limit: end == ".limit"}, true
		}
	}
	for c, k := range known {
		for _, word := range append([]string{k.name}, k.aliases...) {
			if name == word {
				return understood{column: Column(c), factor: 1}, true
			}
			if unit, ok := strings.CutPrefix(name, word); ok && k.units[unit] > 0 {
				return understood{column: Column(c), factor: k.units[unit]}, true
			}
		}
	}
	return understood{}, false
}

// plainName is a head cell without its decoration: "Response time (ms)" is response_time_ms.
func plainName(cell string) string {
	name := strings.ToLower(cell)
	name = strings.NewReplacer(" (", "_", "(", "_", " [", "_", "[", "_", ")", "", "]", "", " ", "_", "-", "_").Replace(name)
	return strings.ReplaceAll(name, "_/", "/")
}

// unitOf is the factor of a column that was named by hand, from its unit where it shows one.
func unitOf(c Column, cell string) float64 {
	name, longest, factor := plainName(cell), 0, 1.0
	for unit, f := range known[c].units {
		if strings.HasSuffix(name, unit) && len(unit) > longest {
			longest, factor = len(unit), f
		}
	}
	return factor
}

// assign finds what each column of the sheet means. byHand are the columns that the caller named.
func (s *Sheet) assign(byHand map[Column]string, nearest func(string, []string) string) ([]understood, []bool, []Warning) {
	meaning, takes := make([]understood, len(s.Head.Cells)), make([]bool, len(s.Head.Cells))
	for c := range columns {
		want, ok := byHand[c]
		if !ok {
			continue
		}
		at := slices.IndexFunc(s.Head.Cells, func(cell string) bool { return strings.EqualFold(cell, want) })
		if at < 0 {
			hint := "the columns are " + strings.Join(s.Head.Cells, ", ")
			if near := nearest(want, s.Head.Cells); near != "" {
				hint = fmt.Sprintf("did you mean %q?", near)
			}
			s.wrongLine(s.Head.Line, hint, "there is no column %q to be read as %s", want, c)
			continue
		}
		if takes[at] {
			s.wrong(s.Head, at, "", "the column %q cannot be both %s and %s", s.Head.Cells[at], meaning[at].column, c)
			continue
		}
		meaning[at], takes[at] = understood{column: c, factor: unitOf(c, want)}, true
	}
	first := map[string]int{}
	var unknown []string
	for i, cell := range s.Head.Cells {
		if !takes[i] {
			u, ok := understand(cell)
			_, replaced := byHand[u.column]
			if !ok || u.resource == "" && replaced {
				if ok || cell == "" {
					continue
				}
				word := fmt.Sprintf("%q", cell)
				if near := nearest(cell, slices.Concat(ColumnNames())); near != "" {
					word += fmt.Sprintf(" (did you mean %q?)", near)
				}
				unknown = append(unknown, word)
				continue
			}
			meaning[i], takes[i] = u, true
		}
		key := meaning[i].column.String()
		if r := meaning[i].resource; r != "" {
			key = fmt.Sprint(r, meaning[i].limit)
		}
		if j, twice := first[key]; twice {
			s.wrong(s.Head, i, "leave one of them out, or name the right one with --columns", "the columns %q and %q mean the same", s.Head.Cells[j], cell)
		}
		first[key] = i
	}
	var warnings []Warning
	if len(unknown) > 0 {
		warnings = append(warnings, Warning{"unknown-columns", "columns not known and not used: " + strings.Join(unknown, ", ")})
	}
	return meaning, takes, warnings
}
