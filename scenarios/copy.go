package scenarios

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
)

// Copy is the migration's own load: the concurrency of the copying persona and its rate limit. It has two passes for each
// mailbox: the core pass by day, of the newest mail, and the deferred one, of all that is older.
type Copy struct {
	Concurrency int           `yaml:"concurrency"` // copying users; 0: no copy traffic
	Rate        float64       `yaml:"rate"`        // at most this many copy operations per second over all; 0: not limited
	Bandwidth   string        `yaml:"bandwidth"`   // at most this many bytes per second towards the platform over all, such as 5MB/s; "": not limited
	Stages      string        `yaml:"stages"`      // "all" (default), "alternate": on in every second stage, beginning with the first, "experiment": each load without and with, or "none"
	Core        *CoreCopy     `yaml:"core"`        // nil: nothing is said of it
	Deferred    *DeferredCopy `yaml:"deferred"`
}

// CoreCopy is the pass that the stages run.
type CoreCopy struct {
	Days int `yaml:"days"` // the newest mail, of so many days; a step imap.copy that says neither days nor older takes it
	Pos  Pos `yaml:"-"`
}

// DeferredCopy is the pass that situations with copy: deferred run.
type DeferredCopy struct {
	At          string  `yaml:"at"`          // "night", or hours such as 22:00-06:00: when it runs; told, and no more
	Concurrency int     `yaml:"concurrency"` // default: that of the core pass
	Rate        float64 `yaml:"rate"`        // default: that of the core pass
	Pos         Pos     `yaml:"-"`
}

// Pass is a copy pass: NoPass, CorePass or DeferredPass. A persona's is written true for the core pass.
type Pass string

// Copy passes.
const (
	NoPass       Pass = ""
	CorePass     Pass = "core"
	DeferredPass Pass = "deferred"
)

func (p *Pass) decodeNode(d *decoder, n *node) {
	const hint = "write copy: true, copy: core or copy: deferred"
	switch passes := []string{string(CorePass), string(DeferredPass)}; {
	case n.kind == boolNode:
		var on bool
		d.value(n, reflect.ValueOf(&on).Elem())
		if *p = NoPass; on {
			*p = CorePass
		}
	case n.kind == textNode && slices.Contains(passes, n.text):
		*p = Pass(n.text)
	case n.kind == textNode && Nearest(n.text, passes) != "":
		d.fail(n.pos, didYouMean(n.text, passes), "unknown copy pass %s", n.describe())
	default:
		d.want(n, hint, "true, core or deferred")
	}
}

// Of is how many users copy in a pass and at most how many operations per second they do, 0 being no limit.
func (c *Copy) Of(pass Pass) (concurrency int, rate float64) {
	if pass == NoPass {
		return 0, 0
	}
	concurrency, rate = c.Concurrency, c.Rate
	if d := c.Deferred; pass == DeferredPass && d != nil {
		if d.Concurrency > 0 {
			concurrency = d.Concurrency
		}
		if d.Rate > 0 {
			rate = d.Rate
		}
	}
	return concurrency, rate
}

// Days is the age of mail, in days, at which the passes part; 0: the scenario does not say.
func (c *Copy) Days() int {
	if c.Core == nil {
		return 0
	}
	return c.Core.Days
}

// Limit gives decoded parameters of a copying step the mail of its pass: the struct's days or older becomes that of the scenario where
// it has both and a step said neither.
func (c *Copy) Limit(pass Pass, params any) {
	v := reflect.ValueOf(params)
	if c.Days() == 0 || pass == NoPass || v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return
	}
	fields := map[string]reflect.Value{}
	tagged(v.Elem(), fields, map[string]bool{})
	days, older := fields["days"], fields["older"]
	if !days.IsValid() || !older.IsValid() || days.Kind() != reflect.Int || older.Kind() != reflect.Int || days.Int() != 0 || older.Int() != 0 {
		return
	}
	if pass == CorePass {
		days.SetInt(int64(c.Days()))
	} else {
		older.SetInt(int64(c.Days()))
	}
}

// copies checks that copy traffic has both a persona and a concurrency.
func (c *checker) copies() {
	copying := map[Pass][]int{}
	for i, p := range c.Personas {
		if p.Copy != NoPass {
			copying[p.Copy] = append(copying[p.Copy], i)
		}
	}
	core, deferred := copying[CorePass], copying[DeferredPass]
	w := c.Wave.Copy
	switch {
	case w.Concurrency < 0:
		c.fail("", "concurrency must not be negative", c.Wave.Pos, "copy", "concurrency")
	case w.Concurrency > 0 && len(core)+len(deferred) == 0:
		c.fail("give the copying persona copy: true", "copy traffic has a concurrency, but no persona copies", c.Wave.Pos, "copy", "concurrency")
	case len(core) == 1 && w.Concurrency > 0 && c.Personas[core[0]].Count > 0 && c.Personas[core[0]].Count != w.Concurrency:
		c.fail("leave it out", fmt.Sprintf("count differs from wave.copy.concurrency, which is %d", w.Concurrency),
			Pos{}, "personas", strconv.Itoa(core[0]), "count")
	}
	for pass, hint := range map[Pass]string{CorePass: "write wave: {copy: {concurrency: 4}}", DeferredPass: "write wave: {copy: {deferred: {concurrency: 4}}}"} {
		for _, i := range copying[pass] {
			if n, _ := w.Of(pass); n == 0 {
				c.failKey(hint, fmt.Sprintf("persona %q copies, but wave.copy.concurrency is not above 0", c.Personas[i].Name),
					Pos{}, "personas", strconv.Itoa(i), "copy")
			}
		}
	}
	if w.Rate < 0 {
		c.fail("", "rate must not be negative", c.Wave.Pos, "copy", "rate")
	}
	if _, ok := bandwidth(w.Bandwidth); w.Bandwidth != "" && !ok {
		c.fail("write bandwidth: 5MB/s", fmt.Sprintf("%q is no number of bytes a second", w.Bandwidth), c.Wave.Pos, "copy", "bandwidth")
	}
	stages := []string{"all", "alternate", "experiment", "none"}
	if w.Stages != "" && !slices.Contains(stages, w.Stages) {
		c.fail(didYouMean(w.Stages, stages), fmt.Sprintf("unknown stages %q", w.Stages), c.Wave.Pos, "copy", "stages")
	}
	c.passes(len(deferred) > 0)
}

// passes checks what is said of the two passes.
func (c *checker) passes(deferred bool) {
	if w := c.Wave.Copy.Core; w != nil && w.Days <= 0 {
		c.fail("write days: 7", "days of the core pass must be above 0", w.Pos, "days")
	}
	d := c.Wave.Copy.Deferred
	if d == nil {
		return
	}
	if _, _, ok := hours(d.At); d.At != "" && d.At != "night" && !ok {
		c.fail(`write at: night, or at: "22:00-06:00"`, fmt.Sprintf("%q is no time of the day", d.At), d.Pos, "at")
	}
	for key, n := range map[string]float64{"concurrency": float64(d.Concurrency), "rate": d.Rate} {
		switch {
		case n < 0 || c.has(d.Pos, key) && n == 0:
			c.fail("leave it out to take that of the core pass", key+" must be above 0", d.Pos, key)
		case n > 0 && !deferred:
			c.failKey("give a persona copy: deferred", "the deferred pass has nobody who copies", d.Pos, key)
		}
	}
}
