package dav

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// A State after any changes is what a map says.
func TestStateIsAMap(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var s State
	want := map[uint64]uint64{}
	for round := range 300 {
		var list []item
		for range rng.IntN(20) {
			e := item{href: rng.Uint64N(60), etag: rng.Uint64N(3)}
			list = append(list, e)
		}
		if round%10 == 0 {
			clear(want)
		}
		for _, e := range list {
			want[e.href] = e.etag
			if e.etag == 0 {
				delete(want, e.href)
			}
		}
		if round%10 == 0 {
			s.replace(list)
		} else {
			s.merge(list)
		}
		if s.Len() != len(want) || !slices.IsSortedFunc(s.items, func(a, b item) int { return int(a.href) - int(b.href) }) {
			t.Fatalf("round %d: %v, want %v", round, s.items, want)
		}
		for href := range uint64(60) {
			if s.etag(href) != want[href] {
				t.Fatalf("round %d: %d has %d, want %d", round, href, s.etag(href), want[href])
			}
		}
	}
}

func TestDiffering(t *testing.T) {
	a := []item{{1, 1}, {2, 1}, {4, 1}, {6, 1}}
	b := []item{{1, 1}, {2, 2}, {3, 1}, {6, 1}, {7, 1}}
	if got := differing(a, b); !slices.Equal(got, []uint64{2, 3, 4, 7}) {
		t.Errorf("differing: %v", got)
	}
}

func TestPathOf(t *testing.T) {
	for href, want := range map[string]string{
		"/u0/a b.ics": "/u0/a b.ics", "/u0/a%20b.ics": "/u0/a b.ics", "/u0/x%40y.ics": "/u0/x@y.ics", "/u0/x@y.ics": "/u0/x@y.ics",
		"http://127.0.0.1/u0/x.ics": "/u0/x.ics", "%zz": "%zz",
	} {
		if got := pathOf(href); got != want {
			t.Errorf("%q is %q, want %q", href, got, want)
		}
	}
}

// BenchmarkStateMemory is what 1,000 users with 500 events each remember: bytes a user, and bytes an object.
func BenchmarkStateMemory(b *testing.B) {
	const users, objects = 1000, 500
	for b.Loop() {
		before := heap()
		all := make([]State, users)
		var list []item
		for i := range all {
			list = list[:0]
			for k := range objects {
				list = append(list, item{digest(fmt.Sprintf("/u%d/cal/%d.ics", i, k)), digest(fmt.Sprintf("e%d", k))})
			}
			all[i].replace(list)
		}
		took := heap() - before
		b.ReportMetric(float64(took)/users, "B/user")
		b.ReportMetric(float64(took)/users/objects, "B/object")
		if all[users-1].Len() != objects {
			b.Fatal("objects are missing")
		}
	}
}
