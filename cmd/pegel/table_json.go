package main

import (
	"encoding/json"
	"io"
	"strconv"

	"pegel/internal/capacity"
	"pegel/internal/table"
)

// significant keeps four significant digits, and whole numbers from 1,000 on.
func significant(v float64) float64 {
	s := strconv.FormatFloat(v, 'g', 4, 64)
	if v >= 1000 {
		s = strconv.FormatFloat(v, 'f', 0, 64)
	}
	v, _ = strconv.ParseFloat(s, 64) // what was just formatted
	return v
}

// The types below are the JSON of a table's forecast: the fields of forecast.json, format 1, that a table can fill, and
// the law.
type tableFile struct {
	Format       int            `json:"format"`
	Model        string         `json:"model"`
	FittedOn     string         `json:"fitted_on,omitempty"`
	Coefficients *lawFile       `json:"coefficients,omitempty"`
	Peak         any            `json:"peak,omitempty"`
	Limit        any            `json:"limit,omitempty"`
	ResidualSE   *float64       `json:"residual_se,omitempty"`
	DF           *int           `json:"df,omitempty"`
	Determined   *bool          `json:"determined,omitempty"`
	Unit         string         `json:"unit,omitempty"`
	Capacity     any            `json:"capacity,omitempty"`
	LowerBound   *float64       `json:"lower_bound,omitempty"`
	Measured     any            `json:"measured,omitempty"`
	Resources    []resourceFile `json:"resources,omitempty"`
	Rows         int            `json:"rows"`
	Warnings     []tableWarning `json:"warnings"`
}

type lawFile struct {
	Sigma  coefficientFile `json:"sigma"`
	Kappa  coefficientFile `json:"kappa"`
	Lambda coefficientFile `json:"lambda"`
}

// coefficientFile has two intervals, both called 95 %: Low and High as the R package usl prints them, t(0.95; rows − 1), so
// that published fits can be compared; StrictLow and StrictHigh by t(0.975; rows − 3), which do cover 95 %.
type coefficientFile struct {
	Value      float64  `json:"value"`
	Low        float64  `json:"low"`
	High       *float64 `json:"high"` // null: open
	StrictLow  float64  `json:"strict_low"`
	StrictHigh *float64 `json:"strict_high"`
	Bound      bool     `json:"bound"`
}

type resourceFile struct {
	Name        string             `json:"name"`
	Probability float64            `json:"probability"`
	Users       map[string]float64 `json:"users,omitempty"`
	Demand      float64            `json:"demand"` // seconds of use for each operation
}

func coefficient(c capacity.Coefficient) coefficientFile {
	closed := func(high float64) *float64 {
		if high == high && high < 1e300 {
			return &high
		}
		return nil
	}
	return coefficientFile{Value: c.Value, Low: c.UslLow, High: closed(c.UslHigh), StrictLow: c.Low, StrictHigh: closed(c.High), Bound: c.Bound}
}

func ends(i capacity.Interval) map[string]float64 {
	return map[string]float64{"p05": significant(i.P05), "p50": significant(i.P50), "p95": significant(i.P95)}
}

// writeJSON writes one object, indented.
func (a *tableAnswer) writeJSON(w io.Writer) error {
	out := tableFile{Format: 1, Model: a.model, FittedOn: a.on, Rows: len(a.table.Rows), Warnings: a.warnings}
	if out.Warnings == nil {
		out.Warnings = []tableWarning{}
	}
	if u := a.usl; u != nil {
		out.Coefficients = &lawFile{coefficient(u.Sigma), coefficient(u.Kappa), coefficient(u.Lambda)}
		out.ResidualSE, out.DF = &u.ResidualSE, &u.DF
		out.Peak, out.Limit = json.RawMessage("null"), json.RawMessage("null")
		if n, x, ok := u.Peak(); ok {
			out.Peak = map[string]float64{"n": n, "x": x}
		}
		if x, ok := u.Limit(); ok {
			out.Limit = x
		}
	}
	if f := a.capacity; f != nil {
		lower := significant(f.Lower)
		out.Determined, out.LowerBound, out.Unit = &f.Determined, &lower, a.unit()
		out.Measured = map[string]any{"max_users": f.Measured, "stages": len(a.table.Rows)}
		if f.Determined {
			out.Capacity = map[string]any{"users": ends(f.Users)}
		}
		if a.usl == nil && (f.First.Objective.Name != "" || f.First.Resource != "") {
			out.Limit = map[string]any{"objective": f.First.Objective.Name, "resource": f.First.Resource, "probability": significant(f.First.Probability)}
		}
		for _, r := range f.Resources {
			file := resourceFile{Name: r.Name, Probability: significant(r.Probability), Demand: r.Demand}
			if r.Known {
				file.Users = ends(r.Users)
			}
			out.Resources = append(out.Resources, file)
		}
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(out)
}

func (a *tableAnswer) unit() string {
	if a.table.Load() == table.Users {
		return "active_users"
	}
	return "concurrency"
}
