// Package record turns samples into histograms, one set for each action and second.
//
// It assumes that many goroutines record and one collects. A worker records into its own shard, whose lock is contended
// only while the collector flips it once a second; nothing is allocated once a shard has seen an action. Times are
// durations since the start of the run, from the engine's one clock.
package record

import (
	"math"
	"math/bits"
	"time"
)

const (
	subBits   = 7            // 128 sub-buckets for each power of two: a bucket is at most 1/128 of its value wide
	pageSize  = 1 << subBits // counts per page
	unit      = time.Microsecond
	maxValue  = 1<<26 - 1 // in units: 67 s; what is above is clamped to it and counted in Over
	pageCount = 20        // pages 0 and 1 hold 0…255 exactly, each further page one power of two
)

// Histogram counts durations in log-linear buckets: 1 µs wide up to 256 µs, above that at most 0.8 % of the value
// (two significant digits, as HdrHistogram has them with the same parameters). The range is 0 to 67 s; longer ones are
// clamped to the top and counted in Over. The zero value is empty and ready. Not safe for concurrent use.
type Histogram struct {
	pages [pageCount]*[pageSize]uint32
	used  uint32        // a bit for each page that is not empty: most that a shard has are, second for second
	Total uint64        // number of durations
	Sum   time.Duration // for the mean, of the values before clamping
	Max   time.Duration
	Over  uint64 // how many were above the range
}

func index(v uint64) (page, slot int) {
	if v < 2*pageSize {
		return int(v >> subBits), int(v & (pageSize - 1))
	}
	shift := bits.Len64(v) - subBits - 1
	return shift + 1, int(v>>shift) & (pageSize - 1)
}

// bounds returns the smallest value of a bucket and its width, in units.
func bounds(page, slot int) (low, width uint64) {
	if page < 2 {
		return uint64(page)<<subBits + uint64(slot), 1
	}
	shift := page - 1
	return uint64(pageSize+slot) << shift, 1 << shift
}

// Record counts one duration; a negative one counts as zero.
func (h *Histogram) Record(d time.Duration) {
	if d < 0 {
		d = 0
	}
	v := uint64(d / unit)
	if v > maxValue {
		v = maxValue
		h.Over++
	}
	page, slot := index(v)
	p := h.pages[page]
	if p == nil {
		p = new([pageSize]uint32)
		h.pages[page] = p
	}
	p[slot]++
	h.used |= 1 << page
	h.Total++
	h.Sum += d
	h.Max = max(h.Max, d)
}

// Merge adds all counts of from.
func (h *Histogram) Merge(from *Histogram) {
	for left := from.used; left != 0; left &= left - 1 {
		i := bits.TrailingZeros32(left)
		if h.pages[i] == nil {
			h.pages[i] = new([pageSize]uint32)
		}
		p, q := from.pages[i], h.pages[i]
		for j, n := range p {
			q[j] += n
		}
	}
	h.used |= from.used
	h.Total += from.Total
	h.Sum += from.Sum
	h.Over += from.Over
	h.Max = max(h.Max, from.Max)
}

// Reset empties h and keeps its memory.
func (h *Histogram) Reset() {
	if h.Total == 0 {
		return
	}
	for left := h.used; left != 0; left &= left - 1 {
		clear(h.pages[bits.TrailingZeros32(left)][:])
	}
	h.used = 0
	h.Total, h.Sum, h.Max, h.Over = 0, 0, 0, 0
}

// Quantile is the smallest duration that at least the share q, in [0, 1], of all counts does not exceed: the middle of its bucket,
// at most Max. It is 0 where h is empty.
func (h *Histogram) Quantile(q float64) time.Duration {
	if h.Total == 0 {
		return 0
	}
	rank := uint64(math.Ceil(q * float64(h.Total) * (1 - 1e-12))) // 0.07 of 100 is 7, not the 8 that rounding makes it
	rank = max(1, min(rank, h.Total))
	var seen uint64
	for left := h.used; left != 0; left &= left - 1 {
		i := bits.TrailingZeros32(left)
		for j, n := range h.pages[i] {
			if seen += uint64(n); seen >= rank {
				low, width := bounds(i, j)
				return min(time.Duration(low)*unit+time.Duration(width)*unit/2, max(h.Max, 0))
			}
		}
	}
	return h.Max
}

// Mean is the average duration, 0 where h is empty.
func (h *Histogram) Mean() time.Duration {
	if h.Total == 0 {
		return 0
	}
	return h.Sum / time.Duration(h.Total)
}

// ShareAbove is the share of durations above the limit, to the resolution of a bucket (linear within it).
func (h *Histogram) ShareAbove(limit time.Duration) float64 {
	if h.Total == 0 {
		return 0
	}
	var above float64
	h.Each(func(low, width time.Duration, n uint64) {
		switch {
		case low >= limit:
			above += float64(n)
		case low+width > limit:
			above += float64(n) * float64(low+width-limit) / float64(width)
		}
	})
	return above / float64(h.Total)
}

// Each calls f for every bucket that is not empty, in rising order: its lowest value, its width and its count.
func (h *Histogram) Each(f func(low, width time.Duration, n uint64)) {
	for left := h.used; left != 0; left &= left - 1 {
		i := bits.TrailingZeros32(left)
		for j, n := range h.pages[i] {
			if n != 0 {
				low, width := bounds(i, j)
				f(time.Duration(low)*unit, time.Duration(width)*unit, uint64(n))
			}
		}
	}
}

// Buckets calls f for every bucket that is not empty with its number, rising from 0, and its count: the form in which
// histograms are stored. AddBucket is its inverse.
func (h *Histogram) Buckets(f func(bucket int, n uint32)) {
	for left := h.used; left != 0; left &= left - 1 {
		i := bits.TrailingZeros32(left)
		for j, n := range h.pages[i] {
			if n != 0 {
				f(i<<subBits+j, n)
			}
		}
	}
}

// BucketCount is the number of buckets of a histogram.
const BucketCount = pageCount * pageSize

// BucketBounds returns the lowest duration of a bucket, as Buckets names it, and its width.
func BucketBounds(bucket int) (low, width time.Duration) {
	l, w := bounds(bucket>>subBits, bucket&(pageSize-1))
	return time.Duration(l) * unit, time.Duration(w) * unit
}

// AddBucket adds to the count of a bucket as Buckets named it; it reports whether there is such a bucket. Total is kept;
// Sum, Max and Over are the caller's to add to.
func (h *Histogram) AddBucket(bucket int, n uint32) bool {
	page, slot := bucket>>subBits, bucket&(pageSize-1)
	if bucket < 0 || page >= pageCount {
		return false
	}
	if h.pages[page] == nil {
		h.pages[page] = new([pageSize]uint32)
	}
	h.pages[page][slot] += n
	h.used |= 1 << page
	h.Total += uint64(n)
	return true
}

// Clone returns a copy that shares nothing with h.
func (h *Histogram) Clone() *Histogram {
	var c Histogram
	c.Merge(h)
	return &c
}
