package reports

import (
	"fmt"
	"time"

	"pegel/internal/judge"
)

// trust is the section on whether the numbers can be trusted.
type trust struct {
	Title       string
	Why         *remark
	Lag         *figure
	Runs        table
	Stages      table
	Samples     table
	Facts       []pair
	Again       string
	Assumptions []*remark
	Notes       []*remark
	Source      string
	SourceNote  string
}

const shownSource = 100 << 10 // bytes of the scenario in the report

func (b *builder) trust() trust {
	r, g := b.r, b.r.Generator
	t := trust{
		Title: b.t("trust.unknown"), Why: b.remark(g.Why), Lag: b.lag(), Runs: b.runTable(), Stages: b.stageTable(), Samples: b.sampleTable(),
		Facts: b.facts(), Again: again(r, b.opt), Assumptions: b.remarks(r.Forecast.Assumptions),
		Notes: b.remarks(r.Notes), Source: string(r.Scenario),
	}
	var lag time.Duration
	for _, s := range r.Stages {
		lag = max(lag, s.LagP99)
	}
	switch g.Verdict {
	case "clean":
		t.Title = b.t("trust.clean", b.latency(lag))
	case "strained":
		t.Title = b.t("trust.strained", b.latency(lag))
	case "invalid":
		t.Title = b.t("trust.invalid", b.latency(lag))
	}
	if len(t.Source) > shownSource {
		t.Source = t.Source[:shownSource]
		t.SourceNote = b.t("trust.source-cut", b.count(shownSource>>10), b.count(len(r.Scenario)>>10))
	}
	return t
}

// again is the command that repeats the run.
func again(r *judge.Result, opt Options) string {
	if opt.Again != "" {
		return opt.Again
	}
	return fmt.Sprintf("pegel run %s --set seed=%d", r.Meta.Scenario, r.Meta.Seed)
}

// lag draws the generator's own lateness and its processor use over time.
func (b *builder) lag() *figure {
	g := b.r.Generator
	if len(g.At) == 0 {
		return nil
	}
	value := func(list []float64, i int) float64 {
		if i < len(list) {
			return list[i]
		}
		return 0
	}
	at, lag, cpu := []num{}, []num{}, []num{}
	var worstLag time.Duration
	for _, i := range every(len(g.At), columns) {
		at, cpu = append(at, seconds(g.At[i])), append(cpu, num(value(g.CPU, i)))
		if i < len(g.LagP99) {
			lag = append(lag, num(milliseconds(g.LagP99[i])))
		}
	}
	for _, d := range g.LagP99 {
		worstLag = max(worstLag, d)
	}
	peak := 0.0
	for _, v := range g.CPU {
		peak = max(peak, v)
	}
	b.charts["lag"] = chart{"kind": "lag", "at": at, "lag": lag, "cpu": cpu, "borders": borders(b.r)}
	t := table{Head: heads(b.t("col.time"), b.t("col.lag"), b.t("col.cpu"), b.t("col.memory"))}
	for _, i := range every(len(g.At), tableRows/2) {
		row := []cell{name(b.span(g.At[i])), number("–"), number(b.fixed(value(g.CPU, i), 0) + " %"),
			number(b.fixed(value(g.RSS, i)/(1<<20), 0) + " MiB")}
		if i < len(g.LagP99) {
			row[1].Text = b.latency(g.LagP99[i])
		}
		t.Rows = append(t.Rows, row)
	}
	return &figure{ID: "lag", Height: "wide", Title: b.t("lag.title", b.latency(worstLag), b.fixed(peak, 0)),
		Caption: b.t("lag.caption", b.count(len(g.At)), b.count(b.r.Meta.Host.CPUs), b.count(g.Gaps)), Table: t}
}

// stageTable lists the stages in the order of the run, with what was discarded before each hold.
func (b *builder) stageTable() table {
	t := table{Head: []cell{words(b.t("col.stage")), number(b.t("col.users")), number(b.t("col.hold")), number(b.t("col.discarded")),
		number(b.t("col.n")), number(b.t("col.rate")), number(b.t("col.in-flight")), number(b.t("col.lag")), words(b.t("col.valid"))}}
	var before time.Duration
	for i, s := range b.r.Stages {
		if i > 0 && s.Run != b.r.Stages[i-1].Run {
			before = 0
		}
		var n uint64
		for _, a := range s.Actions {
			n += a.Count
		}
		valid := state(b.t("stage.valid"), s.Valid)
		valid.Number = false
		if !s.Valid {
			valid.Text = b.t("stage.invalid")
			if !s.Why.Empty() {
				valid.Text += ": " + b.say(s.Why)
			}
		}
		if h := s.Generator; h.Verdict == judge.Strained || !s.Valid && !h.Cause.Empty() {
			if s.Valid {
				valid.Text += ", " + b.t("stage.strained") + ": " + b.say(h.Why)
			}
			if !h.Cause.Empty() {
				valid.Text += "; " + b.say(h.Cause)
			}
		}
		t.Rows = append(t.Rows, []cell{name(b.count(i + 1)), number(b.loadName(s)), number(b.span(s.End - s.Start)),
			number(b.span(max(s.Start-before, 0))), number(b.total(n)), number(b.amount(s.Throughput)), number(b.amount(s.InFlight)),
			number(b.latency(s.LagP99)), valid})
		before = s.End
	}
	return t
}

// sampleTable says for each objective how many responses it rests on, and whether that is enough.
func (b *builder) sampleTable() table {
	t := table{Head: []cell{words(b.t("col.objective")), number(b.t("col.fewest")), number(b.t("col.n")), words(b.t("col.enough"))},
		Empty: b.t("matrix.empty")}
	for _, o := range b.r.Objectives {
		if len(o.Stages) == 0 {
			continue
		}
		fewest, all, thin := o.Stages[0].Samples, uint64(0), 0
		for _, s := range o.Stages {
			fewest, all = min(fewest, s.Samples), all+s.Samples
			if !s.Enough {
				thin++
			}
		}
		enough := state(b.t("samples.enough"), thin == 0)
		enough.Number = false
		if thin > 0 {
			enough.Class, enough.Mark = "thin", "~"
			enough.Text = b.t("samples.thin", b.count(thin), b.count(len(o.Stages)))
		}
		t.Rows = append(t.Rows, []cell{name(b.objectiveName(o)), number(b.total(fewest)), number(b.total(all)), enough})
	}
	return t
}

func (b *builder) facts() []pair {
	m := b.r.Meta
	var facts []pair
	add := func(key, value string) {
		if value != "" {
			facts = append(facts, pair{b.t(key), value, true})
		}
	}
	add("fact.run", m.RunID)
	add("fact.seed", fmt.Sprint(m.Seed))
	add("fact.digest", m.Digest)
	add("fact.pegel", m.Pegel+" ("+m.Go+")")
	host := fmt.Sprintf("%s, %s %s, %d × CPU", m.Host.Name, m.Host.OS, m.Host.Kernel, m.Host.CPUs)
	if m.Host.Memory > 0 {
		host += ", " + b.fixed(float64(m.Host.Memory)/(1<<30), 1) + " GiB"
	}
	add("fact.host", host)
	add("fact.method", b.either("method.", b.r.Forecast.Method))
	return facts
}
