// Package judge reads an archive and its scenario and says what they mean: measurements per stage, objectives held or
// broken, the forecast of the capacity, and the verdict for the next batch. It reads nothing but the archive, so every
// old run can be judged again.
package judge

import (
	"time"

	"pegel/internal/archive"
	"pegel/internal/capacity"
	"pegel/internal/record"
)

// Result is everything that reports show. It is plain data; every number in every report comes from here.
type Result struct {
	Meta      archive.Meta // of the newest run, where several are pooled
	Scenario  []byte       // the original bytes
	Effective []byte       // the scenario as it was driven; nil where the archive does not have it
	Runs      []Run        // that were judged together, in the order of their beginning

	Duration time.Duration
	Complete bool    // the run ended by itself
	Ended    Message // how: complete, interrupted, aborted, cut off
	Stages   []StageResult
	Played   []Played // situations that were played as stages of their own, in their order
	Timeline []Tick   // one for each interval
	Actions  []string
	Errors   []ErrorRow

	Dimensions []DimensionView // by group, backend, tag and source, as far as the run has them
	Splits     []Split         // the same of every valid stage, to be tested

	Resources []ResourceView
	Generator GeneratorView
	Delivery  *archive.Delivery // of the run's mail; nil: no account was kept
	Browser   *BrowserView      // what real browsers told beside times; nil: none took part
	Copies    *archive.Copies   // what comparing a migration's two sides came to; nil: nobody did
	Checks    *Checks           // of answers against former ones; nil: there were none

	Objectives []ObjectiveResult
	Forecast   Forecast
	Effects    *Effects  // nil: neither copy traffic nor fresh accounts in any stage
	Warnings   []Message // doubts that travel with the result
	Notes      []Message
}

// Run is one of several runs that were judged together.
type Run struct {
	ID      string
	Started time.Time
	Seed    uint64
	Stages  int // valid ones
}

// StageResult is one stage as measured in its hold.
type StageResult struct {
	archive.Stage
	Run        int           // index of Result.Runs
	Start, End time.Duration // of the hold
	Valid      bool          // false: the generator was strained or the hold was cut short; never enters a fit
	Why        Message       // why not valid
	Actions    []ActionStats // sorted by name; all personas together
	ByPersona  []ActionStats // sorted by persona, then name
	Throughput float64       // actions per second
	ErrorShare float64       // failed / done
	InFlight   float64       // mean number of actions under way
	Waiting    float64       // of these, requests whose answer the platform holds back as it was asked to (long polls); 0 where there are no such
	LagP99     time.Duration
	Generator  Health
	Resources  []ResourceUse

	busy  float64 // mean number of actions under way whose time is latency, without long polls
	polls under   // the long polls
}

// ActionStats sums up one action in one stage.
type ActionStats struct {
	Action                        string
	Persona                       string // "" = all
	Count                         uint64
	Failed                        uint64
	Rate                          float64       // per second
	Mean, P50, P90, P95, P99, Max time.Duration // response time
	P95Low, P95High               time.Duration // 90 % interval of the p95, binomial order statistics
	ServiceP95                    time.Duration
	Phases                        []PhaseStats
	Over                          uint64            // beyond the histogram's range
	Hist                          *record.Histogram `json:"-"`
}

// PhaseStats is the mean, median and p95 of one phase.
type PhaseStats struct {
	Phase          string
	Count          uint64
	Mean, P50, P95 time.Duration
}

// Tick is one interval of the run for charts over time.
type Tick struct {
	At            time.Duration // end of the interval
	Seconds       float64
	Users         int
	Throughput    float64
	ErrorShare    float64
	P50, P95, P99 time.Duration // over all actions with an objective
	Heat          []HeatCell
	LagP99        time.Duration
	Failed        map[string]uint64 // by class
}

// HeatCell counts responses in one row of the heat map; rows are HeatRows latencies, log-spaced.
type HeatCell struct {
	Row   int
	Count uint64
}

// HeatRow returns the lower edge of a row of the heat map: four rows for each doubling from 100 µs.
func HeatRow(row int) time.Duration { return heatEdge(row) }

// ErrorRow is one class of failures of one action.
type ErrorRow struct {
	Action, Class string
	Count         uint64
	FirstAt       time.Duration
	FirstUsers    int
	Example       string
}

// ResourceUse is one of the platform's own resources in one stage, from its counters.
type ResourceUse struct {
	Name, Kind          string
	InUse, Limit, Queue float64 // means
	InUseMax            float64
	Rate                float64 // visits finished per second
	Demand              float64 // seconds of use per visit
	Utilisation         float64 // InUse / Limit
	Refused             float64 // per second
}

// ResourceView is a resource over time.
type ResourceView struct {
	Name, Kind, Page    string
	Group               string   // of shards: an account always goes to the same one of them; empty: none
	Actions             []string // that pass through it, as globs; empty: all
	At                  []time.Duration
	InUse, Limit, Queue []float64 // NaN-free; same length as At
}

// GeneratorView is the health of the generator itself.
type GeneratorView struct {
	Verdict string // Clean, Strained, Invalid or "unknown"
	Why     Message
	Cause   Message // what made it late, where that is known; Why says it too
	// TimerError is how late timers were before the load, the median; 0: not known.
	TimerError time.Duration
	At         []time.Duration
	LagP99     []time.Duration
	CPU        []float64 // of one core, in percent; process of pegel, with the embedded platform where that runs inside
	RSS        []float64 // bytes
	Gaps       int
}

// ObjectiveResult is one objective for one action: where it held and where it broke.
type ObjectiveResult struct {
	Text      Message // "imap.* p99 < 2s"
	Action    string  // the action judged
	Quantile  float64 // 0 for errors
	Limit     time.Duration
	MaxErrors float64
	Stages    []ObjectiveStage
	Broken    bool               // in a stage up to the accounts that are live now
	BrokenAt  int                // users of the first stage in which it broke; 0: none
	Breaks    *capacity.Interval // forecast of the active users at which it breaks; nil: not determined
}

// ObjectiveStage is an objective in one stage.
type ObjectiveStage struct {
	Users   int
	Value   time.Duration
	Share   float64 // for errors
	Samples uint64
	Enough  bool // enough samples for this quantile
	Held    bool
}

// Forecast is the answer. Its JSON form is WriteForecast's.
type Forecast struct {
	Determined  bool
	Why         Message           // where not determined: why, in one sentence
	Users       capacity.Interval // active users
	Accounts    capacity.Interval
	LowerBound  int // highest load at which every objective was shown to hold
	MeasuredMax int
	StagesUsed  int
	Limit       Limit
	Resources   []ResourceRank // by probability of being first
	Curve       []CurvePoint   // worst objective's quantile over load
	CurveFor    string         // "web.list p95"
	CurveLimit  time.Duration
	Batch       *BatchVerdict
	Batches     []BatchVerdict // every batch to come
	Assumptions []Message
	Method      string // "counters", "in-flight", "none"

	Situations    []SituationForecast // the busy hour first
	Transferred   bool                // from staging to production, as the scenario declares it; Users and all that follows are production's
	ActivityShare float64             // of the variance of the capacity in accounts, on the logarithmic scale
	Plan          *Plan               // what the batches come to; nil: there are none
	WhatIf        *WhatIf             // nil: nothing was assumed
	Target        *Target             // nil: none was given
	Thresholds    *Thresholds         // of the platform's own metrics

	measured float64 // highest load measured
}

// Estimate is a capacity under some assumption. Users, Accounts and Limit say nothing where it is not determined.
type Estimate struct {
	Determined bool
	Why        Message           // where not determined
	Users      capacity.Interval // active users
	Accounts   capacity.Interval // through activity; wider than Users where that is a range
	Limit      Limit
}

// SituationForecast is the capacity in one situation.
type SituationForecast struct {
	Name string
	Estimate
	Played *Played // what was measured of it; nil: it was not played, or nothing came out
}

// SituationVerdict is whether a batch may come as far as one situation goes.
type SituationVerdict struct {
	Name    string
	POK     float64 // P(every objective holds), in [0, 1]
	Verdict string  // go, caution, no-go
	Unknown bool    // the capacity in this situation is not determined, and POK says nothing
}

// Plan sums up the batches to come.
type Plan struct {
	Batches int           // how many
	Safe    int           // how many of them are go, counted from the first to the one before the first that is not
	Last    *BatchVerdict // the last of the safe ones; nil: none
	First   *BatchVerdict // the first that is not go; nil: none
	Summary Message
	Measure *Target // the smallest change that carries all of them; nil: none is needed, or it was not asked for
}

// WhatIf compares the busy hour as it is with the one under assumptions.
type WhatIf struct {
	Assumed       []string // as they were written
	Before, After Estimate
	Situations    []SituationForecast // under the assumptions
	Batches       []BatchVerdict      // under the assumptions
}

// Target is a load that the platform should carry, and what it takes.
type Target struct {
	Accounts int           // 0: Users were asked for
	Users    float64       // active users, expected where accounts were asked for
	Carried  bool          // as it is
	POK      float64       // P(every objective holds) as it is, in the worst situation
	Limit    Limit         // what stands in the way: first as it is; in the end where no change of limits is enough
	Changes  []LimitChange // the smallest found; together they are enough
	Enough   bool          // the load is carried, with Changes or without
	After    float64       // P(every objective holds) with Changes
	Why      Message
}

// LimitChange is a limit of a resource, or of all resources of a group, from one value to another in its own units.
type LimitChange struct {
	Resource, Kind string
	From, To       float64
}

// Limit is what gives way first.
type Limit struct {
	Objective, Action, Resource string
	Probability                 float64 // in [0, 1]
}

// ResourceRank is a resource with the probability that it gives way first.
type ResourceRank struct {
	Name, Kind  string
	Probability float64           // in [0, 1]
	Users       capacity.Interval // load at which it alone would break an objective; zero: not in sight
	Limit       float64           // in the resource's own units
	Demand      float64           // seconds per visit
	Visits      float64           // visits per second and active user
	Measured    []ResourcePoint
}

// ResourcePoint is how many of a resource's units were in use, and how many visits waited, on average at one load.
type ResourcePoint struct{ Users, InUse, Queue float64 }

// CurvePoint is the modelled quantile at one load, with its 90 % interval.
type CurvePoint struct {
	Users          float64
	Low, Mid, High time.Duration
}

// BatchVerdict is whether a batch may come.
type BatchVerdict struct {
	Name, Date string
	Accounts   int     // of this batch
	After      int     // accounts live after it
	Users      float64 // active users after it, expected
	Unknown    bool    // the capacity is not determined, and POK says nothing
	POK        float64 // P(every objective holds) in the worst situation, in [0, 1]
	Verdict    string  // go, caution, no-go: of the worst situation
	Why        Message

	Situations       []SituationVerdict // the busy hour first
	Situation        string             // the worst one; empty where the capacity is not determined
	Action, Resource string             // what limits it in the worst situation; empty: not known
}
