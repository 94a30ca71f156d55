package reports

import (
	"math"
	"slices"
	"strings"

	"pegel/internal/capacity"
	"pegel/internal/judge"
)

// headline is the answer in a few words, the same ones in every report for people.
type headline struct {
	State     string // CSS class and colour: go, caution, no-go, unknown, broken, invalid, known
	Symbol    string
	Word      string
	Sentences []string
}

// answer is the first thing that a reader sees.
func (l *language) answer(r *judge.Result) headline {
	h := headline{Sentences: l.sentences(r)}
	switch {
	case r.Generator.Verdict == "invalid":
		h.State, h.Symbol, h.Word = "invalid", "⊘", l.t("word.invalid")
		h.Sentences = append([]string{l.t("say.invalid")}, h.Sentences...)
	case r.Delivery.Broken():
		h.State, h.Symbol, h.Word = "broken", "✗", l.t("word.mail")
	case Verdict(r) == Go:
		h.State, h.Symbol, h.Word = "go", "✓", l.t("word.go")
	case Verdict(r) == Caution:
		h.State, h.Symbol, h.Word = "caution", "!", l.t("word.caution")
	case Verdict(r) == NoGo:
		h.State, h.Symbol, h.Word = "no-go", "✗", l.t("word.no-go")
	case Verdict(r) == NotDetermined && r.Forecast.LowerBound > 0 && !r.Forecast.Transferred:
		h.State, h.Symbol, h.Word = "unknown", "?", l.t("word.unknown-above", l.count(r.Forecast.LowerBound))
	case Verdict(r) == NotDetermined:
		h.State, h.Symbol, h.Word = "unknown", "?", l.t("word.unknown")
	case len(l.broken(r)) > 0:
		h.State, h.Symbol, h.Word = "broken", "✗", l.t("word.broken")
	default:
		h.State, h.Symbol, h.Word = "known", "≈", l.t("word.known", l.estimate(r.Forecast.Users))
	}
	return h
}

// sentences say why: capacity, batch, what gives way first, what is broken already.
func (l *language) sentences(r *judge.Result) []string {
	f := r.Forecast
	var said []string
	if d := r.Delivery; d.Broken() {
		said = append(said, l.t("say.mail", l.count(d.Lost), l.count(d.Twice), l.count(d.Wrong), l.count(d.Accepted)))
	}
	switch {
	case f.Determined && len(f.Situations) > 1:
		said = append(said, l.t("say.capacity-busy", l.estimate(f.Users), l.spread(f.Users)))
	case f.Determined:
		said = append(said, l.t("say.capacity", l.estimate(f.Users), l.spread(f.Users)))
	case f.LowerBound > 0 && f.Transferred:
		said = append(said, l.t("say.lower-bound-staging", l.count(f.LowerBound)))
	case f.LowerBound > 0:
		said = append(said, l.t("say.lower-bound", l.count(f.LowerBound)))
	default:
		said = append(said, l.t("say.nothing-held"))
	}
	if b := f.Batch; b != nil && !b.Unknown {
		if i := decisive(&f); i > 0 && !f.Situations[i].Determined {
			said = append(said, l.t("say.batch-determined", batchName(l, b), l.about(b.Users), l.likelihood(b.POK)))
		} else {
			said = append(said, l.t("say.batch", batchName(l, b), l.about(b.Users), l.likelihood(b.POK)))
		}
	}
	if b := f.Batch; b != nil && b.Unknown {
		said = append(said, l.t("say.batch-unknown", batchName(l, b), l.about(b.Users)))
	}
	if i := decisive(&f); i > 0 && f.Determined {
		return append(append(said, l.worstSituation(&f, i)...), l.alreadyBroken(r)...)
	}
	if f.Determined && f.Limit.Resource != "" {
		said = append(said, l.t("say.limit", l.limiting(r), l.likelihood(f.Limit.Probability)))
	} else if f.Determined && f.Limit.Objective != "" {
		said = append(said, l.t("say.limit-objective", l.objective(r, f.Limit.Objective)))
	}
	return append(said, l.alreadyBroken(r)...)
}

// worstSituation says which situation gives the verdict, where it is not the busy hour, and what limits there.
func (l *language) worstSituation(f *judge.Forecast, i int) []string {
	s := f.Situations[i]
	if !s.Determined {
		return []string{l.t("say.situation-open", s.Name, l.say(s.Why))}
	}
	said := []string{l.t("say.situation-alone", s.Name, l.estimate(s.Users), l.spread(s.Users))}
	if f.Batch != nil {
		said[0] = l.t("say.situation", s.Name, l.estimate(s.Users), l.spread(s.Users))
	}
	if s.Limit.Resource != "" {
		said = append(said, l.t("say.limit-then", l.resource(s.Limit.Resource), l.likelihood(s.Limit.Probability)))
	}
	return said
}

func (l *language) alreadyBroken(r *judge.Result) []string {
	if names := l.broken(r); len(names) > 0 {
		return []string{l.t("say.broken", l.list(names))}
	}
	return nil
}

// limiting names the resource that gives way first, with its limit where it is known.
func (l *language) limiting(r *judge.Result) string {
	name := r.Forecast.Limit.Resource
	if name == capacity.Unobserved {
		return l.resource(name)
	}
	for _, k := range r.Forecast.Resources {
		if k.Name == name && k.Limit > 0 {
			return l.t("limit.of", name, l.amount(k.Limit), l.either("kind.", k.Kind))
		}
	}
	return name
}

// broken lists the objectives that broke at a load that the platform carries already.
func (l *language) broken(r *judge.Result) []string {
	var names []string
	for _, o := range r.Objectives {
		if text := l.objectiveName(o); o.Broken && !slices.Contains(names, text) {
			names = append(names, text)
		}
	}
	return names
}

// objectiveName is the objective's text, with the action where the text has a pattern.
func (l *language) objectiveName(o judge.ObjectiveResult) string {
	return ofAction(o.Action, l.say(o.Text))
}

func ofAction(action, text string) string {
	if action == "" || len(text) > len(action) && strings.HasPrefix(text, action) {
		return text
	}
	return action + " (" + text + ")"
}

// objective words the objective that has this English text.
func (l *language) objective(r *judge.Result, text string) string {
	for _, o := range r.Objectives {
		if o.Text.String() == text {
			return l.say(o.Text)
		}
	}
	return text
}

// list joins a few names and counts the rest.
func (l *language) list(names []string) string {
	const most = 4
	text := ""
	for i, n := range names {
		if i == most {
			return text + " " + l.t("list.more", l.count(len(names)-most))
		}
		if i > 0 {
			text += ", "
		}
		text += n
	}
	return text
}

func batchName(l *language, b *judge.BatchVerdict) string {
	if b.Name != "" {
		return l.t("batch.named", b.Name)
	}
	return l.t("batch.of", l.count(b.Accounts))
}

// truth compares the forecast with the known capacity; empty where that is unknown.
func (l *language) truth(r *judge.Result, users int) string {
	switch {
	case users <= 0:
		return ""
	case !r.Forecast.Determined:
		return l.t("truth.only", l.count(users))
	}
	off := r.Forecast.Users.P50/float64(users) - 1
	inside := l.t("truth.outside")
	if t := float64(users); t >= r.Forecast.Users.P05 && (t <= r.Forecast.Users.P95 || math.IsInf(r.Forecast.Users.P95, 0)) {
		inside = l.t("truth.inside")
	}
	return l.t("truth.compared", l.count(users), l.percent(math.Abs(off)), inside)
}

// compressed says that times are compressed; empty where they are not.
func (l *language) compressed(r *judge.Result) string {
	if r.Meta.Compression <= 1 {
		return ""
	}
	return l.t("say.compressed", l.amount(r.Meta.Compression))
}
