package reports

import (
	"slices"

	"pegel/internal/judge"
)

// batchPlan is the row for each batch to come, and what follows from them.
type batchPlan struct {
	Title   string
	Table   table
	Notes   []string // reasons beside the capacity
	Caption string
	Detail  table // the probability in each situation, where there is more than the busy hour
	Measure *remedy
}

func (b *builder) batches() batchPlan {
	list := batches(b.r)
	if len(list) == 0 {
		return batchPlan{}
	}
	f := &b.r.Forecast
	p := batchPlan{Caption: b.t("batches.caption"), Detail: b.inEachSituation(list)}
	if len(p.Detail.Rows) > 0 {
		p.Caption = b.t("batches.caption-worst")
	}
	safe := 0
	if f.Plan != nil {
		p.Title, safe = capital(b.say(f.Plan.Summary)), f.Plan.Safe
		if m := f.Plan.Measure; m != nil {
			p.Measure = b.remedy(m)
			p.Measure.Title = b.t("batches.measure", b.asked(m))
		}
	}
	p.Table, p.Notes = b.batchTable(list, safe), b.reasons(list)
	return p
}

// batchTable has a row for each batch and marks the last of the safe ones.
func (b *builder) batchTable(list []judge.BatchVerdict, safe int) table {
	t := table{Cards: true}
	several := slices.ContainsFunc(list, func(v judge.BatchVerdict) bool { return len(v.Situations) > 1 })
	t.Head = []cell{words(b.t("col.batch")), words(b.t("col.date")), number(b.t("col.accounts")), number(b.t("col.accounts-after")),
		number(b.t("col.users-after")), words(b.t("col.p-ok")), words(b.t("col.verdict"))}
	if several {
		t.Head = append(t.Head, words(b.t("col.worst")))
	}
	t.Head = append(t.Head, words(b.t("col.limits")))
	for i := range list {
		v := &list[i]
		first := name(v.Name)
		if i == safe-1 && safe < len(list) {
			first.Class, first.Note = "last", b.t("batches.last")
		}
		row := []cell{first, {Text: v.Date, Class: "short"}, number(b.count(v.Accounts)), number(b.count(v.After)),
			exact(b.about(v.Users), v.Users), b.bar(v.POK, v.Unknown, v.Verdict), b.verdict(v.Verdict)}
		if several {
			row = append(row, words(b.situation(v.Situation)))
		}
		t.Rows = append(t.Rows, append(row, words(b.gives(judge.Limit{Resource: v.Resource, Action: v.Action}))))
	}
	return t
}

// reasons are why batches have their verdicts, as far as the table's numbers do not say so themselves: each reason once,
// with the batches for which it holds where that is not all of them.
func (l *language) reasons(list []judge.BatchVerdict) []string {
	var order []string
	names := map[string][]string{}
	for i := range list {
		text := l.reason(list[i].Why)
		if text == "" {
			continue
		}
		if names[text] == nil {
			order = append(order, text)
		}
		names[text] = append(names[text], batchName(l, &list[i]))
	}
	for i, text := range order {
		order[i] = capital(text) + "."
		if len(names[text]) < len(list) {
			order[i] = capital(l.list(names[text])) + ": " + text + "."
		}
	}
	return order
}

// reason is why a batch has its verdict; empty where that is its capacity alone.
func (l *language) reason(why judge.Message) string {
	switch why.Code {
	case "users-expected", "users-expected-in":
		return ""
	case "held-back":
		if m, ok := why.Args[len(why.Args)-1].(judge.Message); ok {
			return l.t("batches.held-back", l.say(m))
		}
	}
	return l.say(why)
}

// inEachSituation is the probability that every objective holds after each batch in each situation.
func (b *builder) inEachSituation(list []judge.BatchVerdict) table {
	var t table
	if len(list[0].Situations) < 2 {
		return t
	}
	t.Head = heads(b.t("col.batch"))
	for _, s := range list[0].Situations {
		t.Head = append(t.Head, number(b.situation(s.Name)))
	}
	for i := range list {
		row := []cell{name(list[i].Name)}
		for _, s := range list[i].Situations {
			c := b.verdict(s.Verdict)
			c.Number, c.Text = true, b.probability(s.POK)
			if s.Unknown {
				c = number("–")
			}
			row = append(row, c)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// chance is the probability that all objectives hold after a batch, a dash where it is not known.
func (l *language) chance(v judge.BatchVerdict) string {
	if v.Unknown {
		return "–"
	}
	return l.probability(v.POK)
}

// bar is a probability as a number and as a bar in its verdict's colour.
func (l *language) bar(p float64, unknown bool, verdict string) cell {
	if unknown {
		return words("–")
	}
	return cell{Text: l.probability(p), HasBar: true, Bar: min(max(p, 0), 1), Class: verdict}
}

// verdict is a batch's word with its symbol.
func (l *language) verdict(v string) cell {
	c := words(l.either("word.", v))
	c.Class = "short " + v
	switch v {
	case Go:
		c.Mark = "✓"
	case Caution:
		c.Mark = "!"
	case NoGo:
		c.Mark = "✗"
	}
	return c
}

// gives names what gives way first: the resource, and the action that breaks.
func (l *language) gives(limit judge.Limit) string {
	switch {
	case limit.Resource == "" && limit.Action == "":
		return "–"
	case limit.Resource == "":
		return limit.Action
	case limit.Action == "":
		return l.resource(limit.Resource)
	}
	return l.resource(limit.Resource) + ", " + limit.Action
}
