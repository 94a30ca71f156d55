package probe

// Copies is what is known of one account's pass of the migration: what a comparison of source and target came to, or only what was
// copied and refused. All but Copied, There and Refused count messages of the comparison.
type Copies struct {
	Pass       string // core, deferred, or all
	Uncompared bool   // nothing was compared since

	Copied int // by this run
	There  int // lay in the target already when this run first looked

	Refused  int       // by the source or the target, and not in the target as far as is known
	Refusals []Refusal // some of them, at most MostRefusals

	Source    int // messages of the source that belong to the pass
	Alike     int // of them: in the target with the same digest, date and flags
	Missing   int // not in the target
	Differing int // in the target with another digest or date
	Flags     int // in the target with other flags, else alike
	Twice     int // copies in the target beyond those in the source
}

// MostRefusals is how many refused messages of an account's pass are described.
const MostRefusals = 5

// Refusal is a message of the source that could not be copied because one of the sides refused it.
type Refusal struct {
	Mailbox   string // of the source
	UID       uint32
	MessageID string // "" where it has none, or the source would not give it
	Reason    string // of the last try, without secrets
	Tries     int
}

// Right tells whether everything is in the target, once and unchanged.
func (c *Copies) Right() bool { return c.Missing+c.Differing+c.Flags+c.Twice == 0 }

// Copied tells what is known of a pass, for the turn's account. The last comparison of a pass counts, and the last that was told of
// what was copied and refused.
func (t *Turn) Copied(c Copies) {
	if host, ok := t.host.(interface{ Copied(c Copies) }); ok {
		host.Copied(c)
	}
}
