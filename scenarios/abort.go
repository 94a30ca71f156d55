package scenarios

import (
	"slices"
	"strings"
	"time"
)

// AbortRule ends a run when something was too much over a whole window of length For: the share of failed actions, a
// quantile of the response time of an action, or what was in use of a resource of the platform or waited for it, on
// average.
type AbortRule struct {
	Action   string   `yaml:"action"`              // glob; empty with errors: all actions together
	Errors   *float64 `yaml:"errors" unit:"share"` // exactly one of this and the following
	P50      Duration `yaml:"p50"`
	P95      Duration `yaml:"p95"`
	P99      Duration `yaml:"p99"`
	Queue    *float64 `yaml:"queue"`
	InUse    *float64 `yaml:"in_use"`
	Resource string   `yaml:"resource"` // PAGE.RESOURCE of observe
	For      Duration `yaml:"for"`
	Pos      Pos      `yaml:"-"`
}

// longestWindow bounds what a rule must remember.
const longestWindow = 2 * time.Minute

// Quantile is that of response times which the rule is about, with its limit; ok is false where it is about another thing.
func (r *AbortRule) Quantile() (q float64, over time.Duration, ok bool) {
	switch {
	case r.P50 > 0:
		return 0.5, r.P50.D(), true
	case r.P95 > 0:
		return 0.95, r.P95.D(), true
	case r.P99 > 0:
		return 0.99, r.P99.D(), true
	}
	return 0, 0, false
}

// abortRules checks load.abort.
func (c *checker) abortRules() {
	for _, r := range c.Load.Abort {
		var given []string
		for _, key := range []string{"errors", "p50", "p95", "p99", "queue", "in_use"} {
			if c.has(r.Pos, key) {
				given = append(given, key)
			}
		}
		if len(given) != 1 {
			c.fail("write one rule for each", "an abort rule needs exactly one of errors, p50, p95, p99, queue and in_use", r.Pos)
			continue
		}
		key := given[0]
		_, _, timed := r.Quantile()
		switch {
		case strings.HasPrefix(key, "p") && !timed:
			c.fail("", key+" must be above 0", r.Pos, key)
		case timed && r.Action == "":
			c.fail(`write action: "imap.*"`, "a rule on response times needs an action", r.Pos)
		case key == "errors" && *r.Errors >= 1:
			c.fail("", "errors must be below 100 %, or it never aborts", r.Pos, key)
		case key == "queue" || key == "in_use":
			c.observed(r, key)
		case r.Resource != "":
			c.fail("write queue or in_use", "a resource has no "+key, r.Pos, "resource")
		}
		if r.Action != "" {
			c.glob(r.Action, r.Pos, "action")
		}
		switch {
		case r.For <= 0:
			c.fail("write for: 20s", "an abort rule needs for, above 0", r.Pos, "for")
		case r.For.D() > longestWindow:
			c.fail("", "for is at most 2m", r.Pos, "for")
		}
	}
}

// observed checks a rule on a resource of the platform.
func (c *checker) observed(r AbortRule, key string) {
	if r.Action != "" {
		c.fail("leave it out", "a rule on a resource has no action", r.Pos, "action")
	}
	var names []string
	for _, page := range c.Observe {
		if page.Software != "" && strings.HasPrefix(r.Resource, page.Name+".") {
			return // it may be found
		}
		for _, res := range page.Resources {
			names = append(names, page.Name+"."+res.Name)
			if page.Name+"."+res.Name == r.Resource && (key == "queue" && res.Queue == "" || key == "in_use" && res.InUse == "") {
				c.fail("give its selector under observe", "nothing tells "+key+" of "+r.Resource, r.Pos, key)
			}
		}
	}
	switch {
	case r.Resource == "":
		c.fail("write resource: PAGE.NAME, as under observe", key+" needs a resource", r.Pos)
	case !slices.Contains(names, r.Resource):
		c.fail(didYouMean(r.Resource, names), "no resource under observe is called "+r.Resource, r.Pos, "resource")
	}
}
