package reports

import (
	"slices"
	"strings"

	"pegel/internal/capacity"
	"pegel/internal/judge"
)

// tile is one key figure under the banner.
type tile struct {
	Label, Value, Exact, Note string
	Name                      bool // the value is a name, not a number
}

func (b *builder) tiles() []tile {
	r, f := b.r, b.r.Forecast
	var tiles []tile
	switch {
	case f.Determined:
		note := b.t("tile.capacity-note", b.spread(f.Users))
		if f.Accounts.P50 > 0 {
			note += " · " + b.t("tile.accounts", b.estimate(f.Accounts))
		}
		label := b.t("tile.capacity")
		if len(f.Situations) > 1 {
			label = b.t("tile.capacity-busy")
		}
		tiles = append(tiles, tile{Label: label, Value: b.estimate(f.Users), Exact: exact("", f.Users.P50).Exact, Note: note})
		if i := decisive(&f); i > 0 {
			tiles = append(tiles, b.worstTile(f.Situations[i]))
		}
	case f.LowerBound > 0:
		tiles = append(tiles, tile{Label: b.t("tile.lower-bound"), Value: b.count(f.LowerBound), Note: b.t("tile.lower-bound-note")})
	}
	if v := f.Batch; v != nil {
		tiles = append(tiles, tile{Label: b.t("tile.batch", batchName(b.language, v)), Value: b.chance(*v),
			Note: b.t("tile.batch-note", b.about(v.Users))})
	}
	if limit := limitOfVerdict(&f); f.Determined && limit.Resource != "" {
		tiles = append(tiles, tile{Label: b.t("tile.limit"), Value: b.resource(limit.Resource), Name: true,
			Note: b.t("tile.limit-note", b.likelihood(limit.Probability))})
	}
	if f.MeasuredMax > 0 {
		done, _ := samples(r)
		tiles = append(tiles, tile{Label: b.t("tile.measured"), Value: b.count(f.MeasuredMax),
			Note: b.t("tile.measured-note", b.count(f.StagesUsed), b.total(done))})
	}
	return tiles
}

func (b *builder) conditions() []pair {
	r := b.r
	var c []pair
	add := func(label, value string, run bool) {
		if value != "" {
			c = append(c, pair{label, value, run})
		}
	}
	add(b.t("cond.environment"), r.Meta.Environment, true)
	add(b.t("cond.transfer"), b.transferred(r), false)
	add(b.t("cond.date"), r.Meta.Started.Format("2006-01-02 15:04 MST"), false)
	add(b.t("cond.runs"), b.together(r), false)
	add(b.t("cond.duration"), b.span(r.Duration)+", "+b.say(r.Ended), false)
	add(b.t("cond.activity"), b.ofActivity(r), false)
	add(b.t("cond.digest"), r.Meta.Digest, true)
	add(b.t("cond.time"), b.compressed(r), false)
	add(b.t("cond.valid"), b.t("cond.void"), false)
	return c
}

// worstTile is the capacity in the situation that gives the verdict.
func (b *builder) worstTile(s judge.SituationForecast) tile {
	t := tile{Label: b.t("tile.capacity-in", s.Name), Value: b.t("effects.unknown"), Name: true}
	if s.Determined {
		t.Name, t.Value, t.Exact = false, b.estimate(s.Users), exact("", s.Users.P50).Exact
		t.Note = b.t("tile.worst-note", b.spread(s.Users))
	}
	return t
}

// limitOfVerdict is what gives way first in the situation that gives the verdict.
func limitOfVerdict(f *judge.Forecast) judge.Limit {
	if i := decisive(f); i > 0 {
		return f.Situations[i].Limit
	}
	return f.Limit
}

// transferred says how the forecast was carried from staging to production: by which limits, and how sure that is; empty
// where it was not.
func (l *language) transferred(r *judge.Result) string {
	f := &r.Forecast
	if !f.Transferred {
		return ""
	}
	text := l.t("cond.transferred")
	for _, m := range f.Assumptions {
		if m.Code != "assume-transfer" || len(m.Args) == 0 {
			continue
		}
		if sigma, ok := m.Args[0].(capacity.Share); ok {
			text = l.t("cond.transferred-by", l.limitShare(float64(sigma)))
		}
	}
	var grown []string
	for _, k := range f.Resources {
		if was := limitMeasured(r, k.Name); was > 0 && k.Limit > 0 && was != k.Limit {
			grown = append(grown, k.Name+" "+l.amount(was)+" → "+l.amount(k.Limit))
		}
	}
	if len(grown) > 0 {
		text += "; " + l.t("cond.limits", strings.Join(grown, ", "))
	}
	return text
}

// limitMeasured is a resource's limit where it was measured, in the newest stage that has it; 0 where none has.
func limitMeasured(r *judge.Result, resource string) float64 {
	for _, s := range slices.Backward(r.Stages) {
		for _, u := range s.Resources {
			if u.Name == resource && u.Limit > 0 {
				return u.Limit
			}
		}
	}
	return 0
}

// together names the runs that were judged together; empty where there is one.
func (l *language) together(r *judge.Result) string {
	if !pooled(r) {
		return ""
	}
	var ids []string
	for _, run := range r.Runs {
		ids = append(ids, run.ID)
	}
	return l.t("cond.pooled", l.count(len(ids)), l.list(ids))
}

// ofActivity says how much of the interval in accounts comes from the range of the activity; empty where none does.
func (l *language) ofActivity(r *judge.Result) string {
	share := r.Forecast.ActivityShare
	switch {
	case share < 0.005:
		return ""
	case share > 0.5:
		return l.t("cond.activity-most", l.percent(share))
	}
	return l.t("cond.activity-part", l.percent(share))
}
