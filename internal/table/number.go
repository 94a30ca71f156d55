package table

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// mostValue is the largest number that is believed: beyond it are slips of the keyboard, and their squares would overflow.
const mostValue = 1e15

// number reads a cell that must be a finite number of at least 0.
func (s *Sheet) number(rec Record, column int, name string) (v float64, ok bool) {
	cell := rec.Cells[column]
	fail := func(hint, format string, args ...any) (float64, bool) {
		s.wrong(rec, column, hint, format, args...)
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

// wrong notes a mistake in a cell.
func (s *Sheet) wrong(rec Record, cell int, hint, format string, args ...any) {
	if len(s.errs) < mostKept { // finding places takes its time
		s.Add(s.PlaceOf(rec, cell), hint, format, args...)
	}
}

// wrongLine notes a mistake in a whole line.
func (s *Sheet) wrongLine(line int, hint, format string, args ...any) {
	s.Add(s.place(line, 1), hint, format, args...)
}
