package scenarios

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// mostStages bounds a run; a hundred stages of a minute are an afternoon.
const mostStages = 1000

func (c *checker) load() {
	c.shape()
	c.blackouts()
	if c.instead() {
		return
	}
	s, at := c.Load.Stages, c.Load.Stages.Pos
	if at == (Pos{}) {
		c.missing(Pos{}, "load.stages is", "write load: {stages: {from: 10, to: 100, step: 10, hold: 1m}}", "load", "stages")
		return
	}
	switch {
	case c.Load.Order == Adaptive:
		c.adaptive()
	case c.has(at, "users"):
		for _, key := range []string{"from", "to", "step"} {
			if c.has(at, key) {
				c.failKey("leave one of them out", "users and "+key+" exclude each other", at, key)
			}
		}
		c.users(s.Users)
	case len(c.Wave.Batches) == 0 || c.Wave.Live == 0 || c.has(at, "from") || c.has(at, "to") || c.has(at, "step"):
		c.stairs(s)
	} // else the stages follow from the wave: the accounts live now, and after each batch
	if s.Hold == 0 {
		c.fail("write hold: 1m", "hold must be above 0", at, "hold")
	}
	switch {
	case c.has(at, "settle_most") && s.SettleMost <= s.Settle:
		c.fail("leave it out, or give settle: 10s beside it", fmt.Sprintf("settle_most must be above settle, which is %v", s.Settle.D()), at, "settle_most")
	case c.has(at, "hold_most") && s.HoldMost <= s.Hold:
		c.fail("leave it out", "hold_most must be above hold", at, "hold_most")
	case c.has(at, "precision") && s.HoldMost == 0:
		c.fail("add hold_most: 10m", "precision says when a hold is long enough, and needs hold_most", at, "precision")
	case s.HoldMost > 0 && !(s.Precision > 0 && s.Precision < 1):
		c.fail("write precision: 10%", "precision must be above 0 and below 100 %", at, "precision")
	}
	c.order()
	c.experiment()
}

func (c *checker) users(users []int) {
	at := c.Load.Stages.Pos
	if len(users) == 0 || len(users) > mostStages {
		c.fail("", fmt.Sprintf("stages must be from 1 to %d, got %d", mostStages, len(users)), at, "users")
	}
	for i, n := range users {
		switch {
		case n <= 0:
			c.fail("", "users of a stage must be above 0", at, "users", strconv.Itoa(i))
		case i > 0 && n <= users[i-1] && c.Load.Order != Listed:
			c.fail("order: listed takes them as they come, order: randomised shuffles them", fmt.Sprintf("stages must rise, but %d follows %d", n, users[i-1]), at, "users", strconv.Itoa(i))
		}
	}
}

func (c *checker) stairs(s Stages) {
	switch {
	case s.From <= 0:
		c.fail("", "from must be above 0", s.Pos, "from")
	case s.To < s.From:
		c.fail("", fmt.Sprintf("stages must rise, but to is %d and from %d", s.To, s.From), s.Pos, "to")
	case s.Step <= 0:
		c.fail("", "step must be above 0", s.Pos, "step")
	case (s.To-s.From)/s.Step >= mostStages:
		c.fail("", fmt.Sprintf("these would be %d stages: at most %d", (s.To-s.From)/s.Step+1, mostStages), s.Pos, "step")
	}
}

// glob checks a pattern of actions. Of its protocol, if written out, some journey must make use.
func (c *checker) glob(glob string, pos Pos, keys ...string) {
	if _, err := path.Match(glob, ""); err != nil {
		c.fail("write imap.*", fmt.Sprintf("%q is no pattern", glob), pos, keys...)
		return
	}
	protocol, _, dotted := strings.Cut(glob, ".")
	if !c.read("journeys") || strings.ContainsAny(protocol, `*?[\`) {
		return
	}
	used := c.protocols()
	if !slices.Contains(used, protocol) || !dotted {
		var patterns []string
		for _, p := range used {
			patterns = append(patterns, p+".*")
		}
		hint := "the journeys use " + strings.Join(patterns, ", ")
		if near := Nearest(protocol, used); near != "" {
			hint = fmt.Sprintf("did you mean %q?", strings.Replace(glob, protocol, near, 1))
		}
		c.fail(hint, fmt.Sprintf("no journey has an action that matches %q", glob), pos, keys...)
	}
}

// protocols are those that the journeys use, sorted.
func (c *checker) protocols() []string {
	used := map[string]bool{}
	add := func(action string) {
		if p, _, ok := strings.Cut(action, "."); ok {
			used[p] = true
		}
	}
	var walk func(Journey)
	walk = func(j Journey) {
		for _, s := range j {
			add(s.Do)
			walk(s.Steps)
			walk(s.Else)
			for _, b := range s.Parallel {
				walk(b.Steps)
			}
			for _, choice := range s.Choose {
				add(choice.Do)
				walk(choice.Steps)
			}
		}
	}
	for _, j := range c.Journeys {
		walk(j)
	}
	if c.Delivery != nil && c.Delivery.Check {
		add("delivery.inbox")
	}
	return names(used)
}

func (c *checker) objectives() {
	c.abortRules()
	aborts := 0
	for _, o := range c.Objectives {
		switch {
		case o.Action == "" && o.Errors == nil:
			c.fail("", "an objective needs an action, or errors", o.Pos)
		case o.Action == "" && len(o.Limits) > 0:
			c.fail(`write action: "imap.*"`, "a limit of response time needs an action", o.Pos)
		case o.Action != "" && len(o.Limits) == 0 && o.Errors == nil:
			c.fail("add p95: 1s, or errors: 1%", "the objective has no limit", o.Pos)
		}
		for _, l := range o.Limits {
			if l.Max <= 0 {
				key := quantileKey(l.Quantile)
				c.fail("", key+" must be above 0", o.Pos, key)
			}
		}
		if o.Action != "" {
			c.glob(o.Action, o.Pos, "action")
		}
		if c.has(o.Pos, "window") && o.Window == 0 {
			c.fail("leave it out for the whole stage", "window must be above 0", o.Pos, "window")
		}
		if o.Abort == nil {
			continue
		}
		if o.Action != "" {
			c.fail("put it beside errors without an action", "abort counts all actions; it cannot belong to one", o.Pos, "abort")
		}
		if aborts++; aborts > 1 {
			c.fail("", "only one abort rule is possible", o.Pos, "abort")
		}
		if o.Abort.For == 0 {
			c.fail("write for: 20s", "abort needs for, above 0", o.Pos, "abort", "for")
		}
		if o.Abort.Over == 0 && !c.has(c.Field(o.Pos, "abort"), "over") {
			c.missing(o.Pos, "over is", "write over: 5%", "abort")
		} else if o.Abort.Over == 1 {
			c.fail("", "over must be below 100 %, or it never aborts", o.Pos, "abort", "over")
		}
	}
}

// quantileKey is the key that stands for a quantile: p50 for 0.5, p999 for 0.999.
func quantileKey(q float64) string {
	digits := strings.TrimPrefix(strconv.FormatFloat(q, 'f', -1, 64), "0.")
	return "p" + digits + strings.Repeat("0", max(0, 2-len(digits)))
}
