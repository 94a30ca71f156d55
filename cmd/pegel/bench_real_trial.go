package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"pegel/cmd/pegel/accuracy"
	"pegel/internal/archive"
	"pegel/internal/engine"
	"pegel/internal/judge"
)

// realTrial is one forecast of real software and the search for its true capacity.
type realTrial struct {
	subject  *subject
	platform *realPlatform
	seed     uint64
	dir      string // of the archives
	env      environment

	out    accuracy.Real
	stages []kneeStage
	share  float64 // of responses that may be above the limit
}

// trial forecasts one subject and measures its capacity.
func (s *subject) trial(ctx context.Context, seed uint64, dir string, env environment) (out accuracy.Real, err error) {
	began := time.Now()
	t := &realTrial{subject: s, seed: seed, dir: dir, env: env}
	t.out = accuracy.Real{Name: s.what, Resource: s.resource, Limit: s.limit}
	if t.platform, err = s.start(ctx, seed); err != nil {
		return t.out, err
	}
	defer func() { err = errors.Join(err, t.platform.Close()) }()
	centre, err := t.forecast(ctx)
	if err == nil {
		err = t.measure(ctx, centre)
	}
	t.out.Seconds = time.Since(began).Seconds()
	return t.out, err
}

// mostAttempts is how often the stages of a forecast are driven where the generator could not keep its beat in one of them.
const mostAttempts = 3

// forecast drives the stages below, and judges and stores what they show; the last attempt counts, whatever it says. It
// returns the load around which the true capacity is looked for.
func (t *realTrial) forecast(ctx context.Context) (centre float64, err error) {
	users := t.subject.before()
	fmt.Fprintf(t.env.stderr, "%s: up to %d users for the forecast\n", t.subject.what, users[len(users)-1])
	var r *judge.Result
	for attempt := 1; ; attempt++ {
		var err error
		if r, err = t.drive(ctx, "forecast-"+strconv.Itoa(attempt), users, shape{hold: "9s", settle: "1500ms"}, judge.Options{}); err != nil {
			return 0, err
		}
		strained := slices.ContainsFunc(r.Stages, func(st judge.StageResult) bool { return !st.Valid })
		if !strained || attempt == mostAttempts {
			break
		}
		fmt.Fprintf(t.env.stderr, "%s: the generator could not keep its beat; once more\n", t.subject.what)
		t.out.Stages, t.stages = nil, nil
		t.out.Warnings = []string{fmt.Sprintf("the stages before the forecast were driven %d times, until the generator kept its beat or at most %d times", attempt+1, mostAttempts)}
	}
	f := &r.Forecast
	t.out.Measured, t.out.Determined, t.out.Users, t.out.Named = f.MeasuredMax, f.Determined, f.Users, f.Limit.Resource
	for _, w := range r.Warnings {
		t.out.Warnings = append(t.out.Warnings, w.String())
	}
	if !f.Determined {
		t.out.Why = f.Why.String()
		return t.subject.nominal(), nil
	}
	return f.Users.P50, nil
}

// shape is how long a stage settles and is held, as a scenario writes it.
type shape struct{ hold, settle string }

// measure drives stages around a load, and further ones where the objective holds in all of them or in none, until the
// load at which it breaks is enclosed. The first is low: all its users arrive together, and the queue of their arrival would
// last for seconds near the capacity. Then the load rises and falls, so that a disturbance of the machine does not lie on
// one side.
func (t *realTrial) measure(ctx context.Context, centre float64) error {
	shares := []float64{0.62, 0.9, 1, 1.08, 1.16, 1.04, 0.95}
	for round := 1; round <= 2; round++ {
		users := loads(centre, shares...)
		fmt.Fprintf(t.env.stderr, "%s: forecast stored; %d to %d users for the true capacity\n", t.subject.what, slices.Min(users), slices.Max(users))
		if _, err := t.drive(ctx, "truth-"+strconv.Itoa(round), users, shape{hold: "18s", settle: "4s"}, judge.Options{Draws: 1}); err != nil {
			return err
		}
		found, side := knee(t.stages, t.share, t.seed)
		switch side {
		case 0:
			t.out.Truth = found
			return nil
		case 1:
			shares = []float64{0.62, 1.1, 1.25, 1.4, 1.6, 1.8}
		default:
			shares = []float64{0.2, 0.35, 0.5, 0.65}
		}
	}
	if t.out.Why == "" {
		t.out.Why = "the objective breaks in none of the stages, or in all"
	}
	return nil
}

// drive plays the loads into an archive, judges it, stores the forecast, and adds its stages to the trial's.
func (t *realTrial) drive(ctx context.Context, name string, users []int, shape shape, opt judge.Options) (*judge.Result, error) {
	s, sets, err := t.subject.scenario(t.platform, t.seed, users, shape, testPasswords(t.env))
	if err != nil {
		return nil, err
	}
	d, err := prepare(s, filepath.Join(t.dir, t.subject.name, name), t.env)
	if err != nil {
		return nil, err
	}
	d.quiet = true
	d.remember(sets, 0, false, fmt.Sprintf("pegel bench real --case %s --seed %d", t.subject.name, t.seed))
	if err := d.drive(ctx); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, engine.ErrStopped
	}
	if err := t.platform.stack.Err(); err != nil {
		return nil, err
	}
	r, err := judged(d.dir, s, opt)
	if err != nil {
		return nil, err
	}
	if err := store(d.dir, r, presentation{}); err != nil {
		return nil, err
	}
	return r, t.add(d.dir, r, strings.HasPrefix(name, "forecast"))
}

// add takes over the stages of a run.
func (t *realTrial) add(dir string, r *judge.Result, before bool) error {
	k := slices.IndexFunc(r.Objectives, func(o judge.ObjectiveResult) bool { return o.Quantile > 0 })
	if k < 0 {
		return fmt.Errorf("no action of the objective was done in %s", dir)
	}
	o := &r.Objectives[k]
	t.out.Objective, t.share = o.Text.String(), 1-o.Quantile
	for i := range r.Stages {
		st := &r.Stages[i]
		row := accuracy.RealStage{Users: st.Users, Before: before, Valid: st.Valid, Failed: st.ErrorShare}
		for _, a := range st.Actions {
			if a.Action == o.Action {
				row.Samples, row.P95, row.Over = int(a.Count), a.Hist.Quantile(o.Quantile), a.Hist.ShareAbove(o.Limit)
			}
		}
		for _, u := range st.Resources {
			if u.Name == t.subject.resource {
				row.InUse, row.Queue = u.InUse, u.Queue
			}
		}
		t.out.Stages = append(t.out.Stages, row)
	}
	run, err := archive.Open(dir)
	if err != nil {
		return err
	}
	more, err := tallies(run, r, o)
	t.stages = append(t.stages, more...)
	return err
}
