package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"pegel/internal/archive"
	"pegel/internal/engine"
	"pegel/internal/judge"
	"pegel/internal/plan"
	"pegel/scenarios"
)

// decisionDraws is how many bootstrap draws a decision between two stages takes: fewer than the report's, because users
// are kept waiting for it.
const decisionDraws = 100

// settled is how long after a hold its last row is waited for: the platform's counters are read each second, and the value
// that closes the hold comes after it.
const settled = time.Second

// chooser chooses the stages of an adaptive run: it judges the archive as it has been written so far, and asks the
// forecast. It reads nothing that the finished archive will not hold.
type chooser struct {
	driving  *driving
	writer   *archive.Writer
	progress *progress
	keep     func(error)          // of a failure to write
	now      func() time.Duration // the run's clock

	mu    sync.Mutex
	until time.Duration // up to which intervals are in the archive
	more  chan struct{} // closed when there are more
}

// interval notes that the intervals up to end are in the archive.
func (c *chooser) interval(end time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.until = end
	if c.more != nil {
		close(c.more)
		c.more = nil
	}
}

// wait returns when the intervals up to a time are in the archive; it is false where ctx ended before.
func (c *chooser) wait(ctx context.Context, until time.Duration) bool {
	for {
		c.mu.Lock()
		if c.until >= until {
			c.mu.Unlock()
			return true
		}
		if c.more == nil {
			c.more = make(chan struct{})
		}
		more := c.more
		c.mu.Unlock()
		select {
		case <-more:
		case <-ctx.Done():
			return false
		}
	}
}

// next is the engine's NextStage.
func (c *chooser) next(ctx context.Context, done []engine.StageResult) (plan.Stage, bool) {
	if !c.wait(ctx, done[len(done)-1].To+settled) {
		return plan.Stage{}, false
	}
	result, err := c.judge()
	if err != nil {
		c.keep(err) // without judging there is nothing to go on by; the run ends, and what is archived can be judged again
		return plan.Stage{}, false
	}
	p := c.driving.plan
	users, ok, why := judge.NextStage(result, judge.NextOptions{
		From: p.Stages[0].Users, To: p.To, Precision: c.driving.scenario.Load.Precision, Stages: p.Most,
	})
	e := archive.Event{At: c.now(), Kind: archive.EventChoice, Text: why.String()}
	if f := &result.Forecast; f.Determined {
		e.Capacity = []float64{f.Users.P05, f.Users.P50, f.Users.P95}
	}
	var stage plan.Stage
	if ok {
		before := make([]plan.Stage, len(done))
		for i := range done {
			before[i] = done[i].Stage
		}
		stage = p.Next(before, users)
		e.Stage = archiveStage(&stage)
	}
	c.keep(c.writer.Event(e))
	c.progress.choice(&e)
	return stage, ok
}

// judge judges the archive as far as it has been written.
func (c *chooser) judge() (*judge.Result, error) {
	if err := c.writer.Sync(); err != nil {
		return nil, err
	}
	run, err := archive.Open(c.driving.dir)
	if err != nil {
		return nil, err
	}
	return judge.Judge(run, c.driving.scenario, judge.Options{Draws: decisionDraws})
}

// search is what `pegel run --find-capacity` asks for.
type search struct {
	precision        string // "": the scenario's
	maxUsers, stages int    // 0: chosen here
}

// override is the shape of the load that finds the capacity of a scenario's platform, as a value for --set, and what was
// chosen in words. The load begins with the scenario's lowest stage; it ends with maxUsers, or at four times the highest
// stage, but never needs more accounts than there are.
func (f search) override(p *plan.Plan) (set, said string, err error) {
	shape := p.Scenario.Load.Stages
	if first := &p.Stages[0]; shape.Hold == 0 { // a day or a soak
		shape.Ramp, shape.Settle, shape.Hold = scenarios.Duration(first.Ramp), scenarios.Duration(first.Settle), scenarios.Duration(first.Hold)
	}
	if p.Scenario.Load.Arrive == scenarios.Together { // the storm of their logins is not what a load is like
		shape.Settle = max(shape.Settle, scenarios.Duration(shape.Hold.D()/5))
		shape.Ramp = max(shape.Ramp, shape.Settle)
	}
	from, to := p.Stages[0].Users, p.To
	for i := range p.Stages {
		from = min(from, p.Stages[i].Users)
		to = max(to, p.Stages[i].Users)
	}
	why := "the scenario's own limit"
	if p.To == 0 {
		to, why = 4*to, "four times the scenario's highest stage"
	}
	if f.maxUsers > 0 {
		to, why = f.maxUsers, "as asked"
	}
	if most := p.MostUsers(to); most < to {
		to, why = most, "all that the accounts are enough for"
	}
	if to < from {
		return "", "", usage("--max-users %d is below the scenario's first stage of %d active users", f.maxUsers, from)
	}
	precision := cmp.Or(f.precision, share(p.Scenario.Load.Precision))
	load := fmt.Sprintf("load={order: adaptive, stages: %s, precision: %s, stages_max: %d%s}",
		stageShape(fmt.Sprintf("from: %d, to: %d", from, to), shape), precision, cmp.Or(f.stages, p.Scenario.Load.StagesMax), silences(p.Scenario))
	return load, fmt.Sprintf("looking for the capacity from %d to at most %d active users (%s), to ± %s", from, to, why, precision), nil
}

// stageShape is load.stages with these users and the times of another.
func stageShape(users string, from scenarios.Stages) string {
	return fmt.Sprintf("{%s, ramp: %s, settle: %s, hold: %s}", users, span(from.Ramp), span(from.Settle), span(from.Hold))
}

// silences are the blackouts of a scenario, which hold whatever else its load becomes; written as a further key of it.
func silences(s *scenarios.Scenario) string {
	var list []string
	for i := range s.Load.Blackout {
		list = append(list, strconv.Quote(s.Load.Blackout[i].String()))
	}
	if len(list) == 0 {
		return ""
	}
	return ", blackout: [" + strings.Join(list, ", ") + "]"
}

// span writes a time span as scenarios read it.
func span(d scenarios.Duration) string {
	return strconv.FormatFloat(d.D().Seconds(), 'f', -1, 64) + "s"
}

func share(x float64) string { return strconv.FormatFloat(100*x, 'g', 6, 64) + "%" }

// precisionOf checks the flag --precision, written 5% or 0.05.
func precisionOf(text string) error {
	number, percent := strings.CutSuffix(text, "%")
	x, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if percent {
		x /= 100
	}
	if err != nil || !(x > scenarios.LeastPrecision && x <= scenarios.WorstPrecision) {
		return usage("--precision %s: write a share such as 5%%, above %s and at most %s", text, share(scenarios.LeastPrecision), share(scenarios.WorstPrecision))
	}
	return nil
}

// replay is the command that plays the stages of an adaptive run again: the command line up to the load, and the loads
// that the archive holds. It is empty where the stages were not chosen during the run.
func replay(run *archive.Run, s *scenarios.Scenario) string {
	begin := run.Meta.Labels[labelReplay]
	var users []string
	for i := range run.Events {
		if e := &run.Events[i]; e.Kind == archive.EventHold && e.Stage != nil && e.Stage.Situation == "" {
			users = append(users, strconv.Itoa(e.Stage.Users))
		}
	}
	if begin == "" || len(users) == 0 {
		return ""
	}
	return begin + " --set " + quote("load={order: listed, stages: "+stageShape("users: ["+strings.Join(users, ", ")+"]", s.Load.Stages)+silences(s)+"}")
}

// shapeOf describes a plan's stages in a few words.
func shapeOf(p *plan.Plan) string {
	length := p.Duration().Round(time.Second)
	if p.To > 0 {
		return fmt.Sprintf("at most %d stages from %d to %d active users, chosen during the run%s, in at most %s", p.Most, p.Stages[0].Users, p.To, beside(p), length)
	}
	text := layout(p)
	var parts []string
	copying := slices.DeleteFunc(slices.Clone(p.Stages), func(s plan.Stage) bool { return s.Copiers == 0 })
	if n := len(copying); n > 0 && n < len(p.Stages) {
		parts = append(parts, fmt.Sprintf("%d with copy traffic", n))
	}
	mixed := slices.DeleteFunc(slices.Clone(p.Stages), func(s plan.Stage) bool { return !s.Mixed })
	if n := len(mixed); n > 0 {
		parts = append(parts, fmt.Sprintf("%d with another mix", n))
	}
	if len(parts) > 0 {
		text += " (" + strings.Join(parts, ", ") + ")"
	}
	return text + beside(p) + " in " + length.String()
}
