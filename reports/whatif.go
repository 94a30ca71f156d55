package reports

import (
	"strings"

	"pegel/internal/judge"
)

// whatIf is the section on assumptions: before and after, and the batches then.
type whatIf struct {
	Title   string
	Table   table
	Caption string
	Notes   []string // why a capacity is not determined
	Batches table
	Target  *remedy
}

// remedy is what it takes to carry a load.
type remedy struct {
	Title string
	Table table // the limits to be changed
	Text  []string
}

func (b *builder) whatIf() whatIf {
	var s whatIf
	f := &b.r.Forecast
	if t := f.Target; t != nil {
		s.Target = b.remedy(t)
		s.Target.Title = b.t("target.title", b.asked(t))
	}
	w := f.WhatIf
	if w == nil {
		return s
	}
	s.Title, s.Caption = b.whatIfTitle(w), b.t("what-if.caption", strings.Join(w.Assumed, ", "))
	before, after := f.Situations, w.Situations
	if len(before) == 0 || len(before) != len(after) {
		before = []judge.SituationForecast{{Name: judge.BusyHour, Estimate: w.Before}}
		after = []judge.SituationForecast{{Name: judge.BusyHour, Estimate: w.After}}
	}
	axis := b.scaleOf(before, after)
	s.Notes, s.Table.Cards = b.unknown(after), true
	s.Table.Head = []cell{words(b.t("col.situation")), words(""), number(b.t("col.capacity-interval")), words(""),
		number(b.t("col.accounts")), words(b.t("col.gives-way"))}
	for i := range before {
		was := append([]cell{name(b.situation(before[i].Name)), words(b.t("text.before"))}, b.capacityCells(before[i].Estimate, axis)...)
		is := append([]cell{name(b.situation(after[i].Name)), words(b.t("text.after"))}, b.capacityCells(after[i].Estimate, axis)...)
		was[0].Class = "pair"
		s.Table.Rows = append(s.Table.Rows, was, is)
	}
	s.Batches = b.batchesThen(w)
	return s
}

// whatIfTitle says what the assumptions do to the busy hour.
func (b *builder) whatIfTitle(w *judge.WhatIf) string {
	assumed := strings.Join(w.Assumed, ", ")
	switch {
	case !w.After.Determined:
		return b.t("what-if.unknown", assumed)
	case !w.Before.Determined:
		return b.t("what-if.now-known", assumed, b.estimate(w.After.Users), b.spread(w.After.Users))
	}
	was, is := b.estimate(w.Before.Users), b.estimate(w.After.Users)
	switch {
	case was == is:
		return b.t("what-if.same", assumed, is, b.spread(w.After.Users))
	case w.After.Users.P50 < w.Before.Users.P50:
		return b.t("what-if.falls", assumed, was, is, b.spread(w.After.Users))
	}
	return b.t("what-if.rises", assumed, was, is, b.spread(w.After.Users))
}

// batchesThen compares the verdicts on the batches as the platform is and under the assumptions.
func (b *builder) batchesThen(w *judge.WhatIf) table {
	t := table{Cards: true}
	now := batches(b.r)
	if len(w.Batches) == 0 || len(w.Batches) != len(now) {
		return t
	}
	t.Head = []cell{words(b.t("col.batch")), number(b.t("col.accounts-after")), number(b.t("col.users-after")),
		words(b.t("what-if.p-before")), words(b.t("what-if.p-after")), words(b.t("what-if.verdict-after")), words(b.t("col.limits-after"))}
	for i := range w.Batches {
		v := &w.Batches[i]
		limits := words(b.gives(judge.Limit{Resource: v.Resource, Action: v.Action}))
		t.Rows = append(t.Rows, []cell{name(v.Name), number(b.count(v.After)), exact(b.about(v.Users), v.Users), b.bar(now[i].POK, now[i].Unknown, now[i].Verdict),
			b.bar(v.POK, v.Unknown, v.Verdict), b.verdict(v.Verdict), limits})
	}
	return t
}

// asked is the load of a target in words.
func (l *language) asked(t *judge.Target) string {
	if t.Accounts > 0 {
		return l.t("text.target-accounts", l.count(t.Accounts), l.about(t.Users))
	}
	return l.t("text.target-users", l.about(t.Users))
}

// remedy words a target: what is to be changed, and the probability before and after.
func (b *builder) remedy(t *judge.Target) *remedy {
	var c remedy
	if len(t.Changes) > 0 {
		c.Table.Head = []cell{words(b.t("col.resource")), words(b.t("col.kind")), number(b.t("col.now")), number(b.t("col.then")), number(b.t("col.more"))}
	}
	for _, x := range t.Changes {
		more := "–"
		if x.From > 0 {
			more = "+" + b.percent(x.To/x.From-1)
		}
		c.Table.Rows = append(c.Table.Rows, []cell{name(b.resource(x.Resource)), words(b.either("kind.", x.Kind)), number(b.amount(x.From)), number(b.amount(x.To)), number(more)})
	}
	c.Text = b.targetText(t)
	return &c
}

// targetText are the sentences on a target: what is to be done, and what that is worth.
func (b *builder) targetText(t *judge.Target) []string {
	var said, raised []string
	for _, x := range t.Changes {
		raised = append(raised, b.t("target.change", b.resource(x.Resource), b.amount(x.From), b.amount(x.To), b.either("kind.", x.Kind)))
	}
	if t.POK > 0 || t.Enough {
		said = append(said, b.t("target.now", b.likelihood(t.POK)))
	}
	switch {
	case t.Enough && len(t.Changes) > 0:
		said = append(said, b.t("target.raise", b.list(raised), b.likelihood(t.After)))
	case !t.Why.Empty():
		said = append(said, capital(b.say(t.Why))+".")
	}
	if !t.Enough && t.Limit.Resource != "" {
		said = append(said, b.t("target.in-the-way", b.resource(t.Limit.Resource)))
	}
	return said
}
