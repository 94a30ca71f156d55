package capacity

import "math"

// Steady finds where a series of equally long observations, such as the mean response time of each second, has come to rest.
// It is MSER-5 (White, Cobb, Spratt 2000): of the means of five observations each, those before d are discarded where
//
//	MSER(d) = 1/(n−d)² · Σ_{i≥d} (Y_i − mean of those from d on)²
//
// is least, which is the squared standard error of what remains; d is looked for in the first half, because the last few
// always agree by chance. A least value at the very end of that half says that the series is still on its way: ok is false
// then, and where there are fewer than 16 observations. Of fewer than 80 fewer than five are put together, so that there are
// 16 means at least. A slow drift in much noise deceives MSER; therefore the two halves of what remains must not differ by
// more than the standard error of their difference. discard is the number of observations before d.
func Steady(series []float64) (discard int, ok bool) {
	const least, batches = 16, 5
	if len(series) < least {
		return 0, false
	}
	m := min(batches, len(series)/least)
	var means []float64
	for i := len(series) % m; i+m <= len(series); i += m { // what does not fill a batch is left out at the beginning
		sum := 0.0
		for _, v := range series[i : i+m] {
			sum += v
		}
		means = append(means, sum/float64(m))
	}
	n := len(means)
	best, at := math.Inf(1), 0
	var sum, squares float64
	for d := n - 1; d >= 0; d-- {
		sum += means[d]
		squares += means[d] * means[d]
		left := float64(n - d)
		if 2*d > n {
			continue
		}
		if v := (squares - sum*sum/left) / (left * left); v <= best {
			best, at = v, d
		}
	}
	return at*m + len(series)%m, 2*at < n-1 && level(means[at:])
}

// level tells whether the halves of a series differ by no more than the standard error of their difference.
func level(list []float64) bool {
	moments := func(part []float64) (mean, variance float64) {
		for _, v := range part {
			mean += v / float64(len(part))
		}
		for _, v := range part {
			variance += (v - mean) * (v - mean) / float64(len(part)-1)
		}
		return mean, variance / float64(len(part))
	}
	a, va := moments(list[:len(list)/2])
	b, vb := moments(list[len(list)/2:])
	return math.Abs(a-b) <= math.Sqrt(va+vb)
}
