package ownership

import "slices"

// Item is where an item lies. Nothing else of it is ever told.
type Item struct {
	Kind    Kind   `json:"kind"`
	Mailbox string `json:"mailbox"`       // or the path of a calendar or address book
	UID     uint32 `json:"uid,omitempty"` // of mail
}

// Foreign are the items of one owner in a target that is not theirs.
type Foreign struct {
	Owner        string   `json:"owner"`                // source account; "" where several could be meant
	Target       string   `json:"target,omitempty"`     // where the owner's items belong; "" for an owner outside the batch
	Candidates   []string `json:"candidates,omitempty"` // source accounts that all have these messages, at most mostCandidates
	Canaries     int      `json:"canaries"`             // by signature
	Fingerprints int      `json:"fingerprints"`         // by Message-ID
	First        Item     `json:"first"`
}

const mostCandidates = 5

// Count is how many of the items that an account should have are there.
type Count struct {
	Expected int `json:"expected"`
	Present  int `json:"present"`
}

// add puts two counts together.
func (c Count) add(d Count) Count { return Count{c.Expected + d.Expected, c.Present + d.Present} }

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
	Canaries     Count     `json:"canaries"`     // the account's own, in mail
	Events       Count     `json:"events"`       // its own canaries in calendars
	Contacts     Count     `json:"contacts"`     // and in address books
	Fingerprints Count     `json:"fingerprints"` // of those in its sketch
	Missing      int       `json:"missing"`
	Unsigned     int       `json:"unsigned,omitempty"` // items that look like canaries of the batch, signed with another key or changed
	Foreign      []Foreign `json:"foreign"`
	Doubtful     []Foreign `json:"doubtful,omitempty"` // not enough evidence: people may have done this themselves
	Shared       []Shared  `json:"shared,omitempty"`
	Error        string    `json:"error,omitempty"`

	Err error `json:"-"`
}

// Own is all of the account's own items together.
func (f *Finding) Own() Count { return f.Canaries.add(f.Events).add(f.Contacts).add(f.Fingerprints) }

// Wrong tells whether the account has somebody else's items, lacks its own, or cannot reach what it must.
func (f *Finding) Wrong() bool {
	return len(f.Foreign) > 0 || f.Missing > 0 || slices.ContainsFunc(f.Shared, func(s Shared) bool { return s.State != sharedOK })
}
