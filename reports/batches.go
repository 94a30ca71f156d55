package reports

import "pegel/internal/judge"

// batchPlan is the row for each batch to come, and what follows from them.
type batchPlan struct {
	Title string
	Table table
}

func (b *builder) batches() batchPlan {
	list := batches(b.r)
	if len(list) == 0 {
		return batchPlan{}
	}
	t := table{Head: []cell{words(b.t("col.batch")), words(b.t("col.date")), number(b.t("col.accounts")),
		number(b.t("col.accounts-after")), number(b.t("col.users-after")), words(b.t("col.p-ok")), words(b.t("col.verdict")),
		words(b.t("col.why"))}}
	for _, v := range list {
		t.Rows = append(t.Rows, []cell{name(v.Name), {Text: v.Date, Class: "short"}, number(b.count(v.Accounts)), number(b.count(v.After)),
			exact(b.about(v.Users), v.Users),
			{Text: b.chance(v), HasBar: !v.Unknown, Bar: min(max(v.POK, 0), 1), Class: v.Verdict},
			b.verdict(v.Verdict), b.reason(v.Why)})
	}
	return batchPlan{Title: b.batchTitle(list), Table: t}
}

// batchTitle names the last batch that is safe: safe ones count only up to the first that is not.
func (b *builder) batchTitle(list []judge.BatchVerdict) string {
	safe := 0
	for safe < len(list) && list[safe].Verdict == Go {
		safe++
	}
	switch {
	case list[0].Unknown:
		return b.t("batches.unknown")
	case safe == 0:
		return b.t("batches.none", batchName(b.language, &list[0]))
	case safe == len(list):
		return b.t("batches.all", b.count(len(list)))
	}
	last := list[safe-1]
	if last.Date == "" {
		return b.t("batches.until", batchName(b.language, &last), batchName(b.language, &list[safe]))
	}
	return b.t("batches.until-date", batchName(b.language, &last), last.Date, batchName(b.language, &list[safe]))
}

// chance is the probability that all objectives hold after a batch, a dash where it is not known.
func (l *language) chance(v judge.BatchVerdict) string {
	if v.Unknown {
		return "–"
	}
	return l.probability(v.POK)
}

// reason is a cell that holds a message.
func (b *builder) reason(m judge.Message) cell {
	if b.knows(m) {
		return words(b.say(m))
	}
	return quoted(b.say(m))
}

// verdict is a batch's word with its symbol.
func (b *builder) verdict(v string) cell {
	c := words(b.either("word.", v))
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
