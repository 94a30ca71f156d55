package archive

// CopiesFile is what the comparisons of a migration's two sides came to, where the run made any.
const CopiesFile = "copies.json"

// Copies is what is known of the copies of each account and pass: the last comparison, and what was refused.
type Copies struct {
	Accounts []AccountCopies `json:"accounts"`
}

// AccountCopies is what became of one account's mail in one pass. All but Copied, There and Refused count messages of the comparison.
type AccountCopies struct {
	Account   int    `json:"account"` // index, from 0
	Pass      string `json:"pass"`    // core, deferred or all
	Copied    int    `json:"copied"`  // by this run
	There     int    `json:"there"`   // lay in the target before
	Source    int    `json:"source"`  // messages of the pass in the source
	Alike     int    `json:"alike"`   // of them: in the target, unchanged
	Missing   int    `json:"missing"`
	Differing int    `json:"differing"` // digest or date
	Flags     int    `json:"flags"`     // alike but for the flags
	Twice     int    `json:"twice"`     // copies beyond those in the source

	Refused    int           `json:"refused"`              // by the source or the target, and not in the target as far as is known
	Refusals   []CopyRefusal `json:"refusals,omitempty"`   // the first few of them
	Uncompared bool          `json:"uncompared,omitempty"` // nothing was compared: only Copied, There and what was refused are known
}

// CopyRefusal is a message that could not be copied because the source or the target refused it.
type CopyRefusal struct {
	Mailbox   string `json:"mailbox"` // of the source
	UID       uint32 `json:"uid"`
	MessageID string `json:"message_id,omitempty"` // none: it has none, or the source would not give it
	Reason    string `json:"reason"`
	Tries     int    `json:"tries"`
}

// Right tells whether everything is in the target, once and unchanged, as far as is known.
func (a *AccountCopies) Right() bool {
	return a.Missing+a.Differing+a.Flags+a.Twice == 0 && !(a.Uncompared && a.Refused > 0)
}

// Follow takes in what was told of the same account and pass later. A comparison holds until the next one.
func (a *AccountCopies) Follow(later AccountCopies) {
	if !later.Uncompared || a.Uncompared {
		*a = later
		return
	}
	a.Copied, a.There, a.Refused, a.Refusals = later.Copied, later.There, later.Refused, later.Refusals
}

// Sums adds up the accounts of each pass, passes in the order core, deferred, all; Account is the number of accounts. wrong are
// those accounts that are not right.
func (c *Copies) Sums() (passes []AccountCopies, wrong []AccountCopies) {
	if c == nil {
		return nil, nil
	}
	for _, pass := range []string{"core", "deferred", "all"} {
		sum := AccountCopies{Pass: pass}
		for _, a := range c.Accounts {
			if a.Pass != pass {
				continue
			}
			sum.Account++
			sum.Copied += a.Copied
			sum.There += a.There
			sum.Source += a.Source
			sum.Alike += a.Alike
			sum.Missing += a.Missing
			sum.Differing += a.Differing
			sum.Flags += a.Flags
			sum.Twice += a.Twice
			sum.Refused += a.Refused
			if !a.Right() {
				wrong = append(wrong, a)
			}
		}
		if sum.Account > 0 {
			passes = append(passes, sum)
		}
	}
	return passes, wrong
}

// WriteCopies writes the comparisons into the run directory, whole or not at all.
func WriteCopies(dir string, c *Copies) error { return writeJSON(dir, CopiesFile, c) }

// mostCopies bounds the file that is read: some 200,000 accounts.
const mostCopies = 64 << 20

// Copies are the comparisons of a migration's two sides; nil where the run made none.
func (r *Run) Copies() (*Copies, error) { return readJSON[Copies](r.Dir, CopiesFile, mostCopies) }
