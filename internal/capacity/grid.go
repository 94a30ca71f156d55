package capacity

import "math"

// perDecade is the fineness of the grid: bins 6 % wide.
const perDecade = 40

// Grid returns the bins in which a forecast sees response times: 40 for each factor of ten from 100 µs to 67 s, and one below.
func Grid() []Bin {
	bins := []Bin{{Low: 0, Width: 1e-4}}
	for k := 0; ; k++ {
		low := 1e-4 * math.Pow(10, float64(k)/perDecade)
		if low > 68 {
			return bins
		}
		bins = append(bins, Bin{Low: low, Width: 1e-4*math.Pow(10, float64(k+1)/perDecade) - low})
	}
}

// GridBin returns the bin of the grid that a time in seconds falls into; what is above the grid falls into its last bin.
func GridBin(seconds float64, bins int) int {
	if !(seconds >= 1e-4) {
		return 0
	}
	return min(1+int(perDecade*math.Log10(seconds/1e-4)), bins-1)
}
