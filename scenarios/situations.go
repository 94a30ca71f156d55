package scenarios

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Situation is a time that the platform must survive besides the busy hour: a storm of logins, or machines less.
type Situation struct {
	Name   string         `yaml:"name"`
	Logins float64        `yaml:"logins" unit:"share"` // share of the active users that opens its sessions anew Within
	Within Duration       `yaml:"within"`
	Less   map[string]int `yaml:"less"` // machines missing, by the kinds of Environment.Nodes

	// At a number of active users above 0 the situation is played too, as a stage after all others: measured, not only forecast.
	At       int      `yaml:"at"`
	Hold     Duration `yaml:"hold"`     // how long it is measured; default: that of the stages
	Together bool     `yaml:"together"` // the logins come all at once instead of spread over Within, as clients without jitter do
	Copy     string   `yaml:"copy"`     // "core", "deferred" or "none": the copy pass under way; default: as in the stages
	Pos      Pos      `yaml:"-"`
}

// Thresholds say from which probability on that every objective holds a batch is go, and up to which it is no-go.
type Thresholds struct {
	Go   float64 `yaml:"go" unit:"share"`    // default 0.95
	NoGo float64 `yaml:"no_go" unit:"share"` // default 0.5
	Pos  Pos     `yaml:"-"`
}

// Transfer describes production, for a run on staging: how many machines of each kind there are, and how much the step
// from one to the other may be off.
type Transfer struct {
	Nodes       map[string]int `yaml:"nodes"`
	Cores       map[string]int `yaml:"cores"`                    // of one machine; scales resources of the kind cpu
	Uncertainty *float64       `yaml:"uncertainty" unit:"share"` // standard deviation of the logarithm; nil: 15 %
	Pos         Pos            `yaml:"-"`
}

// Default thresholds of the verdict, and the default uncertainty of a transfer.
const (
	DefaultGo          = 0.95
	DefaultNoGo        = 0.50
	DefaultUncertainty = 0.15
)

func (t *Thresholds) decodeNode(d *decoder, n *node) {
	t.Go, t.NoGo = DefaultGo, DefaultNoGo
	d.object(n, reflect.ValueOf(t).Elem(), nil)
}

// Verdict returns the thresholds, the default ones where the scenario has none.
func (s *Scenario) Verdict() Thresholds {
	if s.Thresholds == (Thresholds{}) {
		return Thresholds{Go: DefaultGo, NoGo: DefaultNoGo}
	}
	return s.Thresholds
}

// busyHour is the situation that is always there.
const busyHour = "busy hour"

func (c *checker) situations() {
	seen := map[string]bool{busyHour: true}
	for _, s := range c.Situations {
		switch {
		case s.Name == "":
			c.missing(s.Pos, "name of the situation is", "")
		case strings.EqualFold(s.Name, busyHour):
			c.fail("", "the busy hour is always judged; it needs no entry", s.Pos, "name")
		case seen[s.Name]:
			c.fail("", fmt.Sprintf("situation %q is listed twice", s.Name), s.Pos, "name")
		}
		seen[s.Name] = true
		c.situation(s)
	}
}

func (c *checker) situation(s Situation) {
	logins := c.has(s.Pos, "logins")
	switch {
	case !logins && len(s.Less) == 0 && s.Copy == "":
		c.fail("write logins: 60%, within: 15m, or less: {web: 1}", "the situation changes nothing", s.Pos)
	case logins && s.Logins == 0:
		c.fail("", "logins must be above 0", s.Pos, "logins")
	case logins && s.Within == 0 && !s.Together:
		c.fail("write within: 15m", "logins need a time within which they happen, above 0", s.Pos, "within")
	case !logins && c.has(s.Pos, "within"):
		c.failKey("write logins: 60%", "within makes no sense without logins", s.Pos, "within")
	}
	c.played(s)
	if !c.read("environment") {
		return
	}
	for _, kind := range names(s.Less) {
		n, have := s.Less[kind], c.Environment.Nodes[kind]
		switch {
		case have == 0:
			c.failKey(didYouMean(kind, names(c.Environment.Nodes)), fmt.Sprintf("environment.nodes has no %q", kind), s.Pos, "less", kind)
		case n <= 0:
			c.fail("", fmt.Sprintf("the machines missing of %s must be above 0", kind), s.Pos, "less", kind)
		case n >= have:
			c.fail("", fmt.Sprintf("of %d machines of %s at most %d can be missing", have, kind, have-1), s.Pos, "less", kind)
		}
	}
}

// played checks what belongs to a situation that is played as a stage.
func (c *checker) played(s Situation) {
	if c.has(s.Pos, "at") && s.At <= 0 {
		c.fail("write at: 2000", "at must be above 0", s.Pos, "at")
		return
	}
	for _, key := range []string{"hold", "together", "copy"} {
		if s.At == 0 && c.has(s.Pos, key) {
			c.failKey("write at: 2000 beside it", key+" belongs to a situation that is played at a number of active users", s.Pos, key)
		}
	}
	switch passes := []string{string(CorePass), string(DeferredPass), "none"}; {
	case s.At == 0:
	case c.has(s.Pos, "hold") && s.Hold == 0:
		c.fail("write hold: 2m", "hold must be above 0", s.Pos, "hold")
	case s.Together && s.Logins == 0:
		c.failKey("write logins: 60%", "together makes no sense without logins", s.Pos, "together")
	case s.Copy != "" && !slices.Contains(passes, s.Copy):
		c.fail(didYouMean(s.Copy, passes), fmt.Sprintf("unknown copy pass %q", s.Copy), s.Pos, "copy")
	case s.Copy != "" && s.Copy != "none" && c.read("personas", "wave"):
		if !slices.ContainsFunc(c.Personas, func(p Persona) bool { return p.Copy == Pass(s.Copy) }) {
			c.fail("give a persona copy: "+s.Copy, fmt.Sprintf("no persona does the %s copy pass", s.Copy), s.Pos, "copy")
		}
	}
}

func (c *checker) verdict() {
	v := c.Thresholds
	if v.Pos == (Pos{}) {
		return
	}
	switch {
	case v.Go <= 0 || v.Go >= 1:
		c.fail("write go: 95%", "go must lie between 0 % and 100 %", v.Pos, "go")
	case v.NoGo <= 0 || v.NoGo >= 1:
		c.fail("write no_go: 50%", "no_go must lie between 0 % and 100 %", v.Pos, "no_go")
	case v.NoGo >= v.Go:
		c.fail("", fmt.Sprintf("no_go (%s) must be below go (%s)", percent(v.NoGo), percent(v.Go)), v.Pos)
	}
}

// transfer checks that what is said of production can be held against what was measured.
func (c *checker) transfer() {
	e, t := c.Environment, c.Environment.Transfer
	if t == nil {
		return
	}
	if e.Role != "staging" {
		c.fail("write role: staging", "a transfer makes sense on staging only", t.Pos)
	}
	if len(t.Nodes) == 0 && len(t.Cores) == 0 {
		c.fail("write nodes: {web: 8}", "the transfer says nothing about production", t.Pos)
	}
	for key, given := range map[string]map[string]int{"nodes": t.Nodes, "cores": t.Cores} {
		measured := e.Nodes
		if key == "cores" {
			measured = e.Cores
		}
		for _, kind := range names(given) {
			if given[kind] <= 0 {
				c.fail("", fmt.Sprintf("%s of %s must be above 0", key, kind), t.Pos, key, kind)
			} else if measured[kind] == 0 {
				c.failKey(didYouMean(kind, names(measured)), fmt.Sprintf("environment.%s has no %q to be compared with", key, kind), t.Pos, key, kind)
			}
		}
	}
}
