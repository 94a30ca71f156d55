package ownership

import (
	"cmp"
	"slices"
)

// index finds the accounts of a batch that have a hash.
type index struct {
	entries []entry // by hash, then account
}

type entry struct {
	hash    uint64
	account int32
}

// newIndex indexes sketches by their position; nil ones are left out.
func newIndex(sketches []*Sketch) *index {
	n := 0
	for _, s := range sketches {
		if s != nil {
			n += len(s.Hashes)
		}
	}
	x := &index{entries: make([]entry, 0, n)}
	for i, s := range sketches {
		if s == nil {
			continue
		}
		for _, h := range s.Hashes {
			x.entries = append(x.entries, entry{h, int32(i)})
		}
	}
	slices.SortFunc(x.entries, func(a, b entry) int { return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.account, b.account)) })
	return x
}

// having are the accounts that have a hash.
func (x *index) having(h uint64) []entry {
	from, found := slices.BinarySearchFunc(x.entries, h, func(e entry, h uint64) int { return cmp.Compare(e.hash, h) })
	if !found {
		return nil
	}
	to := from
	for to < len(x.entries) && x.entries[to].hash == h {
		to++
	}
	return x.entries[from:to]
}
