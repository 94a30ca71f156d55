package scenarios

import (
	"fmt"
	"time"
)

// Delivery says that account is kept of the mail that personas send: whether each message arrives once, in the INBOX of
// its recipient.
type Delivery struct {
	Check  bool     `yaml:"check"`
	Wait   Duration `yaml:"wait"`   // how long after the last 250 a message may arrive before it counts as lost; default 30s
	Sweep  *bool    `yaml:"sweep"`  // mailboxes are looked through after the run; default true
	Target string   `yaml:"target"` // where they are; default imap
	Pos    Pos      `yaml:"-"`
}

// DefaultWait is how long mail may take to arrive where the scenario does not say.
const DefaultWait = 30 * time.Second

// mostWait is longer than anybody waits for the end of a run.
const mostWait = 24 * time.Hour

// Waits is how long mail may take to arrive.
func (d *Delivery) Waits() time.Duration {
	if d.Wait == 0 {
		return DefaultWait
	}
	return d.Wait.D()
}

// Searches tells whether mailboxes are looked through after the run.
func (d *Delivery) Searches() bool { return d.Sweep == nil || *d.Sweep }

// delivery checks the section of that name.
func (c *checker) delivery() {
	d := c.Scenario.Delivery
	if d == nil {
		return
	}
	if c.has(d.Pos, "wait") && (d.Wait <= 0 || d.Wait.D() > mostWait) {
		c.fail("write wait: 30s", "wait must be above 0 and at most 24h", d.Pos, "wait")
	}
	if !d.Searches() && d.Target != "" {
		c.failKey("leave it out", "target makes no sense with sweep: false", d.Pos, "target")
	}
	if c.read("targets") && d.Target != "" {
		if _, ok := c.Targets.ByName[d.Target]; !ok {
			c.fail(didYouMean(d.Target, names(c.Targets.ByName)), fmt.Sprintf("unknown target %q", d.Target), d.Pos, "target")
		}
	}
}
