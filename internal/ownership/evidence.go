package ownership

import (
	"cmp"
	"maps"
	"slices"
)

// A signed item proves by itself that somebody's items went to another account. A Message-ID does not: people resend messages
// unchanged, move them out of shared mailboxes, and lists deliver late. So foreign messages are weighed, for each account and
// owner, and what weighs too little is told as not enough evidence, never as a finding.
const (
	// enoughDisplaced is how many messages that the owner's own target lacks prove a wrong pass. What else fits a wrong pass counts
	// as one each: all of the account's own messages missing; one of them displaced to a third account or to the owner; somebody
	// else's messages displaced to the owner's target.
	enoughDisplaced = 3
	// enoughCopies is how many messages prove it where the owner's target has them too: a wrong copy in addition to the right one.
	// Below that, at least enoughDisplaced that are half of what is known of the owner do.
	enoughCopies = 9
)

// stray is a message that an account surely did not have and others of the batch had.
type stray struct {
	hash uint64
	at   Item
}

// mostStrays bounds what is kept of one account; more than this proves nothing that these do not.
const mostStrays = 10_000

// suspects collects foreign items of one account.
type suspects struct {
	signed map[string]*Foreign // by owner
	seen   map[string]bool     // objects that count already
	strays []stray
	hashes map[uint64]bool // of strays: a message may lie in several mailboxes
}

func newSuspects() suspects {
	return suspects{signed: map[string]*Foreign{}, seen: map[string]bool{}, hashes: map[uint64]bool{}}
}

func (s *suspects) canary(owner string, at Item) {
	f := s.signed[owner]
	if f == nil {
		f = &Foreign{Owner: owner, First: at}
		s.signed[owner] = f
	}
	f.Canaries++
}

func (s *suspects) print(h uint64, at Item) {
	if !s.hashes[h] && len(s.strays) < mostStrays {
		s.hashes[h] = true
		s.strays = append(s.strays, stray{h, at})
	}
}

// weighed is what is known of one owner's messages in one account.
type weighed struct {
	displaced, copied int
	first             Item
}

// claims are the strays of one account, put to their owners as far as that is possible.
type claims struct {
	of      map[int]*weighed // by move of the owner
	several []stray          // those that several accounts had and none is known to lack
}

// claim puts each stray of an account to its owner: to the only account that had it, or to the only one of several whose target
// lacks it now.
func (v *Verifier) claim(w *watched) claims {
	c := claims{of: map[int]*weighed{}}
	for _, s := range w.foreign.strays {
		owners, lacking := v.prints.having(s.hash), -1
		owner, several := int(owners[0].account), len(owners) > 1
		if several {
			for _, e := range owners {
				if v.lacks(int(e.account), s.hash) {
					if lacking >= 0 {
						lacking = -1
						break
					}
					lacking = int(e.account)
				}
			}
			if lacking < 0 {
				c.several = append(c.several, s)
				continue
			}
			owner = lacking
		}
		into := c.of[owner]
		if into == nil {
			into = &weighed{first: s.at}
			c.of[owner] = into
		}
		if v.lacks(owner, s.hash) {
			into.displaced++
		} else {
			into.copied++
		}
	}
	return c
}

// lacks tells whether the target of a move is known not to have a message of its own: it was looked at without an error. While
// a pass is under way, that may only mean "not yet".
func (v *Verifier) lacks(move int, h uint64) bool {
	w := v.accounts[move]
	i, own := w.mark.find(h)
	return own && w.err == nil && w.looked && !w.has[i]
}

// judge weighs everything that is known of all accounts.
func (v *Verifier) judge() (proven, thin [][]Foreign) {
	proven, thin = make([][]Foreign, len(v.accounts)), make([][]Foreign, len(v.accounts))
	all := make([]claims, len(v.accounts))
	receives := make([]bool, len(v.accounts)) // somebody else's displaced messages
	away := make([]bool, len(v.accounts))     // some of its own are displaced
	for i, w := range v.accounts {
		if v.prints == nil {
			continue
		}
		all[i] = v.claim(w)
		for owner, x := range all[i].of {
			if x.displaced > 0 {
				receives[i], away[owner] = true, true
			}
		}
	}
	for i, w := range v.accounts {
		sure := map[string]*Foreign{}
		for owner, f := range w.foreign.signed {
			copy := *f
			sure[owner] = &copy
		}
		for _, owner := range slices.Sorted(maps.Keys(all[i].of)) {
			x, name := all[i].of[owner], canonical(v.work.Moves[owner].Source)
			f := Foreign{Owner: name, Target: v.work.Moves[owner].Target, Fingerprints: x.displaced + x.copied, First: x.first}
			if signed := sure[name]; signed != nil {
				signed.Fingerprints = f.Fingerprints
			} else if v.proves(w, v.accounts[owner], x, receives[owner], away[i]) {
				sure[name] = &f
			} else {
				thin[i] = append(thin[i], f)
			}
		}
		if open, ok := v.put(all[i].several, sure); ok {
			thin[i] = append(thin[i], open)
		}
		proven[i] = []Foreign{}
		for _, owner := range slices.Sorted(maps.Keys(sure)) {
			f := *sure[owner]
			f.Target = v.targetOf(owner)
			proven[i] = append(proven[i], f)
		}
		slices.SortStableFunc(proven[i], func(a, b Foreign) int { return cmp.Compare(b.Canaries+b.Fingerprints, a.Canaries+a.Fingerprints) })
	}
	return proven, thin
}

// proves tells whether an owner's messages in an account are too many, or fit a wrong pass too well, for people's own doing.
func (v *Verifier) proves(w, owner *watched, x *weighed, receives, away bool) bool {
	weight := x.displaced
	if x.displaced > 0 {
		own := v.countPrints(w)
		for _, fits := range []bool{own.Expected > 0 && own.Present == 0, away, receives} {
			if fits {
				weight++
			}
		}
	}
	n := x.displaced + x.copied
	return weight >= enoughDisplaced || n >= enoughCopies || n >= enoughDisplaced && 2*n >= len(owner.mark.Hashes)
}

// put gives messages that several accounts had to the one of them that is known to have others here; the rest names nobody.
func (v *Verifier) put(several []stray, sure map[string]*Foreign) (open Foreign, ok bool) {
	for _, s := range several {
		var known []string
		for _, e := range v.prints.having(s.hash) {
			if owner := canonical(v.work.Moves[e.account].Source); sure[owner] != nil {
				known = append(known, owner)
			}
		}
		if len(known) == 1 {
			sure[known[0]].Fingerprints++
			continue
		}
		if !ok {
			open, ok = Foreign{First: s.at}, true
		}
		open.Fingerprints++
		for _, e := range v.prints.having(s.hash) {
			owner := canonical(v.work.Moves[e.account].Source)
			if len(open.Candidates) < mostCandidates && !slices.Contains(open.Candidates, owner) {
				open.Candidates = append(open.Candidates, owner)
			}
		}
	}
	return open, ok
}
