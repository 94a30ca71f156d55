package reports

import (
	"strings"
	"unicode/utf8"

	"pegel/internal/judge"
)

// textAnswers writes what was asked besides the capacity: the batches where there are several, the situations where there
// is more than the busy hour, what-if, and the target.
func (l *language) textAnswers(b *strings.Builder, r *judge.Result) {
	f := &r.Forecast
	if len(f.Batches) > 1 || f.Plan != nil && f.Plan.Measure != nil {
		l.textPlan(b, f)
	}
	if len(f.Situations) > 1 {
		l.textSituations(b, l.t("text.situations"), f.Situations)
	}
	if w := f.WhatIf; w != nil {
		l.textWhatIf(b, w)
	}
	if t := f.Target; t != nil {
		b.WriteString("\n" + l.t("text.target", l.asked(t)) + "\n")
		l.textTarget(b, t)
	}
}

func (l *language) textPlan(b *strings.Builder, f *judge.Forecast) {
	b.WriteString("\n" + l.t("text.plan") + "\n")
	rows := [][]string{{l.t("col.batch"), l.t("col.date"), l.t("col.accounts"), l.t("text.users-short"), l.t("text.p-ok"), l.t("col.verdict"), l.t("col.limits")}}
	rows = append(rows, l.batchRows(f.Batches)...)
	b.WriteString(aligned(rows, 2, 3, 4))
	if f.Plan == nil {
		return
	}
	b.WriteString(wrap("  ", l.say(f.Plan.Summary)))
	if m := f.Plan.Measure; m != nil {
		b.WriteString(wrap("  ", l.t("text.measure")))
		l.textTarget(b, m)
	}
}

// batchRows are the rows of a plan: batch, date, accounts, users after it, P(ok), verdict, what limits it.
func (l *language) batchRows(list []judge.BatchVerdict) [][]string {
	var rows [][]string
	for i := range list {
		v := &list[i]
		limits := l.resource(v.Resource)
		if v.Situation != "" && v.Situation != judge.BusyHour {
			limits = strings.TrimPrefix(limits+" ("+v.Situation+")", " ")
		} else if v.Action != "" {
			limits = strings.TrimPrefix(limits+", "+v.Action, ", ")
		}
		name := v.Name
		if name == "" {
			name = "–"
		}
		rows = append(rows, []string{short(name, 24), v.Date, l.count(v.Accounts), l.about(v.Users), l.chance(*v), l.either("word.", v.Verdict), limits})
	}
	return rows
}

func (l *language) textSituations(b *strings.Builder, title string, list []judge.SituationForecast) {
	b.WriteString("\n" + title + "\n")
	var unknown []string
	rows := [][]string{{l.t("col.situation"), l.t("text.users-short"), l.t("col.accounts"), l.t("col.limits")}}
	for i, s := range list {
		name := short(l.situation(s.Name), 32)
		if !s.Determined {
			rows = append(rows, []string{name, l.t("word.unknown"), "", ""})
			if i == 0 || s.Why.String() != list[0].Why.String() {
				unknown = append(unknown, name+": "+l.say(s.Why))
			}
			continue
		}
		rows = append(rows, []string{name, l.estimate(s.Users) + " (" + l.spread(s.Users) + ")", l.estimate(s.Accounts), l.resource(s.Limit.Resource)})
	}
	b.WriteString(aligned(rows, 1, 2))
	for _, text := range append(unknown, l.played(list)...) {
		b.WriteString(wrap("  ", text))
	}
}

// situation is a situation's name; the busy hour has it from the language.
func (l *language) situation(name string) string {
	if name == judge.BusyHour {
		return l.t("situation.busy-hour")
	}
	return name
}

func (l *language) textWhatIf(b *strings.Builder, w *judge.WhatIf) {
	b.WriteString("\n" + l.t("text.what-if", strings.Join(w.Assumed, ", ")) + "\n")
	line := func(key string, e judge.Estimate) {
		text := l.say(e.Why)
		if e.Determined {
			text = l.t("text.capacity-users", l.estimate(e.Users), l.spread(e.Users))
			if e.Accounts.P50 > 0 {
				text += "; " + l.t("text.what-if-accounts", l.estimate(e.Accounts), l.spread(e.Accounts))
			}
			if e.Limit.Resource != "" {
				text += "; " + l.t("text.what-if-limit", l.resource(e.Limit.Resource))
			}
		} else {
			text = l.t("word.unknown") + ": " + text
		}
		b.WriteString(wrap(pad("  "+l.t(key), 12, false)+" ", text))
	}
	line("text.before", w.Before)
	line("text.after", w.After)
	if len(w.Situations) > 1 {
		l.textSituations(b, l.t("text.situations-then"), w.Situations)
	}
	if len(w.Batches) > 0 {
		b.WriteString("\n" + l.t("text.plan-then") + "\n")
		rows := [][]string{{l.t("col.batch"), l.t("col.date"), l.t("col.accounts"), l.t("text.users-short"), l.t("text.p-ok"), l.t("col.verdict"), l.t("col.limits")}}
		b.WriteString(aligned(append(rows, l.batchRows(w.Batches)...), 2, 3, 4))
	}
}

// textTarget lists the changes that carry a load.
func (l *language) textTarget(b *strings.Builder, t *judge.Target) {
	if t.POK > 0 || t.Enough {
		b.WriteString(wrap("  ", l.t("text.target-now", l.probability(t.POK))))
	}
	var rows [][]string
	for _, c := range t.Changes {
		rows = append(rows, []string{c.Resource, l.amount(c.From), "→ " + l.amount(c.To), l.either("kind.", c.Kind)})
	}
	b.WriteString(aligned(rows, 1))
	if t.Enough && len(t.Changes) > 0 {
		b.WriteString(wrap("  ", l.t("text.target-then", l.probability(t.After))))
	}
	if why := l.say(t.Why); why != "" {
		b.WriteString(wrap("  ", why))
	}
	if !t.Enough && t.Limit.Resource != "" {
		b.WriteString(wrap("  ", l.t("text.target-limit", l.resource(t.Limit.Resource))))
	}
}

// aligned pads rows, the columns in numbers at their right ends.
func aligned(rows [][]string, numbers ...int) string {
	var widths []int
	for _, row := range rows {
		for i, text := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(text))
		}
	}
	right := map[int]bool{}
	for _, i := range numbers {
		right[i] = true
	}
	var b strings.Builder
	for _, row := range rows {
		line := "  "
		for i, text := range row {
			line += pad(text, widths[i], right[i]) + "  "
		}
		b.WriteString(short(strings.TrimRight(line, " "), textWidth) + "\n")
	}
	return b.String()
}

// short cuts text to a width in characters.
func short(text string, width int) string {
	if runes := []rune(text); len(runes) > width {
		return string(runes[:width-1]) + "…"
	}
	return text
}
