package ownership

import (
	"io"
	"strings"

	"pegel/internal/table"
)

// form bounds a map, and a directory.
var form = table.Form{Bytes: 64 << 20, Rows: 200_000, Columns: 200, Smaller: "split it"}

// sheet is a CSV file whose columns are found by their names.
type sheet struct {
	*table.Sheet
	columns map[string]int // by lower-case name
}

// readSheet reads a file whose head line must name the needed columns; others are left alone. An error of reading is
// returned as it is, what is wrong in the file as table.Errors.
func readSheet(file string, r io.Reader, needed ...string) (sheet, error) {
	form := form
	form.Head = "the first line names the columns: " + strings.Join(needed, ", ")
	form.Row = form.Head
	raw, err := table.ReadSheet(file, r, form)
	if err != nil {
		return sheet{}, err
	}
	s := sheet{raw, map[string]int{}}
	for i, cell := range s.Head.Cells {
		name := strings.ToLower(cell)
		if _, twice := s.columns[name]; twice && name != "" {
			s.Add(s.PlaceOf(s.Head, i), "leave one of them out", "the column %s stands there twice", cell)
		}
		s.columns[name] = i
	}
	for _, name := range needed {
		if _, ok := s.columns[name]; !ok {
			s.Add(s.PlaceOf(s.Head, 0), form.Head, "the column %s is missing; there are %.200s", name, strings.Join(s.Head.Cells, ", "))
		}
	}
	return s, s.Err()
}

// cell is a row's value in a column and where it stands; "" where the file does not have the column.
func (s sheet) cell(r table.Record, column string) (string, table.Place) {
	i, ok := s.columns[column]
	if !ok {
		return "", s.PlaceOf(r, 0)
	}
	return r.Cells[i], s.PlaceOf(r, i)
}

// list is a cell that holds several values, separated by |.
func (s sheet) list(r table.Record, column string) (values []string, at table.Place) {
	text, at := s.cell(r, column)
	for value := range strings.SplitSeq(text, "|") {
		if value = strings.TrimSpace(value); value != "" {
			values = append(values, value)
		}
	}
	return values, at
}

// needName refuses what cannot be an account: nothing, or control characters, which would reach a server.
func (s sheet) needName(name string, at table.Place, what string) {
	if name == "" {
		s.Add(at, "", "the %s is empty", what)
	}
	for _, r := range name {
		if r < ' ' || r == 0x7f {
			s.Add(at, "", "the %s has a control character", what)
			return
		}
	}
}
