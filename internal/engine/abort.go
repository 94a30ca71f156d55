package engine

import (
	"context"
	"fmt"
	"time"

	"pegel/internal/record"
)

// AbortRule ends the run when something was too much over a whole window: the share of failed actions where Quantile is 0,
// else that quantile of the response times of any one of the actions.
type AbortRule struct {
	Actions  []bool // by index of the plan's actions: those that it is about
	Errors   float64
	Quantile float64
	Over     time.Duration
	For      time.Duration // length of the window
}

// leastSamples is how many actions a window must have to be judged: fewer say nothing about a share or a quantile.
const leastSamples = 20

// guard holds rules against the intervals of a run.
type guard struct {
	rules   []AbortRule
	names   []string // of the actions
	kept    []*record.Interval
	longest time.Duration
}

func newGuard(rules []AbortRule, names []string) *guard {
	g := &guard{rules: rules, names: names}
	for _, r := range rules {
		g.longest = max(g.longest, r.For)
	}
	return g
}

// look takes an interval and says why the run is to end; empty where it is not.
func (g *guard) look(in *record.Interval) string {
	if len(g.rules) == 0 {
		return ""
	}
	g.kept = append(g.kept, in)
	for len(g.kept) > 1 && g.kept[1].Start <= in.End-g.longest {
		g.kept[0] = nil
		g.kept = g.kept[1:]
	}
	for i := range g.rules {
		if why := g.broken(&g.rules[i], in.End); why != "" {
			return why
		}
	}
	return ""
}

// broken says how a rule is broken by the window that ends at a time. Intervals end a little after the full second, and a
// window is whole that lacks less than a tenth of one.
func (g *guard) broken(r *AbortRule, end time.Duration) string {
	from := end - r.For
	if g.kept[0].Start > from+100*time.Millisecond {
		return "" // the run is younger than the window
	}
	var done, failed uint64
	var slow []record.Histogram
	if r.Quantile > 0 {
		slow = make([]record.Histogram, len(g.names))
	}
	for _, in := range g.kept {
		if in.Start < from-500*time.Millisecond {
			continue
		}
		personas := len(in.Series) / max(len(g.names), 1)
		for k, s := range in.Series {
			if s == nil || !r.Actions[k/personas] {
				continue
			}
			done += s.Done()
			failed += s.Failed()
			if slow != nil {
				slow[k/personas].Merge(&s.Response)
			}
		}
	}
	if r.Quantile == 0 {
		if done >= leastSamples && float64(failed) > r.Errors*float64(done) {
			return fmt.Sprintf("error share was %.3g %% in the last %v, above %.3g %%", 100*float64(failed)/float64(done), r.For, 100*r.Errors)
		}
		return ""
	}
	for a := range slow {
		if h := &slow[a]; h.Total >= leastSamples {
			if v := h.Quantile(r.Quantile); v > r.Over {
				return fmt.Sprintf("p%g of %s was %v in the last %v, above %v", 100*r.Quantile, g.names[a], v.Round(time.Millisecond), r.For, r.Over)
			}
		}
	}
	return ""
}

// rampDown lets users leave one after the other instead of all at once, so that the end of an aborted run is no storm of
// its own; an interrupt or the end of ctx ends it.
func (e *engine) rampDown(ctx context.Context, at *atWork) {
	if e.opt.Down <= 0 {
		return
	}
	var all []*user
	for _, list := range append(at.active, at.copiers, at.deferred, at.fixed) {
		all = append(all, list...)
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	begun := e.now()
	for i := len(all) - 1; i >= 0; i-- { // as they came, backwards
		timer.Reset(begun + e.opt.Down*time.Duration(len(all)-1-i)/time.Duration(len(all)) - e.now())
		select {
		case <-timer.C:
		case <-e.opt.Stop:
			return
		case <-ctx.Done():
			return
		}
		all[i].leave()
	}
}
