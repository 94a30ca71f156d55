package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pegel/internal/capacity"
	"pegel/internal/table"
	"pegel/scenarios"
)

// tableQuestion is a forecast from a table that was measured elsewhere.
type tableQuestion struct {
	file       string
	model      string
	objectives []string
	think      time.Duration
	columns    map[string]string
	json       bool
}

// register adds the flags that belong to tables.
func (q *tableQuestion) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&q.file, "csv", "", "forecast from a table measured elsewhere instead of a run")
	flags.StringVar(&q.model, "model", "auto", "with --csv: auto, usl (the scalability law) or queue (resources with limits)")
	flags.StringArrayVar(&q.objectives, "objective", nil, "with --csv: p95<1s, p99<2s, mean<500ms or errors<0.5%; may be repeated")
	flags.DurationVar(&q.think, "think", 0, "with --csv: a user's mean think time between two operations")
	flags.StringToStringVar(&q.columns, "columns", nil, "with --csv: which columns to read, as in users=vus,throughput=tps")
}

// arguments refuses flags and arguments that mean nothing for a table, or nothing without one; without a table the
// arguments are as run wants them.
func (q *tableQuestion) arguments(run cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		own := []string{"csv", "model", "objective", "think", "columns"}
		var wrong error
		cmd.Flags().Visit(func(f *pflag.Flag) {
			switch ours := slices.Contains(own, f.Name); {
			case q.file == "" && ours:
				wrong = usage("--%s is for tables: give --csv FILE too", f.Name)
			case q.file != "" && !ours && f.Name != "json":
				wrong = usage("--%s is for runs: a table knows nothing of it", f.Name)
			}
		})
		switch {
		case wrong != nil:
			return wrong
		case q.file == "":
			return run(cmd, args)
		}
		return exactly(0, "no run beside --csv")(cmd, args)
	}
}

// run reads the table, forecasts and prints.
func (q *tableQuestion) run(env environment) error {
	objectives, err := q.check()
	if err != nil {
		return err
	}
	t, err := q.read()
	if err != nil {
		return err
	}
	answer := tableAnswer{table: t, model: q.model}
	answer.warn(t.Warnings...)
	if q.model == "usl" {
		if err := answer.law(); err != nil {
			return err
		}
	}
	if len(objectives) > 0 || q.model != "usl" {
		if err := answer.forecast(q, objectives); err != nil {
			return err
		}
	}
	if q.json {
		err = answer.writeJSON(env.stdout)
	} else {
		err = answer.writeText(env.stdout)
	}
	if err != nil {
		return err
	}
	if answer.capacity != nil && !answer.capacity.Determined {
		return &exitError{code: exitCaution}
	}
	return nil
}

func (q *tableQuestion) check() ([]capacity.StepObjective, error) {
	if !slices.Contains([]string{"auto", "usl", "queue"}, q.model) {
		return nil, usage("unknown model %q: auto, usl or queue", q.model)
	}
	if q.think < 0 {
		return nil, usage("--think %s: give a time of at least 0", q.think)
	}
	var list []capacity.StepObjective
	for _, text := range q.objectives {
		o, err := tableObjective(text)
		if err != nil {
			return nil, &exitError{code: exitUsage, err: err, hint: "write p95<1s, p99<2s, p50<300ms, mean<500ms or errors<0.5%"}
		}
		list = append(list, o)
	}
	return list, nil
}

func (q *tableQuestion) read() (*table.Table, error) {
	opt := table.Options{Columns: map[table.Column]string{}, Nearest: scenarios.Nearest}
	for name, head := range q.columns {
		c, ok := table.ColumnNamed(name)
		if !ok {
			return nil, &exitError{code: exitUsage, err: fmt.Errorf("--columns: there is no meaning %q", name),
				hint: "the meanings are " + strings.Join(table.ColumnNames(), ", ")}
		}
		opt.Columns[c] = head
	}
	f, err := os.Open(q.file)
	if err != nil {
		return nil, &exitError{code: exitUsage, err: fmt.Errorf("reading the table: %w", err)}
	}
	defer f.Close()
	t, err := table.Read(q.file, f, opt)
	return t, invalidTable(err)
}

// invalidTable gives what is wrong in a table its exit code.
func invalidTable(err error) error {
	if wrong, ok := errors.AsType[table.Errors](err); ok {
		return &exitError{code: exitScenario, err: wrong}
	}
	return err
}

// tableObjective reads an objective as people write it: p95<1s, mean < 500ms, errors<0.5%.
func tableObjective(text string) (capacity.StepObjective, error) {
	what, limit, ok := strings.Cut(strings.ReplaceAll(text, " ", ""), "<")
	o := capacity.StepObjective{Objective: capacity.Objective{Name: what + "<" + limit}}
	if !ok {
		return o, fmt.Errorf("objective %q has no <", text)
	}
	if what == "errors" {
		number, percent := strings.CutSuffix(limit, "%")
		v, err := strconv.ParseFloat(number, 64)
		if percent {
			v /= 100
		}
		if err != nil || !(v > 0 && v < 1) {
			return o, fmt.Errorf("objective %q: %q is no share between 0 and 1", text, limit)
		}
		o.Errors = v
		return o, nil
	}
	d, err := time.ParseDuration(limit)
	if err != nil || d <= 0 {
		return o, fmt.Errorf("objective %q: %q is no time above 0 with its unit", text, limit)
	}
	o.Limit = d.Seconds()
	switch what {
	case "mean":
		o.Mean = true
	case "p50":
		o.Quantile = 0.5
	case "p95":
		o.Quantile = 0.95
	case "p99":
		o.Quantile = 0.99
	default:
		return o, fmt.Errorf("objective %q: a table has no %q", text, what)
	}
	return o, nil
}

// tableAnswer is what is printed.
type tableAnswer struct {
	table    *table.Table
	model    string
	usl      *capacity.USL
	on       string // what the law is fitted on
	capacity *capacity.Forecast
	warnings []tableWarning
}

type tableWarning struct {
	Code string `json:"code"`
	Text string `json:"text"`
}

func (a *tableAnswer) warn(list ...table.Warning) {
	for _, w := range list {
		a.warnings = append(a.warnings, tableWarning(w))
	}
}

// law fits the scalability law to the requests under way: the concurrency, or X·R for users.
func (a *tableAnswer) law() error {
	t := a.table
	var n, x []float64
	response := table.Mean
	if !t.Has(table.Mean) {
		response = table.P50
	}
	switch {
	case t.Load() == table.Concurrency:
		a.on = "concurrency"
	case t.Has(response):
		a.on = "throughput × " + response.String()
		if response == table.P50 {
			a.warn(table.Warning{Code: "p50-for-mean", Text: "the requests under way are worked out with the median response time, for want of the mean"})
		}
	default:
		a.on = "users"
		a.warn(table.Warning{Code: "usl-on-users", Text: "the law is fitted on users: where they think between operations they are not under way, and the coefficients say nothing about the platform; a column mean or p50 would help"})
	}
	for _, row := range t.Rows {
		load := row.Of(t.Load())
		if strings.HasPrefix(a.on, "throughput") {
			load = row.Of(table.Throughput) * row.Of(response)
		}
		n, x = append(n, load), append(x, row.Of(table.Throughput))
	}
	law, err := capacity.FitUSL(n, x)
	if err != nil {
		return &exitError{code: exitScenario, err: fmt.Errorf("%s:%d:1: %w", t.File, t.Rows[0].Line, err),
			hint: "the law has three coefficients: measure at four loads or more"}
	}
	a.usl = &law
	if law.Sigma.Bound && law.Kappa.Bound {
		a.warn(table.Warning{Code: "usl-linear", Text: "throughput rises in proportion to load: contention and coherency are not to be seen yet, and a capacity cannot be told from it"})
	}
	return nil
}

// forecast asks for the capacity by the objectives.
func (a *tableAnswer) forecast(q *tableQuestion, objectives []capacity.StepObjective) error {
	t := a.table
	if q.model == "queue" && len(t.Resources) == 0 {
		return &exitError{code: exitScenario, err: fmt.Errorf("%s:1:1: the queue model needs a resource's use and limit", t.File),
			hint: "columns such as db.used and db.limit"}
	}
	if len(objectives) == 0 && len(t.Resources) == 0 {
		return &exitError{code: exitUsage, err: errors.New("a forecast needs an objective"),
			hint: "--objective 'p95<1s'; --model usl describes throughput without one"}
	}
	s := capacity.Staircase{Users: t.Load() == table.Users, Think: q.think.Seconds(), Objectives: objectives,
		Resources: t.Resources, OnlyUSL: q.model == "usl"}
	sources, err := a.sources(objectives)
	if err != nil {
		return err
	}
	for _, row := range t.Rows {
		step := capacity.Step{Load: row.Of(t.Load()), Throughput: row.Of(table.Throughput), Mean: row.Of(table.Mean), Copy: row.Of(table.Copy)}
		if !t.Has(table.Mean) {
			step.Mean = row.Of(table.P50)
		}
		for _, source := range sources {
			step.Values = append(step.Values, source(row))
		}
		for _, u := range row.Use {
			step.Used, step.Limit = append(step.Used, u.Used), append(step.Limit, u.Limit)
		}
		s.Steps = append(s.Steps, step)
	}
	a.capacity = s.Forecast(capacity.Options{})
	a.thinkTime(q.think, &s)
	for _, m := range a.capacity.Warnings {
		a.warnings = append(a.warnings, tableWarning{m.Code, m.String()})
	}
	return nil
}

// sources finds where each objective's values stand. The mean of requests that do not think follows from Little's law.
func (a *tableAnswer) sources(objectives []capacity.StepObjective) ([]func(table.Row) float64, error) {
	t := a.table
	var list []func(table.Row) float64
	for _, o := range objectives {
		column := table.ErrorShare
		switch {
		case o.Mean:
			column = table.Mean
		case o.Quantile == 0.5:
			column = table.P50
		case o.Quantile == 0.95:
			column = table.P95
		case o.Quantile == 0.99:
			column = table.P99
		}
		switch {
		case t.Has(column):
			list = append(list, func(r table.Row) float64 { return r.Of(column) })
		case o.Mean && t.Load() == table.Concurrency:
			a.warn(table.Warning{Code: "mean-by-littles-law", Text: "the mean response time is worked out as concurrency / throughput"})
			list = append(list, func(r table.Row) float64 { return r.Of(table.Concurrency) / r.Of(table.Throughput) })
		default:
			return nil, &exitError{code: exitScenario, err: fmt.Errorf("%s:1:1: the objective %s needs the column %s", t.File, o.Name, column),
				hint: "name the column with --columns " + column.String() + "=NAME"}
		}
	}
	return list, nil
}

// thinkTime holds the think time that was given against the one that the table itself shows: users / throughput less the
// response time.
func (a *tableAnswer) thinkTime(given time.Duration, s *capacity.Staircase) {
	if given == 0 || !s.Users || s.Steps[0].Mean == 0 {
		return
	}
	var seen []float64
	for _, step := range s.Steps {
		seen = append(seen, step.Load/step.Throughput-step.Mean)
	}
	slices.Sort(seen)
	middle := seen[len(seen)/2]
	if middle < 0.8*given.Seconds() || middle > 1.25*given.Seconds() {
		a.warn(table.Warning{Code: "think-time", Text: fmt.Sprintf("--think says %s, users / throughput less the response time says %.3g s", given, middle)})
	}
}
