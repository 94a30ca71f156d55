package doubt

import (
	"math"
	"path"
	"strconv"
	"strings"
	"time"

	"pegel/scenarios"
)

// beyond is how many samples must lie beyond a percentile for it to be judged, as judging has it.
const beyond = 10

// Stages below these are of little use.
const (
	leastUsers  = 10
	leastStages = 3
	leastWaits  = 10 // slowest allowed answers that fit into a stage
)

// objectives doubts what nothing can break, and what too few samples will show.
func (f *finder) objectives() {
	if len(f.s.Objectives) == 0 {
		f.warn("no-objectives", f.s.Field(scenarios.Pos{}), `write objectives: [{action: "web.*", p95: 1s}, {errors: 0.5%}]`, "there is no objective, so no load can be called too much")
	}
	abort := false
	for _, o := range f.s.Objectives {
		abort = abort || o.Abort != nil
		if o.Action != "" {
			f.match(o.Action, f.s.Field(o.Pos, "action"))
			f.samples(o)
		}
	}
	if f.s.Environment.Role == "production" && !abort && len(f.s.Load.Abort) == 0 {
		f.warn("no-abort", f.s.Field(scenarios.Pos{}, "environment", "role"), "write objectives: [{errors: 0.5%, abort: {over: 5%, for: 20s}}]",
			"this is production, and nothing ends the run when it breaks")
	}
	for _, o := range f.s.Observe {
		for _, r := range o.Resources {
			for i, glob := range r.Actions {
				f.match(glob, f.s.Field(r.Pos, "actions", strconv.Itoa(i)))
			}
		}
	}
}

// match doubts a pattern that matches no action of the plan.
func (f *finder) match(glob string, at scenarios.Pos) {
	for _, action := range f.Actions {
		if ok, err := path.Match(glob, action); ok && err == nil {
			return
		}
	}
	hint := ""
	if near := scenarios.Nearest(glob, f.Actions); near != "" {
		hint = "did you mean " + strconv.Quote(near) + "?"
	}
	f.warn("objective-unmatched", at, hint, "nobody does an action that matches %q", glob)
}

// samples doubts a percentile of which even the busiest stage will show too little: of no action that matches there are
// enough samples.
func (f *finder) samples(o scenarios.Objective) {
	span := f.longestHold()
	if w := o.Window.D(); w > 0 {
		span = min(span, w)
	}
	if span == 0 {
		return
	}
	name, most := "", 0.0
	for _, a := range f.load.Actions {
		if ok, err := path.Match(o.Action, a.Name); ok && err == nil && a.PerHour > most {
			name, most = a.Name, a.PerHour
		}
	}
	if strings.HasSuffix(name, ".connect") || strings.HasSuffix(name, ".login") {
		return // opening sessions happens when users come, and in situations
	}
	for _, limit := range o.Limits {
		need, expected := math.Round(beyond/(1-limit.Quantile)), most*span.Hours()
		if name == "" || expected >= need {
			continue
		}
		key := "p" + strings.TrimPrefix(strconv.FormatFloat(limit.Quantile, 'f', -1, 64), "0.")
		if len(key) == 2 {
			key += "0"
		}
		f.warn("few-samples", f.s.Field(o.Pos, key), "hold the stages longer, or take a lower percentile",
			"%s needs %.0f samples; of %s, the commonest, the busiest stage will have about %.0f in %v", key, need, name, expected, span)
	}
}

// stages doubts loads that teach little.
func (f *finder) stages() {
	pos := f.s.Load.Stages.Pos
	if pos == (scenarios.Pos{}) {
		pos = f.s.Load.Pos
	}
	loads := map[int]bool{}
	least := math.MaxInt
	for i := range f.Stages {
		loads[f.Stages[i].Users] = true
		least = min(least, f.Stages[i].Users)
	}
	if f.To == 0 && len(loads) < leastStages && f.s.Load.Soak == nil {
		f.warn("few-stages", pos, "take three loads or more, or order: adaptive", "%d different loads: a forecast has little to learn from", len(loads))
	}
	if least < leastUsers {
		f.warn("small-stage", pos, "begin with at least ten users", "a stage has %d active users: what one of them does decides its figures", least)
	}
	var slowest, window time.Duration
	for _, o := range f.s.Objectives {
		for _, l := range o.Limits {
			slowest = max(slowest, l.Max)
		}
		window = max(window, o.Window.D())
	}
	hold := f.longestHold()
	switch {
	case hold > 0 && window > hold:
		f.warn("short-hold", f.s.Field(pos, "hold"), "hold the stages longer, or shorten the window", "stages are held for %v, an objective's window takes %v", hold, window)
	case hold > 0 && hold < leastWaits*slowest:
		f.warn("short-hold", f.s.Field(pos, "hold"), "hold the stages longer", "stages are held for %v, while an answer may take %v: the platform has hardly settled then", hold, slowest)
	}
}

// longestHold is the longest time that a stage is measured.
func (f *finder) longestHold() time.Duration {
	var longest time.Duration
	for i := range f.Stages {
		longest = max(longest, f.Stages[i].Hold)
	}
	return longest
}
