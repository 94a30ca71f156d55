package judge

import (
	"testing"

	"pegel/internal/archive"
	"pegel/internal/record"
)

// What is kept of a histogram is all of it, also where a count is larger than one bucket holds.
func TestKeptBuckets(t *testing.T) {
	var k keeper
	list := []archive.Bucket{{Index: 0, Count: 1}, {Index: 7, Count: mostCount}, {Index: 8, Count: mostCount + 1}, {Index: 300, Count: 5*mostCount + 17}, {Index: record.BucketCount - 1, Count: 1<<32 - 1}}
	for range 3 { // pieces are used one after the other
		sum := map[int]uint64{}
		for _, b := range k.kept(list) {
			sum[b.index()] += uint64(b.count())
		}
		if len(sum) != len(list) {
			t.Errorf("%d buckets are kept of %d", len(sum), len(list))
		}
		for _, b := range list {
			if got := sum[int(b.Index)]; got != uint64(b.Count) {
				t.Errorf("bucket %d: %d of %d", b.Index, got, b.Count)
			}
		}
	}
	if kept := k.kept(nil); len(kept) != 0 {
		t.Errorf("%d buckets of none", len(kept))
	}
}
