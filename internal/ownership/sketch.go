package ownership

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"
)

// age is by which pass a message is to be carried over.
type age uint8

const (
	young  age = iota
	either     // so near to the limit that the day of the pass decides
	old
	numAges
)

// UsualSample is how many messages of an account a sketch keeps where nobody says: mailboxes up to this size are known wholly.
const UsualSample = 4096

// settled is how old a message must be to be put into a sketch. What arrives while a batch is being fingerprinted may by
// then lie in one account's Sent and not yet in another's INBOX, and would later look like a foreign item there.
const settled = time.Hour

// Sketch is a bottom-k sample of a source account: the k smallest of the keyed hashes of its Message-IDs (Cohen and Kaplan, "Summarizing
// data using bottom-k sketches", 2007). Of any hash up to the largest one kept it tells for certain whether the account has it.
type Sketch struct {
	Hashes   []uint64 // ascending, no two the same
	Ages     []age    // of each
	Complete bool     // nothing was left out
}

// covers tells whether the sketch says for certain if the account has this hash.
func (s *Sketch) covers(h uint64) bool {
	return s.Complete || len(s.Hashes) > 0 && h <= s.Hashes[len(s.Hashes)-1]
}

// find is the position of a hash.
func (s *Sketch) find(h uint64) (int, bool) { return slices.BinarySearch(s.Hashes, h) }

// sample collects a sketch in memory of twice its size.
type sample struct {
	k    int
	kept []sampled
	over uint64 // hashes above are not wanted any more
	cut  bool
}

type sampled struct {
	hash uint64
	age  age
}

func newSample(k int) *sample { return &sample{k: k, over: ^uint64(0)} }

func (s *sample) add(h uint64, a age) {
	if h > s.over {
		return
	}
	if s.kept = append(s.kept, sampled{h, a}); len(s.kept) >= 2*s.k {
		s.shrink()
	}
}

// shrink keeps the k smallest, each once.
func (s *sample) shrink() {
	slices.SortFunc(s.kept, func(a, b sampled) int { return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.age, b.age)) })
	unique := s.kept[:0]
	for _, e := range s.kept {
		if n := len(unique); n > 0 && unique[n-1].hash == e.hash {
			if unique[n-1].age != e.age { // two copies of different ages: each pass brings one
				unique[n-1].age = either
			}
			continue
		}
		unique = append(unique, e)
	}
	s.kept = unique
	if len(s.kept) > s.k {
		s.kept, s.cut = s.kept[:s.k], true
	}
	if s.cut {
		s.over = s.kept[len(s.kept)-1].hash
	}
}

func (s *sample) sketch() *Sketch {
	s.shrink()
	out := &Sketch{Hashes: make([]uint64, len(s.kept)), Ages: make([]age, len(s.kept)), Complete: !s.cut}
	for i, e := range s.kept {
		out.Hashes[i], out.Ages[i] = e.hash, e.age
	}
	return out
}

// label is what an account is called in a file of fingerprints.
func (k Key) label(account string) string {
	return hex.EncodeToString(k.sum("account", canonical(account))[:16])
}

// Fingerprint takes the sketch of every source account, read-only, at most k messages of each. The sketches are by label of the account; those of
// accounts whose outcome has an error are missing.
func Fingerprint(ctx context.Context, source Side, work Work, k int, now time.Time, done func(Outcome)) (map[string]*Sketch, []Outcome) {
	if k <= 0 {
		k = UsualSample
	}
	type taken struct {
		label  string
		sketch *Sketch
	}
	results := make(chan taken, len(work.Moves))
	outcomes := work.each(ctx, func(ctx context.Context, m Move) (o Outcome) {
		var s *Sketch
		if s, o.Found, o.Err = fingerprint(ctx, source, work, m.Source, k, now); o.Err == nil {
			o.Made = len(s.Hashes)
			results <- taken{work.Key.label(m.Source), s}
		}
		return o
	}, done)
	close(results)
	all := map[string]*Sketch{}
	for t := range results {
		all[t.label] = t.sketch
	}
	return all, outcomes
}

func fingerprint(ctx context.Context, source Side, work Work, owner string, k int, now time.Time) (_ *Sketch, seen int, err error) {
	r, err := source.open(ctx, owner)
	if err != nil {
		return nil, 0, err
	}
	defer r.close()
	fail := func(err error) (*Sketch, int, error) {
		return nil, seen, fmt.Errorf("%s on %s: %w", owner, source.Target.Name, interrupted(ctx, err, err))
	}
	folders, err := r.folders(false)
	if err != nil {
		return fail(err)
	}
	s, h := newSample(k), work.Key.hasher()
	for _, f := range folders {
		box, err := r.examine(f.name)
		if err == nil && box.held > 0 {
			err = r.fetch(imap.UIDSet{{Start: 1}}, []string{messageIDField}, true, func(m message) {
				seen++
				if id := messageIDOf(m.header); id != "" && now.Sub(m.arrived) >= settled {
					s.add(h.hash(id), ageOf(now.Sub(m.arrived), work.Limit))
				}
			})
		}
		if err != nil {
			return fail(err)
		}
	}
	return s.sketch(), seen, nil
}

// ageOf leaves two days on either side of the limit open: passes search by whole days, and begin some time after the fingerprint.
func ageOf(d, limit time.Duration) age {
	const open = 48 * time.Hour
	switch {
	case d < limit-open:
		return young
	case d > limit+open:
		return old
	}
	return either
}
