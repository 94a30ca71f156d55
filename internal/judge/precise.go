package judge

import "pegel/internal/record"

// Precise tells whether a quantile is known to the relative precision: half the width of its 90 % interval by order
// statistics, as in every table, which takes responses for independent of each other.
func Precise(h *record.Histogram, q, precision float64) bool {
	if h.Total == 0 || float64(h.Total)*(1-q) < 5 { // beyond it there is too little to say anything
		return false
	}
	low, high := quantileInterval(h, q)
	return float64(high-low)/2 <= precision*float64(h.Quantile(q))
}
