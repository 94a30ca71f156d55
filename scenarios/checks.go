package scenarios

// Checks says what the platform's answers are held against while it runs.
type Checks struct {
	State bool     `yaml:"state"`              // against what it answered before
	Share *float64 `yaml:"share" unit:"share"` // of the accounts; default all
	Pos   Pos      `yaml:"-"`
}

// Of is the share of the accounts that are checked; 0 where none is.
func (c *Checks) Of() float64 {
	switch {
	case c == nil || !c.State:
		return 0
	case c.Share == nil:
		return 1
	}
	return *c.Share
}

// checks checks the section of that name.
func (c *checker) checks() {
	k := c.Scenario.Checks
	if k == nil || k.Share == nil {
		return
	}
	if *k.Share == 0 {
		c.fail("leave it out, or write share: 20%", "share is 0 %: nothing is checked", k.Pos, "share")
	}
	if !k.State {
		c.failKey("write state: true", "share makes no sense without state: true", k.Pos, "share")
	}
}
