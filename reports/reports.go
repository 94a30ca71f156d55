// Package reports writes one judged result for its readers: an HTML file for people, a summary for the terminal, JSON
// and JUnit XML for machines.
//
// It computes nothing that judging has not computed: every writer takes the same judge.Result, so the numbers in the
// report, on the terminal and in the JSON are the same numbers. The JSON carries whole users; the writers for people
// round them to what they are worth, by the one set of rules in number.go. Every fixed text comes from the tables in
// lang/, and what judging says (warnings, reasons, assumptions) is worded from its codes by the messages there; what the
// run itself says (names, examples of errors) is shown as it is, and escaped.
package reports

import (
	"pegel/internal/judge"
)

// Options are what the writers for people need besides the result.
type Options struct {
	Lang   string // "en" (also where empty) or "de"; anything else is an error
	Truth  int    // true capacity in active users where the platform is known, else 0
	Again  string // command that repeats the run; empty: derived from the scenario's name and seed
	Colour bool   // WriteText only: colour the verdict with ANSI codes
}

// The words of a verdict on a result as a whole.
const (
	Go            = "go"
	Caution       = "caution"
	NoGo          = "no-go"
	NotDetermined = "not determined"
)

// Verdict is the word on the next batch: Go, Caution or NoGo, or NotDetermined where the forecast is not determined
// and the batch lies neither in the proven range nor beyond a broken objective. It is empty where a capacity was
// determined and no batch was asked about.
func Verdict(r *judge.Result) string {
	batch := r.Forecast.Batch
	switch {
	case batch != nil && (r.Forecast.Determined || batch.Verdict == Go || batch.Verdict == NoGo):
		return batch.Verdict
	case !r.Forecast.Determined:
		return NotDetermined
	}
	return ""
}
