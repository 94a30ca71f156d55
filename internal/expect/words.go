package expect

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Count is a number for people: whole from 10 on, with commas between thousands.
func Count(v float64) string {
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return "–"
	case v != 0 && v < 0.095:
		return strconv.FormatFloat(v, 'g', 2, 64)
	case v < 9.95 && v != math.Trunc(v):
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	s := strconv.FormatFloat(v, 'f', 0, 64)
	var b strings.Builder
	for i, c := range s {
		if i > 0 && (len(s)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(c)
	}
	return b.String()
}

// Bytes is an amount of bytes in the unit that suits it.
func Bytes(v float64) string {
	units := []string{"B", "kB", "MB", "GB", "TB", "PB"}
	k := 0
	for v >= 999.5 && k < len(units)-1 {
		v /= 1000
		k++
	}
	if v < 9.95 && k > 0 {
		return fmt.Sprintf("%.1f %s", v, units[k])
	}
	return fmt.Sprintf("%.0f %s", v, units[k])
}

// Span is a time span in its two largest units.
func Span(d time.Duration) string {
	d = d.Round(time.Second)
	days, h, m, s := int(d/(24*time.Hour)), int(d/time.Hour)%24, int(d/time.Minute)%60, int(d/time.Second)%60
	switch {
	case days > 0:
		return fmt.Sprintf("%d d %d h", days, h)
	case h > 0:
		return fmt.Sprintf("%d h %02d min", h, m)
	case m > 0:
		return fmt.Sprintf("%d min %02d s", m, s)
	}
	return fmt.Sprintf("%d s", s)
}
