package accuracy

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
	"time"

	"pegel/internal/capacity"
)

// Real is one forecast held against real software: made and stored from stages up to some 70 % of the capacity, and only
// then compared with stages around it.
type Real struct {
	Name       string            `json:"name"`     // what limits, as people say it
	Resource   string            `json:"resource"` // what limits, as the scenario names it
	Limit      int               `json:"limit"`    // its configured limit
	Objective  string            `json:"objective"`
	Measured   int               `json:"measured"` // active users of the highest stage before the forecast
	Determined bool              `json:"determined"`
	Why        string            `json:"why,omitempty"` // where not determined, or where the true capacity was not found
	Users      capacity.Interval `json:"users"`         // the forecast, active users
	Named      string            `json:"named"`         // the resource that the forecast names
	Truth      capacity.Interval `json:"truth"`         // measured capacity with its own 90 % interval; zero: not found
	Stages     []RealStage       `json:"stages"`
	Warnings   []string          `json:"warnings,omitempty"`
	Seconds    float64           `json:"seconds"`
}

// RealStage is one stage as measured.
type RealStage struct {
	Users   int           `json:"users"`
	Before  bool          `json:"before"` // the forecast knew it
	Valid   bool          `json:"valid"`  // the generator was not at fault
	Samples int           `json:"samples"`
	P95     time.Duration `json:"p95_ns"`
	Over    float64       `json:"over"`   // share of responses above the objective's limit
	Failed  float64       `json:"failed"` // share of all actions
	InUse   float64       `json:"in_use"` // of the resource that limits, mean
	Queue   float64       `json:"queue"`  // mean
}

// Goals of real software: the error allowed, and how far up a stage may lie before the forecast so that it still counts as
// one from 70 %, the true capacity being unknown when the loads are chosen.
const (
	realError    = 0.15
	realMeasured = 0.75
)

// Error is the relative error of the forecast, +Inf where there is none or no truth.
func (r *Real) Error() float64 {
	if !r.Determined || r.Truth.P50 == 0 {
		return math.Inf(1)
	}
	return math.Abs(r.Users.P50/r.Truth.P50 - 1)
}

// Share is the highest load measured before the forecast over the true capacity, 0 where that was not found.
func (r *Real) Share() float64 {
	if r.Truth.P50 == 0 {
		return 0
	}
	return float64(r.Measured) / r.Truth.P50
}

func (r *Real) met() bool {
	return r.Error() <= realError && r.Share() <= realMeasured && r.Named == r.Resource
}

func (r *Real) figure() string {
	switch {
	case !r.Determined:
		return fmt.Sprintf("%s: not determined (%s); %.0f measured", r.Name, r.Why, r.Truth.P50)
	case r.Truth.P50 == 0:
		return fmt.Sprintf("%s: %.0f forecast (%.0f–%.0f), true capacity not found: %s", r.Name, r.Users.P50, r.Users.P05, r.Users.P95, r.Why)
	}
	text := fmt.Sprintf("%s: %.1f %% from stages up to %.0f %% (%.0f forecast, %.0f–%.0f; %.0f measured, %.0f–%.0f)", r.Name, 100*r.Error(), 100*r.Share(),
		r.Users.P50, r.Users.P05, r.Users.P95, r.Truth.P50, r.Truth.P05, r.Truth.P95)
	if r.Named != r.Resource {
		text += fmt.Sprintf(", names %s instead of %s", r.Named, r.Resource)
	}
	return text
}

// RealCase holds forecasts of real software against their goal. notRun says why there are none, or not all; empty: all are
// there.
func RealCase(trials []Real, notRun string) Case {
	c := Case{Name: "real software with counters, up to 70 %", Goal: "error ≤ 15 %", Met: notRun == "" && len(trials) > 0, Values: map[string]float64{"trials": float64(len(trials))}}
	var figures []string
	worst := 0.0
	for i := range trials {
		figures = append(figures, trials[i].figure())
		c.Met = c.Met && trials[i].met()
		worst = math.Max(worst, trials[i].Error())
	}
	if notRun != "" {
		figures = append(figures, "not run: "+notRun)
	}
	if len(trials) > 0 && !math.IsInf(worst, 1) { // JSON knows no infinity
		c.Values["worst"] = worst
	}
	c.Figure = strings.Join(figures, "; ")
	return c
}

// WriteReal writes the stages of real software and the case for a terminal.
func WriteReal(w io.Writer, trials []Real, c Case) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for i := range trials {
		r := &trials[i]
		fmt.Fprintf(t, "%s, %s, limit %d, %.0f s\n", r.Name, r.Objective, r.Limit, r.Seconds)
		fmt.Fprintln(t, "active users\tforecast\tsamples\tp95\tabove limit\tfailed\tin use\tqueue\t")
		for _, s := range r.Stages {
			fmt.Fprintf(t, "%d\t%s\t%d\t%v\t%.1f %%\t%.2f %%\t%.1f\t%.1f\t%s\n", s.Users, when(s.Before), s.Samples, s.P95.Round(time.Millisecond), 100*s.Over, 100*s.Failed, s.InUse, s.Queue, fault(s.Valid))
		}
		for _, warning := range r.Warnings {
			fmt.Fprintln(t, "warning: "+warning)
		}
		fmt.Fprintln(t)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	return writeCase(w, c)
}

// ReplaceReal writes the documentation's page again with its last section, that of real software, made new.
func ReplaceReal(w io.Writer, page []byte, trials []Real, c Case) error {
	before, _, _ := bytes.Cut(page, []byte("\n"+realHeading))
	b := bufio.NewWriter(w)
	b.Write(before)
	writeReal(b, trials, c)
	return b.Flush()
}

const realHeading = "## Real software"

// writeReal writes the section of the documentation's page.
func writeReal(b *bufio.Writer, trials []Real, c Case) {
	p := func(format string, args ...any) { fmt.Fprintf(b, format+"\n", args...) }
	p("")
	p(realHeading)
	p("")
	p("Written by `pegel bench real`. HAProxy from a Debian package limits, and its own counters are read once a second;")
	p("behind it are Dovecot, and a web server of known service time. Stages up to 70 %% of what the configured limit carries are")
	p("driven, the forecast is made and stored, and only then stages around it are driven until the objective breaks. The load at")
	p("which it does is interpolated; its interval is a bootstrap over stages and blocks of two seconds. One machine, some seconds")
	p("for each stage: the measured capacity is itself uncertain by some per cent. Stages in which the generator could not keep its")
	p("beat do not count; where there is one before the forecast, these stages are driven again, at most three times.")
	p("")
	p("Goal: %s. Reached: %s. Met: %s.", c.Goal, c.Figure, map[bool]string{true: "yes", false: "**no**"}[c.Met])
	for i := range trials {
		r := &trials[i]
		p("")
		p("### %s", r.Name)
		p("")
		p("Objective %s; limit %d.", r.Objective, r.Limit)
		p("")
		p("| active users | forecast | samples | p95 | above limit | in use | queue |")
		p("|---|---|---|---|---|---|---|")
		for _, s := range r.Stages {
			p("| %d | %s | %d | %v | %.1f %% | %.1f | %.1f |", s.Users, when(s.Before)+fault(s.Valid), s.Samples, s.P95.Round(time.Millisecond), 100*s.Over, s.InUse, s.Queue)
		}
	}
}

func when(before bool) string {
	if before {
		return "before"
	}
	return "after"
}

func fault(valid bool) string {
	if valid {
		return ""
	}
	return " (left out: generator strained)"
}
