package judge

import (
	"slices"

	"pegel/scenarios"
)

// toCome are the batches to be judged: those of the options, or else of the scenario.
func (r *reading) toCome() []scenarios.Batch {
	switch {
	case r.opt.Plan != nil:
		return r.opt.Plan
	case r.opt.NextBatch > 0:
		return []scenarios.Batch{{Accounts: r.opt.NextBatch}}
	}
	return r.scenario.Wave.Batches
}

// batches judges every batch to come under an assessment.
func (a *assessment) batches() []BatchVerdict {
	var list []BatchVerdict
	after := a.r.live()
	for _, b := range a.r.toCome() {
		after += b.Accounts
		v := BatchVerdict{Name: b.Name, Date: b.Date, Accounts: b.Accounts, After: after}
		a.judge(&v)
		list = append(list, v)
	}
	return list
}

// live is the number of accounts before the next batch.
func (r *reading) live() int {
	if r.scenario.Wave.Live > 0 {
		return r.scenario.Wave.Live
	}
	live := 0
	for i := range r.out.Stages {
		live = max(live, r.out.Stages[i].Live)
	}
	return live
}

// planned sums up the batches: how many of them are go in an unbroken row from the first.
func planned(list []BatchVerdict) *Plan {
	if len(list) == 0 {
		return nil
	}
	p := &Plan{Batches: len(list)}
	for p.Safe < len(list) && list[p.Safe].Verdict == Go {
		p.Safe++
	}
	if p.Safe > 0 {
		p.Last = &list[p.Safe-1]
	}
	if p.Safe < len(list) {
		p.First = &list[p.Safe]
	}
	switch {
	case p.First == nil && p.Last.Date != "":
		p.Summary = Say("plan-all-date", p.Batches, p.Last.Date)
	case p.First == nil:
		p.Summary = Say("plan-all", p.Batches)
	case p.Last == nil && list[0].Unknown && list[0].Verdict != NoGo:
		p.Summary = Say("plan-unknown")
		if i := slices.IndexFunc(list, func(v BatchVerdict) bool { return v.Verdict == NoGo }); i > 0 {
			p.Summary = Say("plan-unknown-until", list[i].title())
		}
	case p.Last == nil:
		p.Summary = Say("plan-none", p.First.title())
	case p.Last.Date != "":
		p.Summary = Say("plan-until-date", p.Last.title(), p.Last.Date, p.First.title())
	default:
		p.Summary = Say("plan-until", p.Last.title(), p.First.title())
	}
	return p
}

// title names a batch, by its accounts where it has no name.
func (v *BatchVerdict) title() Message {
	if v.Name != "" {
		return Say("batch-named", v.Name)
	}
	return Say("batch-of", v.Accounts)
}
