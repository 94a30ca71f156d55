package reports

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"pegel/internal/judge"
)

const textWidth = 96

// WriteText writes the summary for a terminal: some 30 lines of at most 96 columns.
func WriteText(w io.Writer, r *judge.Result, opt Options) error {
	l, err := speak(opt.Lang)
	if err != nil {
		return err
	}
	var b strings.Builder
	l.textHead(&b, r, opt)
	l.textEffects(&b, r)
	l.textAnswers(&b, r)
	l.textStages(&b, r)
	l.textDimensions(&b, r)
	l.textMail(&b, r.Delivery)
	l.textCopies(&b, r.Copies)
	l.textChecks(&b, r.Checks)
	l.textBrowser(&b, r.Browser)
	if len(r.Warnings) > 0 {
		fmt.Fprintf(&b, "\n%s\n", l.t("text.warnings"))
		for _, warning := range r.Warnings {
			b.WriteString(wrap("! ", l.say(warning)))
		}
	}
	fmt.Fprintf(&b, "\n%s\n", l.t("text.ended", l.span(r.Duration), l.say(r.Ended)))
	fmt.Fprintf(&b, "%s\n", l.t("text.again", again(r, opt)))
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("writing the summary: %w", err)
	}
	return nil
}

func (l *language) textHead(b *strings.Builder, r *judge.Result, opt Options) {
	f, h := r.Forecast, l.answer(r)
	word := h.Symbol + " " + strings.ToUpper(h.Word)
	if opt.Colour {
		word = ansi(h.State) + word + "\x1b[0m"
	}
	fmt.Fprintf(b, "%s\n\n", word)
	for _, sentence := range h.Sentences {
		b.WriteString(wrap("  ", sentence))
	}
	b.WriteString("\n")
	line := func(key, value string) {
		if value != "" {
			b.WriteString(wrap(pad("  "+l.t(key), 20, false)+" ", value))
		}
	}
	if f.Determined {
		line("text.capacity", l.t("text.capacity-users", l.estimate(f.Users), l.spread(f.Users)))
		if f.Accounts.P50 > 0 {
			line("text.accounts", l.t("text.accounts-range", l.estimate(f.Accounts), l.spread(f.Accounts)))
		}
		if f.Limit.Resource != "" {
			limit := l.t("text.limit-value", l.limiting(r), l.probability(f.Limit.Probability))
			if len(f.Situations) > 1 {
				limit += ", " + l.t("text.in-busy-hour")
			}
			line("text.limit", limit)
		}
	} else {
		line("text.lower-bound", l.t("text.users", l.count(f.LowerBound)))
		line("text.why", l.say(f.Why))
	}
	line("text.cause", l.cause(r))
	if v := f.Batch; v != nil {
		line("text.batch", l.t("text.batch-value", batchName(l, v), l.count(v.Accounts), l.about(v.Users), l.chance(*v),
			l.either("word.", v.Verdict)))
	}
	line("text.truth", l.truth(r, opt.Truth))
	line("text.time", l.compressed(r))
	line("text.transfer", l.transferred(r))
	line("text.activity", l.ofActivity(r))
	line("text.runs", l.together(r))
	line("text.where", strings.Trim(r.Meta.Environment+", "+r.Meta.Started.Format("2006-01-02 15:04"), ", "))
}

// textStages is the table of the stages: users, actions per second, the worst objective's quantile, errors.
func (l *language) textStages(b *strings.Builder, r *judge.Result) {
	stages := byLoad(r)
	if len(stages) == 0 {
		return
	}
	t := worst(r)
	widths := []int{18, 12, max(14, utf8.RuneCountInString(t.Label)), 9}
	row := func(fields ...string) {
		line := " "
		for i, field := range fields {
			if i < len(widths) {
				field = pad(field, widths[i], true)
			}
			line += " " + field
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	b.WriteString("\n")
	row(l.t("col.users"), l.t("text.rate"), t.Label, l.t("col.errors"))
	for _, s := range stages {
		value, note := "–", ""
		if a := find(s, t.Action); a != nil && a.Count > 0 {
			mid, _, _ := quantile(a, t.Quantile)
			value = l.latency(mid)
			if t.Limit > 0 && wasBroken(r, t.Quantile, s.Users, a) {
				note = "  ✗ " + l.t("text.over", l.limit(t.Limit))
			}
		}
		if !s.Valid {
			note += "  ~ " + strings.TrimSuffix(l.t("text.not-used", l.say(s.Why)), ": ")
		}
		row(l.stageName(s), l.amount(s.Throughput), value, l.percent(s.ErrorShare), note)
	}
}

// wasBroken tells whether an action's objective was found broken in a stage: with enough samples, as every report has it. Of
// several stages of one load it is the one with as many samples.
func wasBroken(r *judge.Result, quantile float64, users int, a *judge.ActionStats) bool {
	for _, o := range r.Objectives {
		if o.Action != a.Action || o.Quantile != quantile {
			continue
		}
		for _, s := range o.Stages {
			if s.Users == users && s.Samples == a.Count && s.Enough && !s.Held {
				return true
			}
		}
	}
	return false
}

// pad fills text with spaces up to a width in characters, on its left for numbers.
func pad(text string, width int, left bool) string {
	missing := strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text)))
	if left {
		return missing + text
	}
	return text + missing
}

// wrap breaks text at spaces; following lines are indented by the prefix's width.
func wrap(prefix, text string) string {
	indent := utf8.RuneCountInString(prefix)
	var b strings.Builder
	b.WriteString(prefix)
	column := indent
	for i, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		if i > 0 {
			if column+1+n > textWidth {
				b.WriteString("\n" + strings.Repeat(" ", indent))
				column = indent
			} else {
				b.WriteString(" ")
				column++
			}
		}
		b.WriteString(word)
		column += n
	}
	b.WriteString("\n")
	return b.String()
}

// ansi is the colour of a headline.
func ansi(state string) string {
	switch state {
	case "go":
		return "\x1b[1;32m"
	case "caution", "unknown":
		return "\x1b[1;33m"
	case "no-go", "broken", "invalid":
		return "\x1b[1;31m"
	}
	return "\x1b[1;34m"
}
