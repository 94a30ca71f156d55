package reports

import (
	"math"
	"slices"
	"strings"

	"pegel/internal/capacity"
	"pegel/internal/judge"
)

// situations is the section on what the platform must survive besides the busy hour.
type situations struct {
	Title   string
	Table   table
	Caption string
	Notes   []string // why a capacity is not determined
}

// decisive is the index of the situation that gives the verdict: the next batch's worst one, or else the one with the
// smallest capacity; 0, the busy hour, where there is no other one.
func decisive(f *judge.Forecast) int {
	worst := 0
	for i, s := range f.Situations {
		if f.Batch != nil && f.Batch.Situation == s.Name {
			return i
		}
		if s.Determined && s.Users.P50 < f.Situations[worst].Users.P50 {
			worst = i
		}
	}
	if f.Batch != nil && f.Batch.Situation != "" {
		return 0
	}
	return worst
}

func (b *builder) situations() situations {
	f := &b.r.Forecast
	if len(f.Situations) < 2 {
		return situations{}
	}
	worst := decisive(f)
	order := []int{worst}
	for i := range f.Situations {
		if i != worst {
			order = append(order, i)
		}
	}
	axis := b.scaleOf(f.Situations)
	t := table{Cards: true, Head: []cell{words(b.t("col.situation")), number(b.t("col.capacity-interval")), words(""),
		number(b.t("col.accounts")), words(b.t("col.gives-way"))}}
	if f.Batch != nil {
		t.Head = append(t.Head, words(b.t("col.p-ok-next")), words(b.t("col.verdict")))
	}
	for _, i := range order {
		s := &f.Situations[i]
		first := name(b.situation(s.Name))
		if i == worst && f.Determined {
			first.Class, first.Note = "worst", b.t("situations.worst")
		}
		row := append([]cell{first}, b.capacityCells(s.Estimate, axis)...)
		if f.Batch != nil {
			row = append(row, b.ofSituation(s.Name)...)
		}
		t.Rows = append(t.Rows, row)
	}
	s := situations{Title: b.situationTitle(worst), Table: t, Caption: b.t("situations.caption", b.count(f.StagesUsed)), Notes: append(b.unknown(f.Situations), b.played(f.Situations)...)}
	if !f.Determined {
		s.Caption = ""
	}
	if f.Batch != nil && !f.Batch.Unknown {
		s.Caption += " " + b.t("situations.mark", batchName(b.language, f.Batch), b.about(f.Batch.Users))
	}
	return s
}

// situationTitle is what the situations come to.
func (b *builder) situationTitle(worst int) string {
	f := &b.r.Forecast
	s, busy := f.Situations[worst], f.Situations[0]
	switch {
	case !f.Determined:
		return b.t("situations.unknown")
	case !s.Determined:
		return b.t("situations.open", b.situation(s.Name))
	case worst == 0:
		return b.t("situations.none-worse", b.estimate(busy.Users), b.spread(busy.Users))
	}
	return b.t("situations.title", b.situation(s.Name), b.estimate(s.Users), b.spread(s.Users), b.estimate(busy.Users), b.spread(busy.Users))
}

// capacityCells are capacity with its interval, the interval as a drawing, accounts, and what gives way first.
func (b *builder) capacityCells(e judge.Estimate, s scale) []cell {
	if !e.Determined {
		return []cell{number(b.t("effects.unknown")), {Class: "span"}, number("–"), words("–")}
	}
	accounts := number("–")
	if e.Accounts.P50 > 0 {
		accounts = b.whole(e.Accounts)
	}
	return []cell{b.whole(e.Users), b.drawn(e.Users, s), accounts, words(b.gives(e.Limit))}
}

// whole is a capacity with its interval.
func (l *language) whole(i capacity.Interval) cell {
	return exact(l.estimate(i)+" ("+l.spread(i)+")", i.P50)
}

// unknown says of each situation without a capacity why it has none; once where it is the busy hour's reason.
func (l *language) unknown(list []judge.SituationForecast) []string {
	var said []string
	for i, s := range list {
		if s.Determined || s.Why.Empty() || i > 0 && s.Why.String() == list[0].Why.String() {
			continue
		}
		said = append(said, l.t("situations.why", l.situation(s.Name), l.say(s.Why)))
	}
	return said
}

// played says what was measured of the situations that were played.
func (l *language) played(list []judge.SituationForecast) []string {
	var said []string
	for _, s := range list {
		if s.Played == nil {
			continue
		}
		text := l.say(s.Played.Text())
		if r := []rune(text); len(r) > 0 {
			text = strings.ToUpper(string(r[:1])) + string(r[1:])
		}
		said = append(said, text+".")
	}
	return said
}

// ofSituation is the next batch's probability in one situation, with the verdict.
func (b *builder) ofSituation(name string) []cell {
	v := b.r.Forecast.Batch
	i := slices.IndexFunc(v.Situations, func(s judge.SituationVerdict) bool { return s.Name == name })
	if i < 0 {
		return []cell{words("–"), words("–")}
	}
	s := v.Situations[i]
	return []cell{b.bar(s.POK, s.Unknown, s.Verdict), b.verdict(s.Verdict)}
}

// span is an interval drawn in a cell, all in percent of its width: a box from Low to High, a line at Mid, and a thin one
// at Mark, where the next batch leads.
type span struct {
	Low, Width, Mid, Mark float64
	Marked                bool
}

// scale is the part of the load axis on which intervals are drawn.
type scale struct{ from, to float64 }

// at is a load's place on the scale in percent; what is not finite lies at its end.
func (s scale) at(users float64) float64 {
	if math.IsNaN(users) || math.IsInf(users, 0) || s.to <= s.from {
		return 100
	}
	return min(max(100*(users-s.from)/(s.to-s.from), 0), 100)
}

// drawn is a cell that draws an interval.
func (b *builder) drawn(i capacity.Interval, s scale) cell {
	d := &span{Low: s.at(i.P05), Mid: s.at(i.P50)}
	d.Width = s.at(i.P95) - d.Low
	if v := b.r.Forecast.Batch; v != nil && v.Users >= s.from && v.Users <= s.to {
		d.Mark, d.Marked = s.at(v.Users), true
	}
	return cell{Span: d, Class: "span"}
}

// scaleOf holds all intervals, and the next batch unless it lies far from them.
func (b *builder) scaleOf(lists ...[]judge.SituationForecast) scale {
	low, high := math.Inf(1), 0.0
	for _, e := range slices.Concat(lists...) {
		if !e.Determined {
			continue
		}
		end := e.Users.P95
		if math.IsNaN(end) || math.IsInf(end, 0) || end > 3*e.Users.P50 {
			end = 1.5 * e.Users.P50
		}
		low, high = min(low, e.Users.P05), max(high, end)
	}
	if v := b.r.Forecast.Batch; v != nil && v.Users >= low/2 && v.Users <= 2*high {
		low, high = min(low, v.Users), max(high, v.Users)
	}
	room := 0.08 * (high - low)
	return scale{max(low-room, 0), high + room}
}
