package reports

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"pegel/internal/capacity"
	"pegel/internal/judge"
)

// effects is the section on what comes from users and what from the migration.
type effects struct {
	None      string  // said instead, where the run had no migration
	Why       *remark // where not determined
	Bar       *figure
	Capacity  table
	Resources table
	Doubts    []*remark
}

func (b *builder) effects() effects {
	e := b.r.Effects
	if e == nil {
		return effects{None: b.t("effects.none")}
	}
	if !e.Determined {
		return effects{Why: b.remark(e.Why)}
	}
	return effects{Bar: b.effectsBar(e), Capacity: b.withAndWithout(e), Resources: b.resourceEffects(e), Doubts: b.remarks(e.Doubts)}
}

// effectsBar draws the response time at the highest load as one bar: what it was at the lowest, and what each cause added.
func (b *builder) effectsBar(e *judge.Effects) *figure {
	parts := []chart{}
	t := table{Head: heads(b.t("col.cause"), b.t("col.response"), b.t("col.interval"), b.t("col.of-rise"))}
	t.Rows = append(t.Rows, []cell{name(b.t("effects.from", b.count(e.FromUsers))), number(b.latency(e.From)), number(""), number("")})
	rise := (e.To - e.From).Seconds()
	for _, p := range e.Parts {
		if p.Kind == capacity.FromRest && math.Abs(p.Seconds) < 0.005*math.Abs(rise) {
			continue
		}
		cause := b.either("cause.", p.Kind)
		if p.Seconds > 0 {
			parts = append(parts, chart{"kind": p.Kind, "name": cause, "ms": num(1000 * p.Seconds), "text": b.change(p.Seconds)})
		}
		of := "–"
		if rise > 0 {
			of = b.percent(p.Seconds / rise)
		}
		t.Rows = append(t.Rows, []cell{name(cause), number(b.change(p.Seconds)), number(b.change(p.Low) + " – " + b.change(p.High)), number(of)})
	}
	t.Rows = append(t.Rows, []cell{name(b.t("effects.to", b.count(e.ToUsers))), number(b.latency(e.To)), number(""), number("")})
	spec := chart{"kind": "effects", "parts": parts, "from": num(milliseconds(e.From)), "fromName": b.t("effects.from", b.count(e.FromUsers)),
		"fromText": b.latency(e.From), "to": num(milliseconds(e.To)), "limit": num(0), "limitText": ""}
	for _, o := range b.r.Objectives {
		if o.Action == e.Action && o.Quantile == e.Quantile && o.Limit > 0 && o.Limit < 3*e.To {
			spec["limit"], spec["limitText"] = num(milliseconds(o.Limit)), b.limit(o.Limit)
		}
	}
	b.charts["effects"] = spec
	return &figure{ID: "effects", Height: "flat", Title: capital(b.say(e.Sentence)), Table: t,
		Caption: b.t("effects.caption", e.Action+" "+percentile(e.Quantile), b.total(e.Samples), b.count(e.Stages), b.amount(e.Copy), b.count(e.Fresh))}
}

// withAndWithout is the capacity with the migration and without it.
func (b *builder) withAndWithout(e *judge.Effects) table {
	t := table{Head: heads(b.t("col.condition"), b.t("col.capacity"), b.t("col.interval"))}
	add := func(label string, i *capacity.Interval) {
		if i == nil {
			t.Rows = append(t.Rows, []cell{name(label), number(b.t("effects.unknown")), number("–")})
			return
		}
		t.Rows = append(t.Rows, []cell{name(label), exact(b.estimate(*i), i.P50), number(b.spread(*i))})
	}
	if e.WithCopy != nil || e.WithoutCopy != nil {
		add(b.t("effects.with-copy"), e.WithCopy)
		add(b.t("effects.without-copy"), e.WithoutCopy)
	}
	if e.FirstDay != nil || e.SteadyState != nil {
		add(b.t("effects.first-day"), e.FirstDay)
		add(b.t("effects.steady"), e.SteadyState)
	}
	return t
}

// resourceEffects is what each resource's use at the highest load comes from.
func (b *builder) resourceEffects(e *judge.Effects) table {
	var t table
	rest := func(p capacity.Part) bool { return p.Kind == capacity.FromRest }
	for i, r := range e.Resources {
		parts := slices.DeleteFunc(slices.Clone(r.Parts), rest)
		if at := slices.IndexFunc(r.Parts, rest); at >= 0 { // last
			parts = append(parts, r.Parts[at])
		}
		if i == 0 {
			t.Head = heads(b.t("col.resource"), b.t("col.in-use"))
			for _, p := range parts {
				cause := b.either("cause.", p.Kind)
				if rest(p) {
					cause = b.t("effects.always")
				}
				t.Head = append(t.Head, number(cause))
			}
		}
		row := []cell{name(b.resource(r.Name)), number(b.percent(r.Use))}
		for _, p := range parts {
			row = append(row, number(fmt.Sprintf("%s (%s–%s)", b.percent(p.Value), b.fixed(100*p.Low, 1), b.fixed(100*p.High, 1))))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// change formats a difference of response times.
func (l *language) change(seconds float64) string {
	d := time.Duration(math.Round(math.Abs(seconds) * float64(time.Second)))
	switch {
	case d < time.Microsecond:
		return "0 ms"
	case seconds < 0:
		return "−" + l.latency(d)
	}
	return l.latency(d)
}

// capital makes a message a sentence of its own.
func capital(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:]
}

// textEffects says what comes from users and what from the migration, and what follows for the capacity.
func (l *language) textEffects(b *strings.Builder, r *judge.Result) {
	e := r.Effects
	if e == nil {
		return
	}
	line := func(key, value string) { b.WriteString(wrap(pad("  "+l.t(key), 20, false)+" ", value)) }
	if !e.Determined {
		line("text.effects", l.say(e.Why))
		return
	}
	line("text.effects", l.say(e.Sentence))
	if e.WithCopy != nil && e.WithoutCopy != nil {
		line("text.with-copy", l.t("text.with-without", l.estimate(*e.WithCopy), l.spread(*e.WithCopy), l.estimate(*e.WithoutCopy), l.spread(*e.WithoutCopy)))
	}
	if e.FirstDay != nil && e.SteadyState != nil {
		line("text.first-day", l.t("text.first-steady", l.estimate(*e.FirstDay), l.spread(*e.FirstDay), l.estimate(*e.SteadyState), l.spread(*e.SteadyState)))
	}
}

// effectsFile is the part of forecast.json on users and the migration. Times are in seconds, uses are shares of a limit.
type effectsFile struct {
	Determined  bool             `json:"determined"`
	Why         *warningFile     `json:"why,omitempty"` // where not determined
	Sentence    string           `json:"sentence,omitempty"`
	Action      string           `json:"action,omitempty"`
	Quantile    float64          `json:"quantile,omitempty"`
	From        *effectPointFile `json:"from,omitempty"`
	To          *effectPointFile `json:"to,omitempty"`
	Parts       []effectPartFile `json:"parts,omitempty"`
	Resources   []effectUseFile  `json:"resources,omitempty"`
	WithCopy    *intervalFile    `json:"capacity_with_copy,omitempty"`
	WithoutCopy *intervalFile    `json:"capacity_without_copy,omitempty"`
	FirstDay    *intervalFile    `json:"capacity_first_day,omitempty"`
	SteadyState *intervalFile    `json:"capacity_steady_state,omitempty"`
	Doubts      []warningFile    `json:"doubts,omitempty"`
}

type effectPointFile struct {
	Users   int     `json:"users"`
	Copy    float64 `json:"copies_per_second"`
	Fresh   int     `json:"fresh_accounts"`
	Seconds float64 `json:"seconds"`
}

type effectPartFile struct {
	Kind  string  `json:"kind"`
	Value float64 `json:"value"`
	P05   float64 `json:"p05"`
	P95   float64 `json:"p95"`
}

type effectUseFile struct {
	Resource string           `json:"resource"`
	Use      float64          `json:"use"`
	Parts    []effectPartFile `json:"parts"`
}

func effectsOf(e *judge.Effects) *effectsFile {
	if e == nil {
		return nil
	}
	f := &effectsFile{Determined: e.Determined, Why: messageOf(e.Why), Sentence: e.Sentence.String(), Action: e.Action, Quantile: e.Quantile}
	if !e.Determined {
		return f
	}
	f.From = &effectPointFile{Users: e.FromUsers, Seconds: micro(e.From.Seconds())}
	f.To = &effectPointFile{e.ToUsers, micro(e.Copy), e.Fresh, micro(e.To.Seconds())}
	for _, p := range e.Parts {
		f.Parts = append(f.Parts, effectPartFile{p.Kind, micro(p.Seconds), micro(p.Low), micro(p.High)})
	}
	for _, r := range e.Resources {
		use := effectUseFile{Resource: r.Name, Use: micro(r.Use)}
		for _, p := range r.Parts {
			use.Parts = append(use.Parts, effectPartFile{p.Kind, micro(p.Value), micro(p.Low), micro(p.High)})
		}
		f.Resources = append(f.Resources, use)
	}
	f.WithCopy, f.WithoutCopy, f.FirstDay, f.SteadyState = known(e.WithCopy), known(e.WithoutCopy), known(e.FirstDay), known(e.SteadyState)
	for _, m := range e.Doubts {
		f.Doubts = append(f.Doubts, warningFile{m.Code, m.String()})
	}
	return f
}

// known is an interval in whole users, nil where there is none.
func known(i *capacity.Interval) *intervalFile {
	if i == nil {
		return nil
	}
	return new(whole(*i))
}

// micro rounds to six decimals; what is no number is 0.
func micro(v float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	return math.Round(v*1e6) / 1e6
}
