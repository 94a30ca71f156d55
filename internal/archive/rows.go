// Package archive is the run directory: what a run writes while it goes on, and the only thing that judging reads.
//
// It owns every stored row type. Rows are appended to segment files as framed, checksummed, compressed blocks and
// synced each second, so that after a kill everything up to the last second can be read. The format carries a version;
// a reader refuses what it does not know and says so.
package archive

import (
	"time"

	"pegel/internal/record"
)

// Version of the format.
const Version = 1

// Meta says what ran where; it is written when the run starts (run.json).
type Meta struct {
	Format      int               `json:"format"`
	RunID       string            `json:"run_id"`
	Started     time.Time         `json:"started"`
	Scenario    string            `json:"scenario"`
	Seed        uint64            `json:"seed"`
	Digest      string            `json:"digest"` // of the plan
	Pegel       string            `json:"pegel"`  // version
	Go          string            `json:"go"`
	Host        Host              `json:"host"`
	Environment string            `json:"environment"`
	Compression float64           `json:"compression,omitempty"` // factor by which times are compressed; 0 and 1: not
	Actions     []string          `json:"actions"`               // index = record.Sample.Action
	Personas    []string          `json:"personas"`              // index = record.Sample.Persona
	Notes       []string          `json:"notes,omitempty"`       // what the reader should know, e.g. that no browser took part
	Labels      map[string]string `json:"labels,omitempty"`
}

// Host is the generator's machine.
type Host struct {
	Name   string `json:"name"`
	OS     string `json:"os"`
	Kernel string `json:"kernel,omitempty"`
	CPUs   int    `json:"cpus"`
	Memory uint64 `json:"memory_bytes"`
}

// Stage is a plateau of load as it was meant.
type Stage struct {
	Index     int     `json:"index"`
	Users     int     `json:"users"` // active users
	Fresh     int     `json:"fresh"` // accounts switched over in this stage
	Copy      int     `json:"copy"`  // copying users at work
	Rate      float64 `json:"rate"`  // limit of copy operations per second, 0: none
	Batch     string  `json:"batch,omitempty"`
	Live      int     `json:"live"`                // accounts live in this stage, this stage's batch included
	Beyond    bool    `json:"beyond,omitempty"`    // more accounts than are live now: objectives broken here are a finding, not a failure
	Situation string  `json:"situation,omitempty"` // that was played; such a stage takes no part in the forecast's fit
	Pass      string  `json:"pass,omitempty"`      // copy pass under way: core or deferred; missing in older runs
	// Cold and Warm are, of a hold, the active users whose accounts came into use in this stage, and those whose accounts had been in
	// use in this run before it; missing in older runs.
	Cold int   `json:"cold,omitempty"`
	Warm int   `json:"warm,omitempty"`
	Mix  []int `json:"mix,omitempty"` // of the active users by index of Meta.Personas; 0 for observers and copiers; missing in older runs
}

// Event kinds.
const (
	EventRamp     = "ramp"   // stage begins, users arrive over the ramp
	EventSettle   = "settle" // all users are there
	EventHold     = "hold"   // what is measured from here …
	EventStageEnd = "end"    // … to here counts
	EventAbort    = "abort"  // an abort rule ended the run
	EventStop     = "stop"   // interrupted by the operator
	EventDone     = "done"   // the run is complete
	EventError    = "error"  // an example of a failure
	EventGap      = "gap"    // a metrics page did not answer
	EventNote     = "note"
	EventChoice   = "choice" // an adaptive run chose its next stage and why; without a stage: why it chose to end
)

// Event is something that happened once; At counts from the start of the run.
type Event struct {
	At     time.Duration `json:"at"`
	Kind   string        `json:"kind"`
	Stage  *Stage        `json:"stage,omitempty"`
	Action string        `json:"action,omitempty"`
	Class  string        `json:"class,omitempty"`
	Text   string        `json:"text,omitempty"`
	// Capacity is the forecast by which a choice was made: 5th, 50th and 95th percentile in active users. Missing where it
	// was not determined.
	Capacity []float64 `json:"capacity,omitempty"`
}

// Point is one value of the platform's or the generator's own metrics. Value is never NaN; a gap is the absence of
// points.
type Point struct {
	Page     string  `json:"page"`     // observe.name, or "generator"
	Resource string  `json:"resource"` // resource name, or the metric's name for the generator
	Field    string  `json:"field"`    // in_use, limit, queue, busy, served, refused; or "value"
	Value    float64 `json:"value"`
}

// Metrics are all points read at one time, which counts from the start of the run.
type Metrics struct {
	At     time.Duration `json:"at"`
	Points []Point       `json:"points"`
}

// Sink takes what a run produces; the writer is one, so is the terminal.
type Sink interface {
	Interval(*record.Interval) error
	Event(Event) error
	Metrics(Metrics) error
}
