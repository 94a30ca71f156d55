package reports

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"time"

	"pegel/internal/archive"
	"pegel/internal/capacity"
	"pegel/internal/judge"
)

// Extra is what only the caller of WriteForecast knows; what is not set is left out.
type Extra struct {
	Truth       *Truth
	Report      string // path of the HTML report
	Verdict     string // one of the words of Verdict
	Archive     string // path of the archive
	Seed        *uint64
	Compression float64
}

// Truth is the true capacity, known for the embedded platform only.
type Truth struct {
	Users     int    `json:"users"`
	Objective string `json:"objective,omitempty"` // that breaks first
	Resource  string `json:"resource,omitempty"`  // that gives way first
}

// The types below are format 1 of forecast.json. Fields may be added; a change of meaning raises the format.
type forecastFile struct {
	Format     int               `json:"format"`
	Determined bool              `json:"determined"`
	Unit       string            `json:"unit"`
	Capacity   *capacityFile     `json:"capacity,omitempty"`
	LowerBound int               `json:"lower_bound"`
	Measured   measuredFile      `json:"measured"`
	Limit      *limitFile        `json:"limit,omitempty"`
	NextBatch  *batchFile        `json:"next_batch,omitempty"`
	Situations []estimateFile    `json:"situations,omitempty"`
	Batches    []batchFile       `json:"batches,omitempty"`
	Plan       *planFile         `json:"plan,omitempty"`
	WhatIf     *whatIfFile       `json:"what_if,omitempty"`
	Target     *targetFile       `json:"target,omitempty"`
	Effects    *effectsFile      `json:"effects,omitempty"`
	Arms       *armsFile         `json:"experiment,omitempty"`
	Dimensions []dimensionFile   `json:"dimensions,omitempty"`
	Beside     []besideFile      `json:"web_and_browser,omitempty"` // what both users at HTTP level and real browsers have done
	Copies     *archive.Copies   `json:"copies,omitempty"`          // what comparing a migration's two sides came to
	Delivery   *archive.Delivery `json:"delivery,omitempty"`        // of the run's mail, where account was kept of it
	Checks     *checksFile       `json:"checks,omitempty"`          // of answers against former ones
	Transfer   bool              `json:"transferred,omitempty"`     // from staging to production, as the scenario declares it
	Activity   *float64          `json:"activity_share,omitempty"`  // of the variance of the capacity in accounts
	Runs       []runFile         `json:"runs,omitempty"`            // where several were judged together
	Warnings   []warningFile     `json:"warnings"`
	Notes      []string          `json:"notes,omitempty"`
	Truth      *Truth            `json:"truth,omitempty"`
	Verdict    string            `json:"verdict,omitempty"`
	Report     string            `json:"report,omitempty"`
	Archive    string            `json:"archive,omitempty"`
	Seed       *uint64           `json:"seed,omitempty"`
	Compressed *json.RawMessage  `json:"compression,omitempty"`
}

type capacityFile struct {
	Users    intervalFile  `json:"users"`
	Accounts *intervalFile `json:"accounts,omitempty"`
}

// intervalFile is in whole users; an end that is open is null.
type intervalFile struct {
	P05 *int64 `json:"p05"`
	P50 *int64 `json:"p50"`
	P95 *int64 `json:"p95"`
}

type measuredFile struct {
	MaxUsers int `json:"max_users"`
	Stages   int `json:"stages"`
	Runs     int `json:"runs,omitempty"` // where several were judged together
}

type runFile struct {
	ID      string    `json:"id"`
	Started time.Time `json:"started"`
	Seed    uint64    `json:"seed"`
	Stages  int       `json:"stages"` // in the fit
}

type limitFile struct {
	Objective   string  `json:"objective"`
	Action      string  `json:"action"`
	Resource    string  `json:"resource"`
	Probability float64 `json:"probability"`
}

type warningFile struct {
	Code string `json:"code"`
	Text string `json:"text"`
}

// WriteForecast writes the forecast as one JSON object, format 1, indented, with a line feed at its end. Users and
// accounts are whole numbers, probabilities have four decimals.
func WriteForecast(w io.Writer, r *judge.Result, extra Extra) error {
	f := r.Forecast
	out := forecastFile{
		Format: 1, Determined: f.Determined, Unit: "active_users", LowerBound: f.LowerBound,
		Measured: measuredFile{MaxUsers: f.MeasuredMax, Stages: f.StagesUsed}, Warnings: []warningFile{},
		Truth: extra.Truth, Report: extra.Report, Verdict: extra.Verdict, Archive: extra.Archive, Seed: extra.Seed,
	}
	if f.Determined {
		out.Capacity = capacityOf(f.Users, f.Accounts)
	}
	out.Limit = limitOf(f.Limit)
	answers(&out, &f)
	out.Effects, out.Arms = effectsOf(r.Effects), armsOf(r.Arms)
	out.Dimensions, out.Beside = dimensionsOf(r), besideOf(r)
	out.Delivery, out.Copies = r.Delivery, r.Copies
	if c := r.Checks; c != nil {
		out.Checks = &checksFile{Share: share(c.Share), Violations: c.Violations}
	}
	if pooled(r) {
		out.Measured.Runs = len(r.Runs)
		for _, run := range r.Runs {
			out.Runs = append(out.Runs, runFile(run))
		}
	}
	if f.ActivityShare > 0 {
		out.Activity = new(share(f.ActivityShare))
	}
	for _, note := range r.Notes {
		out.Notes = append(out.Notes, note.String())
	}
	for _, warning := range r.Warnings {
		out.Warnings = append(out.Warnings, warningFile{warning.Code, warning.String()})
	}
	if extra.Compression > 0 {
		raw := json.RawMessage(fmt.Sprint(extra.Compression))
		out.Compressed = &raw
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(out); err != nil {
		return fmt.Errorf("writing the forecast: %w", err)
	}
	return nil
}

func whole(i capacity.Interval) intervalFile {
	return intervalFile{rounded(i.P05), rounded(i.P50), rounded(i.P95)}
}

// rounded is a whole number; nil for what is none.
func rounded(v float64) *int64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return new(int64(math.Round(v)))
}

// share rounds a probability; what is none is 0.
func share(p float64) float64 {
	if math.IsNaN(p) || math.IsInf(p, 0) {
		return 0
	}
	return math.Round(p*1e4) / 1e4
}
