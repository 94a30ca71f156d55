package probe

// Copies is what a comparison of source and target came to for one account and one pass of the migration. All but Copied and There
// count messages of the comparison.
type Copies struct {
	Pass string // core, deferred, or all

	Copied int // by this run
	There  int // lay in the target already when this run first looked

	Source    int // messages of the source that belong to the pass
	Alike     int // of them: in the target with the same digest, date and flags
	Missing   int // not in the target
	Differing int // in the target with another digest or date
	Flags     int // in the target with other flags, else alike
	Twice     int // copies in the target beyond those in the source
}

// Right tells whether everything is in the target, once and unchanged.
func (c *Copies) Right() bool { return c.Missing+c.Differing+c.Flags+c.Twice == 0 }

// Copied tells what a comparison of source and target came to, for the turn's account. The last comparison of a pass counts.
func (t *Turn) Copied(c Copies) {
	if host, ok := t.host.(interface{ Copied(c Copies) }); ok {
		host.Copied(c)
	}
}
