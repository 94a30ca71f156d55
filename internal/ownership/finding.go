package ownership

import (
	"cmp"
	"maps"
	"slices"
)

// Item is where an item lies. Nothing else of it is ever told.
type Item struct {
	Mailbox string `json:"mailbox"`
	UID     uint32 `json:"uid"`
}

// Foreign are the items of one owner in a target that is not theirs.
type Foreign struct {
	Owner        string   `json:"owner"`                // source account; "" where several could be meant
	Target       string   `json:"target,omitempty"`     // where the owner's mail belongs; "" for an owner outside the batch
	Candidates   []string `json:"candidates,omitempty"` // source accounts that all have these messages, at most mostCandidates
	Canaries     int      `json:"canaries"`             // by signature
	Fingerprints int      `json:"fingerprints"`         // by Message-ID
	First        Item     `json:"first"`
}

// Count is how many of the items that an account should have are there.
type Count struct {
	Expected int `json:"expected"`
	Present  int `json:"present"`
}

// Shared is one mailbox of others that the account must reach.
type Shared struct {
	Mailbox string `json:"mailbox"`
	State   string `json:"state"` // ok, denied, missing or failed
	Text    string `json:"text,omitempty"`
}

// Finding is what Verify has found out about one target account.
type Finding struct {
	Source       string    `json:"source"`
	Target       string    `json:"target"`
	Messages     int       `json:"messages"`     // looked at
	Canaries     Count     `json:"canaries"`     // the account's own
	Fingerprints Count     `json:"fingerprints"` // of those in its sketch
	Missing      int       `json:"missing"`
	Foreign      []Foreign `json:"foreign"`
	Shared       []Shared  `json:"shared,omitempty"`
	Error        string    `json:"error,omitempty"`

	Err error `json:"-"`
}

// Wrong tells whether the account has somebody else's items, lacks its own, or cannot reach what it must.
func (f *Finding) Wrong() bool {
	return len(f.Foreign) > 0 || f.Missing > 0 || slices.ContainsFunc(f.Shared, func(s Shared) bool { return s.State != sharedOK })
}

const mostCandidates = 5

// suspects collects foreign items of one account, by owner.
type suspects struct {
	signed  map[string]*Foreign // by owner
	hashed  map[string]*Foreign // by the owner, where only one has the message
	several []shared
	seen    map[uint64]bool // hashes that count already: a message may lie in several mailboxes
}

// shared is a message that several accounts have, and this one should not.
type shared struct {
	owners []string
	at     Item
}

// mostSeveral bounds what is kept of messages that many accounts have: they name nobody.
const mostSeveral = 10_000

func newSuspects() suspects {
	return suspects{signed: map[string]*Foreign{}, hashed: map[string]*Foreign{}, seen: map[uint64]bool{}}
}

func count(in map[string]*Foreign, owner string, at Item) *Foreign {
	f := in[owner]
	if f == nil {
		f = &Foreign{Owner: owner, First: at}
		in[owner] = f
	}
	return f
}

func (s *suspects) canary(owner string, at Item) { count(s.signed, owner, at).Canaries++ }

func (s *suspects) hash(h uint64, owners []string, at Item) {
	switch {
	case s.seen[h]:
		return
	case len(owners) == 1:
		count(s.hashed, owners[0], at).Fingerprints++
	case len(s.several) < mostSeveral:
		s.several = append(s.several, shared{owners, at})
	default:
		return
	}
	s.seen[h] = true
}

func (s *suspects) empty() bool { return len(s.signed)+len(s.hashed)+len(s.several) == 0 }

// list are the owners, each once. A message that several accounts have is put to the one of them that has other items here; where
// none or several have, all are named as candidates.
func (s *suspects) list(target func(owner string) string) []Foreign {
	all := map[string]*Foreign{}
	for owner, f := range s.signed {
		all[owner] = &Foreign{Owner: owner, Canaries: f.Canaries, First: f.First}
	}
	for owner, f := range s.hashed {
		into := count(all, owner, f.First)
		into.Fingerprints += f.Fingerprints
	}
	var open *Foreign
	for _, item := range s.several {
		known := slices.DeleteFunc(slices.Clone(item.owners), func(owner string) bool { return all[owner] == nil })
		if len(known) == 1 {
			all[known[0]].Fingerprints++
			continue
		}
		if open == nil {
			open = &Foreign{First: item.at}
		}
		open.Fingerprints++
		for _, owner := range item.owners {
			if len(open.Candidates) < mostCandidates && !slices.Contains(open.Candidates, owner) {
				open.Candidates = append(open.Candidates, owner)
			}
		}
	}
	list := []Foreign{}
	for _, owner := range slices.Sorted(maps.Keys(all)) {
		f := *all[owner]
		f.Target = target(owner)
		list = append(list, f)
	}
	slices.SortStableFunc(list, func(a, b Foreign) int { return cmp.Compare(b.Canaries+b.Fingerprints, a.Canaries+a.Fingerprints) })
	if open != nil {
		list = append(list, *open)
	}
	return list
}
