package main

import (
	"fmt"
	"os"
	"strings"

	"pegel/internal/capacity"
	"pegel/internal/judge"
	"pegel/internal/table"
	"pegel/scenarios"
)

// readObserved reads how the platform did in real use; nil where no file is named.
func readObserved(file string) ([]table.Observation, error) {
	if file == "" {
		return nil, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, &exitError{code: exitUsage, err: fmt.Errorf("reading what was observed: %w", err)}
	}
	defer f.Close()
	rows, err := table.ReadObserved(file, f)
	return rows, invalidTable(err)
}

// joined turns what was observed into facts beside the stages of the newest run. The rows must be of the platform that the
// runs measured; those with a p95 only are held against the strictest objective on one.
func (ask *question) joined(newest judge.Source) ([]capacity.Observation, error) {
	rows, err := readObserved(ask.observed)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	here, s := newest.Run.Meta.Environment, newest.Scenario
	wrong := func(line int, hint, format string, args ...any) error {
		return &exitError{code: exitScenario, err: fmt.Errorf("%s:%d:1: "+format, append([]any{ask.observed, line}, args...)...), hint: hint}
	}
	strictest := strictestP95(s)
	var list []capacity.Observation
	for _, r := range rows {
		switch {
		case r.Environment != "" && !strings.EqualFold(r.Environment, here):
			return nil, wrong(r.Line, "give the rows of the environment that the runs measured; pegel score holds forecasts against others",
				"the row is of the environment %q, the run is of %q", r.Environment, here)
		case r.Environment == "" && s.Environment.Role == "staging":
			return nil, wrong(r.Line, "a column environment says where each row was observed",
				"the run took place on staging, and the row does not say that it did too")
		case s.Environment.Role == "staging" && s.Environment.Transfer != nil:
			return nil, wrong(r.Line, "leave --observed out and hold the forecast against the rows with pegel score, or run on production",
				"the forecast is transferred to production, where no stage stands beside the row")
		case !r.Known && strictest == 0:
			return nil, wrong(r.Line, "give a column ok instead, yes or no", "the row has a p95, and the scenario has no objective on one")
		}
		held := r.OK
		if !r.Known {
			held = r.P95 < strictest
		}
		list = append(list, capacity.Observation{Users: r.Users, Held: held})
	}
	return list, nil
}

// strictestP95 is the lowest limit on a p95 in seconds, 0 where there is none.
func strictestP95(s *scenarios.Scenario) float64 {
	least := 0.0
	for _, o := range s.Objectives {
		for _, l := range o.Limits {
			if x := l.Max.Seconds(); l.Quantile == 0.95 && (least == 0 || x < least) {
				least = x
			}
		}
	}
	return least
}
