package scenarios

import (
	"fmt"
	"reflect"
	"slices"
)

// Orders of the stages.
const (
	Rising     = "rising"
	Randomised = "randomised"
	Listed     = "listed"   // as load.stages.users lists them, which may fall and repeat
	Adaptive   = "adaptive" // chosen during the run by the forecast so far
)

// Defaults of adaptive stages. Six stages reached 1 to 3.5 % on simulated platforms; ten leave room for repeats.
const (
	defaultPrecision = 0.10
	defaultMost      = 10
	defaultMix       = 0.30
	worstMix         = 0.90
)

// LeastPrecision and WorstPrecision bound load.precision; the first itself is not allowed.
const (
	LeastPrecision = 0.005
	WorstPrecision = 0.50
)

// Experiment says which effects the stages are to tell apart from that of the number of users. Written true for all of
// them, or as a mapping of the wanted ones.
type Experiment struct {
	Copy    bool    `yaml:"copy"`             // each load twice, without and with copy traffic, in the order ABBA
	Mix     float64 `yaml:"mix" unit:"share"` // two stages more at a middle load, each persona's share changed by this part of it; 0: none
	Repeat  bool    `yaml:"repeat"`           // the first load once more at the end, to see drift
	Arms    string  `yaml:"arms"`             // one of Arms: each load as it is, and with one thing changed; excludes the others
	Group   string  `yaml:"group"`            // with arms one-group
	Sources Sources `yaml:"sources"`          // with arms sources
	All     bool    `yaml:"-"`                // written true: the mix is left out where one persona only is active
	Pos     Pos     `yaml:"-"`
}

func (x *Experiment) decodeNode(d *decoder, n *node) {
	if n.kind == boolNode {
		var on bool
		d.value(n, reflect.ValueOf(&on).Elem())
		x.Pos = n.pos
		if on {
			x.Copy, x.Mix, x.Repeat, x.All = true, defaultMix, true, true
		}
		return
	}
	if n.kind != mapNode {
		d.want(n, "write true, or {copy: true, mix: 30%, repeat: true}", "true, false or a mapping")
		return
	}
	d.object(n, reflect.ValueOf(x).Elem(), nil)
}

// Experiment is what the stages are to tell apart, that of wave.copy.stages included.
func (s *Scenario) Experiment() Experiment {
	x := s.Load.Experiment
	if x.Arms != "" {
		return Experiment{Arms: x.Arms, Group: x.Group, Sources: x.Sources}
	}
	if s.Wave.Copy.Stages == "experiment" {
		x.Copy, x.Repeat = true, true
	}
	if x.All && len(s.mixed()) < 2 {
		x.Mix = 0
	}
	return x
}

// mixed are the personas that share the active users.
func (s *Scenario) mixed() []string {
	var list []string
	for _, p := range s.Personas {
		if s.Activity.ByPersona[p.Name].Mid() > 0 {
			list = append(list, p.Name)
		}
	}
	return list
}

// experiment checks what the stages are to tell apart.
func (c *checker) experiment() {
	x, at := c.Load.Experiment, c.Load.Pos
	if x.Arms != "" || len(x.Sources) > 0 || x.Group != "" {
		c.arms(&x)
		return
	}
	asked, keys, pos := x.Copy, []string{"experiment"}, at
	switch {
	case asked && !x.All:
		keys = append(keys, "copy")
	case c.Wave.Copy.Stages == "experiment":
		asked, keys, pos = true, []string{"copy", "stages"}, c.Wave.Pos
	}
	if asked && c.Wave.Copy.Concurrency == 0 && c.read("wave") {
		c.fail("give wave.copy.concurrency, or write experiment: {mix: 30%, repeat: true} for the mix alone",
			"an experiment with copy traffic, but there is none", pos, keys...)
	}
	switch {
	case x.Mix > worstMix:
		c.fail("write mix: 30%", fmt.Sprintf("mix changes the shares by %s; at most %s", percent(x.Mix), percent(worstMix)), at, "experiment", "mix")
	case x.Mix > 0 && !x.All && len(c.mixed()) < 2 && c.read("personas", "activity"):
		c.fail("leave mix out", "the mix cannot be changed: two personas with an activity are needed", at, "experiment", "mix")
	}
	if c.Load.Order == Adaptive && (asked || x.Mix > 0 || x.Repeat) {
		c.fail("find the capacity first, then experiment at the loads that the run chose", "adaptive stages leave no room for an experiment", c.Load.Pos, "order")
	}
}

// adaptive checks stages that are chosen during the run.
func (c *checker) adaptive() {
	s := c.Load.Stages
	switch {
	case c.has(s.Pos, "users"):
		c.failKey("write stages: {from: 200, to: 12000, hold: 2m}", "adaptive stages are chosen during the run; they cannot be listed", s.Pos, "users")
		return
	case !c.has(s.Pos, "from"):
		c.missing(s.Pos, "from is", "adaptive stages begin at this load: write from: 200")
	case !c.has(s.Pos, "to"):
		c.missing(s.Pos, "to is", "adaptive stages never go above this load: write to: 12000")
	case s.From <= 0:
		c.fail("write from: 200", "from must be above 0", s.Pos, "from")
	case s.To < s.From:
		c.fail("raise to, or lower from", fmt.Sprintf("the highest load is below the first: to is %d and from %d", s.To, s.From), s.Pos, "to")
	}
}

// order checks the stages' order and what belongs to one order only.
func (c *checker) order() {
	at := c.Load.Pos
	orders := []string{Rising, Randomised, Listed, Adaptive}
	if c.Load.Order != "" && !slices.Contains(orders, c.Load.Order) {
		c.fail(didYouMean(c.Load.Order, orders), fmt.Sprintf("unknown order %q", c.Load.Order), at, "order")
	}
	if c.Load.Order == Listed && !c.has(c.Load.Stages.Pos, "users") {
		c.fail("write stages: {users: [100, 200, 200], hold: 2m}", "order: listed needs the list of users", at, "order")
	}
	for _, key := range []string{"precision", "stages_max"} {
		if c.has(at, key) && c.Load.Order != Adaptive {
			c.failKey("write order: adaptive, or leave it out", key+" belongs to adaptive stages", at, key)
		}
	}
	if c.has(at, "precision") && (c.Load.Precision <= LeastPrecision || c.Load.Precision > WorstPrecision) {
		c.fail("write precision: 10%", fmt.Sprintf("a precision of %s: it must be above %s and at most %s",
			percent(c.Load.Precision), percent(LeastPrecision), percent(WorstPrecision)), at, "precision")
	}
	if c.has(at, "stages_max") && (c.Load.StagesMax < 1 || c.Load.StagesMax > mostStages) {
		c.fail("leave it out for ten", fmt.Sprintf("stages_max must be from 1 to %d", mostStages), at, "stages_max")
	}
}
