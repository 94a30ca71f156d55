package judge

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"pegel/internal/capacity"
	"pegel/internal/record"
	"pegel/scenarios"
)

// enough is the number of samples from which on a quantile is judged: ten beyond it.
func enough(quantile float64) uint64 {
	if quantile == 0 {
		return 200
	}
	return uint64(10 / (1 - quantile))
}

// objectives holds every objective against every stage, for each action that it matches.
func (r *reading) objectives() {
	windowed := false
	defer func() {
		if windowed {
			r.warn("window-as-stage")
		}
	}()
	for _, o := range r.scenario.Objectives {
		matched := false
		for _, l := range o.Limits {
			for _, action := range r.out.Meta.Actions {
				if !Matches(o.Action, action) {
					continue
				}
				res := ObjectiveResult{Text: objectiveText(o.Action, l, o.Window.D()), Action: action, Quantile: l.Quantile, Limit: l.Max}
				if r.held(&res, o.Window.D()) {
					matched = true
					r.out.Objectives = append(r.out.Objectives, res)
				}
			}
		}
		if len(o.Limits) > 0 && !matched {
			r.warn("objective-without-samples", o.Action)
		}
		if o.Window > 0 {
			windowed = true
		}
		if o.Errors != nil && o.Action != "" {
			r.warn("errors-not-forecast", Say("objective-errors", capacity.Share(*o.Errors)))
		}
		if o.Errors != nil {
			res := ObjectiveResult{Text: Say("objective-errors", capacity.Share(*o.Errors)), Action: o.Action, MaxErrors: *o.Errors}
			r.errorShare(&res)
			r.out.Objectives = append(r.out.Objectives, res)
		}
	}
}

func objectiveText(glob string, l scenarios.Limit, window time.Duration) Message {
	p := strings.TrimRight(strings.TrimRight(fmt.Sprintf("%.2f", 100*l.Quantile), "0"), ".")
	p = strings.ReplaceAll(p, ".", "")
	if window > 0 {
		return Say("objective-window", glob, p, l.Max, window)
	}
	return Say("objective", glob, p, l.Max)
}

// held fills in the stages; it is false where the action was never seen in any hold.
func (r *reading) held(res *ObjectiveResult, window time.Duration) bool {
	seen := false
	for i := range r.out.Stages {
		st := &r.out.Stages[i]
		if row, ok := r.stageRow(res, st, window); ok {
			seen = true
			r.judgeStage(res, st, row)
		}
	}
	return seen
}

// stageRow holds an objective on response times against one stage; ok is false where the action was not seen in it.
func (r *reading) stageRow(res *ObjectiveResult, st *StageResult, window time.Duration) (row ObjectiveStage, ok bool) {
	k := slices.IndexFunc(st.Actions, func(a ActionStats) bool { return a.Action == res.Action })
	if k < 0 {
		return row, false
	}
	a := &st.Actions[k]
	row = ObjectiveStage{Users: st.Users, Value: a.Hist.Quantile(res.Quantile), Share: a.Hist.ShareAbove(res.Limit), Samples: a.Count}
	row.Enough = a.Count >= enough(res.Quantile) || capacity.Exceeds(row.Share*float64(a.Count), float64(a.Count), 1-res.Quantile)
	if window > 0 {
		row.Value, row.Share = r.worstWindow(st, res, window)
	}
	row.Held = row.Value < res.Limit
	return row, true
}

// worstWindow is the largest quantile that any window of the hold shows, among those with enough samples; of the whole
// hold where none has.
func (r *reading) worstWindow(st *StageResult, res *ObjectiveResult, window time.Duration) (value time.Duration, share float64) {
	personas := len(r.out.Meta.Personas)
	action := slices.Index(r.out.Meta.Actions, res.Action)
	var whole, open record.Histogram
	var from time.Duration
	r.within(st.Start, st.End, func(in *interval) {
		if open.Total == 0 {
			from = in.start
		}
		for p := range personas {
			if s := in.of(action*personas + p); s != nil {
				for _, b := range s.response {
					open.AddBucket(b.index(), b.count())
					whole.AddBucket(b.index(), b.count())
				}
				open.Max, whole.Max = max(open.Max, s.longest), max(whole.Max, s.longest)
			}
		}
		if in.end-from >= window-100*time.Millisecond {
			if open.Total >= enough(res.Quantile) {
				value, share = max(value, open.Quantile(res.Quantile)), max(share, open.ShareAbove(res.Limit))
			}
			open.Reset()
		}
	})
	if value == 0 {
		return whole.Quantile(res.Quantile), whole.ShareAbove(res.Limit)
	}
	return value, share
}

func (r *reading) errorShare(res *ObjectiveResult) {
	for i := range r.out.Stages {
		st := &r.out.Stages[i]
		if row, ok := errorRow(res, st); ok {
			r.judgeStage(res, st, row)
		}
	}
}

// errorRow holds an objective on failures against one stage; ok is false where nothing was done in it.
func errorRow(res *ObjectiveResult, st *StageResult) (row ObjectiveStage, ok bool) {
	var done, failed uint64
	for _, a := range st.Actions {
		if res.Action == "" || Matches(res.Action, a.Action) {
			done += a.Count
			failed += a.Failed
		}
	}
	if done == 0 {
		return row, false
	}
	share := float64(failed) / float64(done)
	return ObjectiveStage{Users: st.Users, Share: share, Samples: done, Enough: done >= enough(0) || capacity.Exceeds(float64(failed), float64(done), res.MaxErrors), Held: share <= res.MaxErrors}, true
}

func (r *reading) judgeStage(res *ObjectiveResult, st *StageResult, row ObjectiveStage) {
	res.Stages = append(res.Stages, row)
	late := st.late() // what the generator itself has made slow
	if row.Held || !row.Enough || late {
		return
	}
	if res.BrokenAt == 0 || st.Users < res.BrokenAt {
		res.BrokenAt = st.Users
	}
	if !st.Beyond {
		res.Broken = true
	}
}
