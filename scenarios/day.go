package scenarios

import (
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"time"
)

// Day is a time-of-day profile: one stage for each hour, with its share of the users of the busiest.
type Day struct {
	Peak  int             `yaml:"peak"`  // active users in the busiest hour
	Hours map[int]float64 `yaml:"hours"` // hour 0–23: share of Peak; or Shape
	Shape string          `yaml:"shape"` // Office: the one that ships with pegel
	Hour  Duration        `yaml:"hour"`  // how long an hour takes in the run; default 1h
	Pos   Pos             `yaml:"-"`
}

// Office is the name of the profile that ships with pegel.
const Office = "office"

// office is an assumed day of an administration: two peaks around the lunch break. It is no measurement.
func office() map[int]float64 {
	day := map[int]float64{}
	for hour := range 24 {
		day[hour] = 0.02
	}
	for i, share := range []float64{0.05, 0.30, 0.85, 1, 0.95, 0.85, 0.55, 0.75, 0.90, 0.75, 0.45, 0.20, 0.10, 0.05} {
		day[6+i] = share
	}
	return day
}

// Users are the active users of the hours in the order of the day, at least one in each.
func (d *Day) Users() []int {
	shares := d.Hours
	if d.Shape == Office {
		shares = office()
	}
	var list []int
	for _, hour := range slices.Sorted(maps.Keys(shares)) {
		list = append(list, max(1, int(math.Round(float64(d.Peak)*shares[hour]))))
	}
	return list
}

func (d *Day) decodeNode(dec *decoder, n *node) {
	d.Hour = Duration(time.Hour)
	dec.object(n, reflect.ValueOf(d).Elem(), map[string]func(entry){
		"hours": func(e entry) {
			if e.value.kind != mapNode {
				dec.want(e.value, "write hours: {8: 60%, 9: 100%}", "a mapping of hours to shares")
				return
			}
			d.Hours = map[int]float64{}
			for _, one := range e.value.entries {
				hour, err := strconv.Atoi(one.key)
				if err != nil || hour < 0 || hour > 23 || strconv.Itoa(hour) != one.key {
					dec.fail(one.pos, "write a whole number from 0 to 23", "%q is no hour of the day", one.key)
					continue
				}
				var share float64
				dec.shareField(one.value, reflect.ValueOf(&share).Elem())
				d.Hours[hour] = share
			}
		},
	})
}

// Soak holds one load for a long time, cut into stages so that drift shows.
type Soak struct {
	Users int      `yaml:"users"`
	For   Duration `yaml:"for"`
	Cut   Duration `yaml:"cut"` // length of a stage; default 1h, at least ten stages
	Pos   Pos      `yaml:"-"`
}

// leastSoakStages is what drift is seen with.
const leastSoakStages = 10

// Cuts are how many stages the soak has and how long each is.
func (s *Soak) Cuts() (n int, length time.Duration) {
	cut := s.Cut.D()
	if cut == 0 {
		cut = min(time.Hour, s.For.D()/leastSoakStages)
	}
	if cut <= 0 {
		return 0, 0
	}
	n = max(1, int(s.For.D()/cut))
	return n, s.For.D() / time.Duration(n)
}

// Together is the value of load.arrive for users who come all at once.
const Together = "together"

// decodeNode leaves out the settle time where everybody comes at once and none was asked for: the storm itself is measured.
func (l *LoadShape) decodeNode(d *decoder, n *node) {
	d.object(n, reflect.ValueOf(l).Elem(), nil)
	if l.Arrive != Together || n.kind != mapNode {
		return
	}
	for _, e := range n.entries {
		if e.key == "stages" && e.value.kind == mapNode && !slices.ContainsFunc(e.value.entries, func(e entry) bool { return e.key == "settle" && e.value.text != "auto" }) {
			l.Stages.Settle = 0
		}
	}
}

// instead checks what may stand instead of load.stages; it is false where the stages are to be checked.
func (c *checker) instead() bool {
	l := c.Load
	var given []string
	for key, is := range map[string]bool{"stages": c.has(l.Pos, "stages"), "day": l.Day != nil, "soak": l.Soak != nil} {
		if is {
			given = append(given, key)
		}
	}
	slices.Sort(given)
	if l.Day == nil && l.Soak == nil {
		return false
	}
	if len(given) > 1 {
		c.failKey("leave one of them out", given[0]+" and "+given[1]+" exclude each other", l.Pos, given[1])
		return true
	}
	if c.Wave.Copy.Stages == "experiment" {
		c.fail("write all, none or alternate", fmt.Sprintf("with %s, an experiment needs stages", given[0]), c.Wave.Pos, "copy", "stages")
	}
	for key, why := range map[string]string{
		"order":      "the stages keep the order of time",
		"experiment": "an experiment needs stages",
		"precision":  "precision belongs to adaptive stages",
		"stages_max": "stages_max belongs to adaptive stages",
		"arrive":     "everybody at once needs stages",
	} {
		if c.has(l.Pos, key) {
			c.failKey("leave it out", fmt.Sprintf("with %s, %s", given[0], why), l.Pos, key)
		}
	}
	if l.Day != nil {
		c.day()
	} else {
		c.soak()
	}
	return true
}

func (c *checker) day() {
	d := c.Load.Day
	shapes := []string{Office}
	switch hours := c.has(d.Pos, "hours"); {
	case hours && d.Shape != "":
		c.failKey("leave one of them out", "hours and shape exclude each other", d.Pos, "shape")
	case !hours && d.Shape == "":
		c.missing(d.Pos, "hours or shape is", "write shape: office, or hours: {8: 60%, 9: 100%}")
	case d.Shape != "" && !slices.Contains(shapes, d.Shape):
		c.fail(didYouMean(d.Shape, shapes), fmt.Sprintf("unknown shape %q", d.Shape), d.Pos, "shape")
	case hours && len(d.Hours) == 0:
		c.fail("write hours: {8: 60%, 9: 100%}", "the day has no hours", d.Pos, "hours")
	}
	if d.Peak <= 0 {
		c.fail("write peak: 5000", "peak must be above 0", d.Pos, "peak")
	}
	for _, hour := range slices.Sorted(maps.Keys(d.Hours)) {
		if d.Hours[hour] == 0 {
			c.fail("leave it out; hours that are not listed are not played", "an hour without users", d.Pos, "hours", strconv.Itoa(hour))
		}
	}
	if d.Hour.D() < 12*time.Second {
		c.fail("", "an hour must take at least 12s", d.Pos, "hour")
	}
}

func (c *checker) soak() {
	s := c.Load.Soak
	if s.Users <= 0 {
		c.fail("write users: 2000", "users of the soak must be above 0", s.Pos, "users")
	}
	if s.For == 0 {
		c.fail("write for: 7d", "for must be above 0", s.Pos, "for")
		return
	}
	n, length := s.Cuts()
	switch {
	case c.has(s.Pos, "cut") && s.Cut == 0:
		c.fail("leave it out for an hour", "cut must be above 0", s.Pos, "cut")
	case s.Cut > s.For:
		c.fail("", "a stage cannot be longer than the soak", s.Pos, "cut")
	case n > mostStages:
		c.fail("raise cut", fmt.Sprintf("these would be %d stages: at most %d", n, mostStages), s.Pos, "for")
	case length < 2*time.Second:
		c.fail("", fmt.Sprintf("a stage would last %v: at least 2s", length), s.Pos, "for")
	}
	if c.has(c.Load.Pos, "replicate") {
		c.failKey("make it longer: for: 7d", "a soak is one load; it cannot be replicated", c.Load.Pos, "replicate")
	}
}

// shape checks what holds for every shape of the load.
func (c *checker) shape() {
	l := c.Load
	if c.has(l.Pos, "replicate") {
		switch n := max(1, c.stageCount()); {
		case l.Replicate < 1 || l.Replicate > mostStages || n*l.Replicate > mostStages:
			c.fail("", fmt.Sprintf("replicate must be at least 1, and at most %d stages result", mostStages), l.Pos, "replicate")
		case l.Order == Adaptive:
			c.failKey("leave it out", "adaptive stages are chosen during the run; they cannot be replicated", l.Pos, "replicate")
		}
	}
	if ways := []string{"ramp", Together}; l.Arrive != "" && !slices.Contains(ways, l.Arrive) {
		c.fail(didYouMean(l.Arrive, ways), fmt.Sprintf("unknown arrive %q", l.Arrive), l.Pos, "arrive")
	}
	if l.Arrive == Together && c.has(l.Stages.Pos, "ramp") && l.Stages.Ramp > 0 {
		c.failKey("leave one of them out", "users who arrive together need no ramp", l.Stages.Pos, "ramp")
	}
}

// stageCount is how many stages one pass through the load has.
func (c *checker) stageCount() int {
	l := c.Load
	switch {
	case l.Day != nil:
		return len(l.Day.Users())
	case len(l.Stages.Users) == 0 && l.Stages.Step > 0:
		return (l.Stages.To-l.Stages.From)/l.Stages.Step + 1
	}
	return max(len(l.Stages.Users), len(c.Wave.Batches))
}
