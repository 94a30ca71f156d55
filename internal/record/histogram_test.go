package record

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// durations draws from a few shapes that latencies have: log-normal, uniform, two modes, and one far tail.
func durations(shape string, n int) []time.Duration {
	rng := rand.New(rand.NewPCG(42, uint64(len(shape))))
	list := make([]time.Duration, n)
	for i := range list {
		ms := 0.0
		switch shape {
		case "lognormal":
			ms = 20 * math.Exp(rng.NormFloat64())
		case "uniform":
			ms = rng.Float64() * 3000
		case "modes":
			ms = 0.3 + rng.Float64()*0.1
			if i%10 == 0 {
				ms = 900 + rng.Float64()*10
			}
		case "tail":
			ms = 5 / math.Pow(1-rng.Float64(), 1/1.1)
		}
		list[i] = min(time.Duration(ms*float64(time.Millisecond)), 60*time.Second)
	}
	return list
}

var shapes = []string{"lognormal", "uniform", "modes", "tail"}

func fill(list []time.Duration) *Histogram {
	var h Histogram
	for _, d := range list {
		h.Record(d)
	}
	return &h
}

func TestQuantileError(t *testing.T) {
	for _, shape := range shapes {
		list := durations(shape, 20000)
		h := fill(list)
		slices.Sort(list)
		for _, q := range []float64{0, 0.001, 0.1, 0.5, 0.9, 0.95, 0.99, 0.999, 1} {
			exact := list[max(0, int(math.Ceil(q*float64(len(list))))-1)]
			got := h.Quantile(q)
			// Below 256 µs a bucket is one microsecond wide, so the bound is absolute there.
			if bound := max(time.Duration(float64(exact)*0.008), time.Microsecond); (got - exact).Abs() > bound {
				t.Errorf("%s: quantile %v is %v, exactly %v", shape, q, got, exact)
			}
		}
		if h.Max != list[len(list)-1] {
			t.Errorf("%s: max %v, exactly %v", shape, h.Max, list[len(list)-1])
		}
	}
}

func TestLikeHdrHistogram(t *testing.T) {
	for _, shape := range shapes {
		list := durations(shape, 5000)
		h := fill(list)
		hdr := hdrhistogram.New(1, maxValue, 2)
		for _, d := range list {
			if err := hdr.RecordValue(d.Microseconds()); err != nil {
				t.Fatal(err)
			}
		}
		type bucket struct{ low, high, n int64 }
		var want, got []bucket
		for _, b := range hdr.Distribution() {
			if b.Count > 0 {
				want = append(want, bucket{b.From, b.To, b.Count})
			}
		}
		h.Each(func(low, width time.Duration, n uint64) {
			got = append(got, bucket{low.Microseconds(), (low + width).Microseconds() - 1, int64(n)})
		})
		if !slices.Equal(got, want) {
			t.Errorf("%s: buckets differ from HdrHistogram's:\n got %v\nwant %v", shape, got, want)
		}
		for _, q := range []float64{10, 50, 95, 99, 99.9} {
			a, b := h.Quantile(q/100), time.Duration(hdr.ValueAtPercentile(q))*time.Microsecond
			if (a - b).Abs() > max(b/128, time.Microsecond) {
				t.Errorf("%s: p%v is %v, HdrHistogram says %v", shape, q, a, b)
			}
		}
	}
}

func TestClamping(t *testing.T) {
	var h Histogram
	h.Record(-time.Second)
	h.Record(time.Hour)
	h.Record((maxValue + 1) * unit)
	h.Record(maxValue * unit)
	if h.Total != 4 || h.Over != 2 || h.Max != time.Hour {
		t.Errorf("total %d, over %d, max %v; want 4, 2, 1h", h.Total, h.Over, h.Max)
	}
	if want := time.Hour + (2*maxValue+1)*unit; h.Sum != want {
		t.Errorf("sum %v, want %v", h.Sum, want)
	}
	if q := h.Quantile(0.25); q >= unit {
		t.Errorf("the negative duration counts as %v, want the lowest bucket", q)
	}
	if q := h.Quantile(1); q < 66*time.Second || q > 68*time.Second {
		t.Errorf("the clamped duration counts as %v, want the top of the range", q)
	}
}

// A rank that is a whole number must not be pushed to the next by the product's rounding.
func TestQuantileRank(t *testing.T) {
	var h Histogram
	for i := range 100 {
		h.Record(time.Duration(i) * unit)
	}
	for _, q := range []float64{0.01, 0.07, 0.14, 0.28, 0.29, 0.55, 0.56, 0.57, 0.58, 0.95, 0.99} {
		if got, want := h.Quantile(q).Truncate(unit), time.Duration(math.Round(q*100)-1)*unit; got != want {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
}

func TestEmpty(t *testing.T) {
	var h Histogram
	h.Reset()
	h.Merge(new(Histogram))
	if h.Quantile(0.5) != 0 || h.Mean() != 0 || h.ShareAbove(0) != 0 || h.Total != 0 {
		t.Error("an empty histogram is not all zero")
	}
	h.Each(func(time.Duration, time.Duration, uint64) { t.Error("an empty histogram has a bucket") })
}

func buckets(h *Histogram) map[int]uint32 {
	m := make(map[int]uint32)
	last := -1
	h.Buckets(func(b int, n uint32) {
		if b <= last {
			panic("buckets do not rise")
		}
		last = b
		m[b] = n
	})
	return m
}

func same(t *testing.T, what string, got, want *Histogram) {
	t.Helper()
	a, b := buckets(got), buckets(want)
	equal := len(a) == len(b)
	for k, n := range b {
		equal = equal && a[k] == n
	}
	if !equal {
		t.Errorf("%s: buckets %v, want %v", what, a, b)
	}
	if got.Total != want.Total || got.Sum != want.Sum || got.Max != want.Max || got.Over != want.Over {
		t.Errorf("%s: total, sum, max, over = %d %v %v %d, want %d %v %v %d", what, got.Total, got.Sum, got.Max, got.Over, want.Total, want.Sum, want.Max, want.Over)
	}
}

func TestMergeCloneReset(t *testing.T) {
	list := durations("lognormal", 3000)
	list = append(list, time.Hour)
	whole := fill(list)
	merged := fill(list[:1000])
	rest := fill(list[1000:])
	merged.Merge(rest)
	same(t, "merge", merged, whole)
	same(t, "merged from", rest, fill(list[1000:]))

	clone := whole.Clone()
	whole.Record(time.Second)
	same(t, "clone", clone, merged)

	clone.Reset()
	same(t, "reset", clone, new(Histogram))
	for _, d := range list {
		clone.Record(d)
	}
	same(t, "filled again", clone, merged)
}

func TestAddBucket(t *testing.T) {
	h := fill(append(durations("tail", 4000), time.Hour))
	var back Histogram
	for b, n := range buckets(h) {
		if !back.AddBucket(b, n-1) || !back.AddBucket(b, 1) { // the second adds to the first
			t.Fatalf("bucket %d is refused", b)
		}
	}
	back.Sum, back.Max, back.Over = h.Sum, h.Max, h.Over
	same(t, "round trip", &back, h)
	for _, b := range []int{-1, BucketCount, math.MaxInt, math.MinInt} {
		if back.AddBucket(b, 1) {
			t.Errorf("bucket %d is accepted", b)
		}
	}
	if !back.AddBucket(BucketCount-1, 1) {
		t.Error("the last bucket is refused")
	}
}

// The buckets lie one beside the other from 0 on, and each holds the durations that are counted there.
func TestBucketBounds(t *testing.T) {
	var end time.Duration
	for b := range BucketCount {
		low, width := BucketBounds(b)
		if low != end || width <= 0 {
			t.Fatalf("bucket %d begins at %v, the one before ends at %v", b, low, end)
		}
		end = low + width
		for _, d := range []time.Duration{low, low + width - 1} {
			if at := buckets(fill([]time.Duration{d})); at[b] != 1 {
				t.Fatalf("%v lies in %v, want bucket %d", d, at, b)
			}
		}
	}
}

func TestShareAbove(t *testing.T) {
	var h Histogram
	for i := range 1000 {
		h.Record(time.Duration(i) * time.Millisecond)
	}
	for _, limit := range []time.Duration{0, 100 * time.Millisecond, 333 * time.Millisecond, 900 * time.Millisecond} {
		want := 1 - limit.Seconds()
		if got := h.ShareAbove(limit); math.Abs(got-want) > 0.01 {
			t.Errorf("share above %v is %v, want %v", limit, got, want)
		}
	}
	if got := h.ShareAbove(2 * time.Second); got != 0 {
		t.Errorf("share above everything is %v", got)
	}
	// Half of a bucket's width is half of its counts.
	var one Histogram
	for range 100 {
		one.Record(time.Second)
	}
	one.Each(func(low, width time.Duration, _ uint64) {
		if got := one.ShareAbove(low + width/2); math.Abs(got-0.5) > 0.001 {
			t.Errorf("share above the middle of the only bucket is %v", got)
		}
	})
}

func FuzzBounds(f *testing.F) {
	for _, v := range []uint64{0, 1, 127, 128, 255, 256, 257, 511, 512, 1 << 20, maxValue - 1, maxValue} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, v uint64) {
		v %= maxValue + 1
		page, slot := index(v)
		if page < 0 || page >= pageCount || slot < 0 || slot >= pageSize {
			t.Fatalf("%d lies in page %d, slot %d", v, page, slot)
		}
		low, width := bounds(page, slot)
		if v < low || v >= low+width {
			t.Fatalf("%d lies in a bucket from %d, %d wide", v, low, width)
		}
		if width > 1 && width*128 > low {
			t.Fatalf("the bucket from %d is %d wide", low, width)
		}
		// The next bucket begins where this one ends.
		if low+width <= maxValue {
			p, s := index(low + width)
			if p<<subBits+s != page<<subBits+slot+1 {
				t.Fatalf("after bucket %d/%d comes %d/%d", page, slot, p, s)
			}
		}
	})
}
