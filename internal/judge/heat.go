package judge

import (
	"math"
	"time"
)

const (
	heatUnit = 100 * time.Microsecond
	heatMax  = 80 // rows; the last one begins at 88 s, above every histogram's range
)

func heatEdge(row int) time.Duration {
	row = min(max(row, 0), heatMax)
	return time.Duration(float64(heatUnit) * math.Exp2(float64(row)/4))
}

// HeatRowOf returns the row of the heat map that d falls into; what is below the first row counts as row 0.
func HeatRowOf(d time.Duration) int {
	if d < heatUnit {
		return 0
	}
	row := int(math.Floor(4 * math.Log2(float64(d)/float64(heatUnit))))
	if heatEdge(row+1) <= d { // the edges are rounded to nanoseconds
		row++
	}
	return min(max(row, 0), heatMax)
}
