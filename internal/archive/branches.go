package archive

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// Branch is a branch that a user took because of what the platform had answered: the only part of a run that does not
// follow from scenario and seed.
type Branch struct {
	User      uint64 // its number in the plan
	Step      uint64 // of the if, its number in the plan
	Iteration uint64 // how often the user had been there
	Taken     bool   // the condition held
}

// maxBranches bounds one row; longer lists become several.
const maxBranches = 1 << 18

// Branches appends what users chose since the last call; it is synced with the next interval.
func (w *Writer) Branches(list []Branch) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for part := range slices.Chunk(list, maxBranches) {
		if w.err != nil {
			return w.err
		}
		w.row = appendBranches(w.row[:0], part)
		var err error
		if w.pending, err = w.packer.frame(w.pending, kindBranches, w.row); err != nil {
			return w.failed("storing branches", err)
		}
		if err := w.spill(); err != nil {
			return err
		}
	}
	return nil
}

// appendBranches encodes branches by user: the number of them, then each as the difference to the user before, step, and
// twice the iteration with the branch in the lowest bit.
func appendBranches(b []byte, list []Branch) []byte {
	sorted := slices.Clone(list)
	slices.SortFunc(sorted, func(x, y Branch) int {
		return cmp.Or(cmp.Compare(x.User, y.User), cmp.Compare(x.Step, y.Step), cmp.Compare(x.Iteration, y.Iteration))
	})
	b = binary.AppendUvarint(b, uint64(len(sorted)))
	var user uint64
	for _, x := range sorted {
		b = binary.AppendUvarint(b, x.User-user)
		b = binary.AppendUvarint(b, x.Step)
		code := x.Iteration << 1
		if x.Taken {
			code++
		}
		b = binary.AppendUvarint(b, code)
		user = x.User
	}
	return b
}

func decodeBranches(raw []byte) ([]Branch, error) {
	c := &cursor{rest: raw, memory: maxDecoded}
	var list []Branch
	var user uint64
	for range c.uint(maxBranches) {
		c.spend(32)
		user += c.uint(math.MaxUint64)
		x := Branch{User: user, Step: c.uint(math.MaxUint64)}
		code := c.uint(math.MaxUint64)
		x.Iteration, x.Taken = code>>1, code&1 == 1
		if c.bad {
			break
		}
		list = append(list, x)
	}
	if c.bad || len(c.rest) != 0 {
		return nil, fmt.Errorf("branches: %w", errRow)
	}
	return list, nil
}

// Branches are all branches that users took because of answers, in the order in which they were stored.
func (r *Run) Branches() ([]Branch, error) {
	var list []Branch
	err := r.each(func(s *scanner, _ int, f *frame) error {
		if f.kind != kindBranches {
			return nil
		}
		raw, err := s.unpack(f)
		if err != nil {
			return err
		}
		part, err := decodeBranches(raw)
		list = append(list, part...)
		return err
	})
	return list, err
}
