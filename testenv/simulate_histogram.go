package testenv

import (
	"math/bits"
	"time"
)

// fineness is the number of buckets, as a power of 2, to each doubling of the value.
const fineness = 8

// logHistogram counts times in nanoseconds in buckets that are at most 1/256 of their value wide.
type logHistogram struct {
	counts []uint32 // grown to the largest bucket used
	total  int64
}

func (h *logHistogram) add(v int64) {
	b := bucket(v)
	if b >= len(h.counts) {
		h.counts = append(h.counts, make([]uint32, b+1-len(h.counts))...)
	}
	h.counts[b]++
	h.total++
}

// bucket numbers the values: exactly up to 2^fineness, then by the leading fineness+1 bits.
func bucket(v int64) int {
	u := uint64(max(v, 0))
	shift := bits.Len64(u) - (fineness + 1)
	if shift <= 0 {
		return int(u)
	}
	return shift<<fineness + int(u>>shift)
}

// bounds are the least value of a bucket and that of the next.
func bounds(b int) (low, high float64) {
	shift := b>>fineness - 1
	if shift <= 0 {
		return float64(b), float64(b + 1)
	}
	mantissa := uint64(b - shift<<fineness)
	return float64(mantissa << shift), float64((mantissa + 1) << shift)
}

// quantile goes linearly through the bucket in which the quantile lies.
func (h *logHistogram) quantile(q float64) time.Duration {
	if h.total == 0 {
		return 0
	}
	rank, below := q*float64(h.total), 0.0
	for b, n := range h.counts {
		if n > 0 && below+float64(n) >= rank {
			low, high := bounds(b)
			return time.Duration(low + (high-low)*max(0, rank-below)/float64(n))
		}
		below += float64(n)
	}
	_, high := bounds(len(h.counts) - 1)
	return time.Duration(high)
}

func (h *logHistogram) each(f func(low, high time.Duration, n int64)) {
	for b, n := range h.counts {
		if n > 0 {
			low, high := bounds(b)
			f(time.Duration(low), time.Duration(high), int64(n))
		}
	}
}
