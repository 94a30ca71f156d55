package archive

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pegel/internal/record"
)

func TestBranchesComeBack(t *testing.T) {
	dir := t.TempDir() + "/run"
	w, err := Create(dir, Meta{Actions: []string{"a"}, Personas: []string{"p"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var want []Branch
	for i := range 5 {
		want = append(want, Branch{User: uint64(i) << 31, Step: 3, Iteration: uint64(7 * i), Taken: i%2 == 0})
	}
	if err := w.Branches([]Branch{want[1], want[0], want[2]}); err != nil {
		t.Fatal(err)
	}
	if err := w.Interval(&record.Interval{End: time.Second, Series: make([]*record.Series, 1)}); err != nil {
		t.Fatal(err)
	}
	if err := w.Branches(want[3:]); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.Branches()
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
}

// FuzzBranches: whatever the row, it is refused or is what its branches are written as.
func FuzzBranches(f *testing.F) {
	f.Add(appendBranches(nil, []Branch{{User: 1, Step: 2, Iteration: 3, Taken: true}, {User: 1 << 40, Step: 2}}))
	f.Add([]byte{255, 255, 255, 255, 15, 1})
	f.Fuzz(func(t *testing.T, raw []byte) {
		list, err := decodeBranches(raw)
		if err != nil {
			return
		}
		again, err := decodeBranches(appendBranches(nil, list))
		if err != nil || len(again) != len(list) {
			t.Fatalf("%d branches became %d: %v", len(list), len(again), err)
		}
		if fmt.Sprint(again) != fmt.Sprint(list) && slices.IsSortedFunc(list, func(a, b Branch) int { return int(int64(a.User - b.User)) }) {
			for i := range list {
				if !slices.Contains(again, list[i]) {
					t.Errorf("%+v is lost", list[i])
				}
			}
		}
	})
}
