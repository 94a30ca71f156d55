// Package expect says what a plan will do before it does it: users, actions, mails, bytes and connections by expectation,
// and what the generator needs for them.
//
// The figures are means, computed from the journeys as written: the mean of each distribution, the weights of each choice,
// loops, beats, session lengths and arrivals. Nothing is drawn, so they cost nothing, whatever the number of users. They
// assume a platform that keeps up: each action takes Options.Response. What depends on answers is unknown beforehand; both
// ways of a condition count half, which is said in Warnings.
package expect

import (
	"time"

	"pegel/internal/plan"
)

// DefaultResponse is the assumed response time of an action: what a user notices as fast, and no platform's figure.
const DefaultResponse = 200 * time.Millisecond

// Options are what the expectation assumes.
type Options struct {
	Response time.Duration // mean response time of an action; 0: DefaultResponse
	Day      string        // YYYY-MM-DD: stages of the batches of this day; All: every stage; "": the busiest day, where batches have dates
}

// All is the Day that stands for the whole run.
const All = "all"

// Load is what a plan, or one day of it, will do.
type Load struct {
	Day      string        `json:"day,omitempty"` // date of the batches; empty: the whole run
	Duration time.Duration `json:"-"`
	Seconds  float64       `json:"seconds"`
	Accounts int           `json:"accounts"` // live at the most
	Busiest  int           `json:"busiest"`  // index in Stages of the one with most actions a second
	Personas []Persona     `json:"personas"`
	Stages   []Stage       `json:"stages"`
	// Rates are those of the busiest stage, logins and first downloads included; totals are of all Stages.
	Actions   []Action   `json:"actions"`
	Protocols []Protocol `json:"protocols"`
	Ways      []Way      `json:"ways"`
	Mails     Amount     `json:"mails"` // submitted to the platform, recipients counted once
	Copy      *Copy      `json:"copy,omitempty"`
	Warnings  []string   `json:"warnings,omitempty"`
}

// Amount is a rate in the busiest stage and a total.
type Amount struct {
	PerHour float64 `json:"per_hour"`
	Total   float64 `json:"total"`
}

// Persona is how many users play a persona.
type Persona struct {
	Name       string  `json:"name"`
	Kind       string  `json:"kind"`             // Active, Fixed, Copying or Arriving
	Users      int     `json:"users"`            // at the most at the same time; of arriving users the mean
	AtWork     float64 `json:"at_work"`          // of them not away between two sessions, on average
	PerHour    float64 `json:"actions_per_hour"` // of all of them, in the stage in which they do most
	PerSession float64 `json:"actions_per_session,omitempty"`
	Fresh      int     `json:"fresh,omitempty"` // of the users: on accounts just switched over
}

// Kinds of personas.
const (
	Active   = "active"
	Fixed    = "fixed"
	Copying  = "copying"
	Arriving = "arriving"
)

// Stage is one stage of the load.
type Stage struct {
	Index     int           `json:"index"` // in the plan
	Start     time.Duration `json:"-"`     // since the first of those shown
	Ramp      time.Duration `json:"-"`
	Length    time.Duration `json:"-"` // ramp and settling included
	Users     int           `json:"users"`
	ByPersona []int         `json:"by_persona"` // active users, in the order of Load.Personas
	Copiers   int           `json:"copiers"`
	Pass      string        `json:"pass,omitempty"` // that they do: core or deferred
	Fresh     int           `json:"fresh"`          // accounts switched over
	Batch     string        `json:"batch,omitempty"`
	Date      string        `json:"date,omitempty"`
	Situation string        `json:"situation,omitempty"`
	Live      int           `json:"live"`
	PerSecond float64       `json:"actions_per_second"` // mean over the stage
}

// Action is one action's part of the load.
type Action struct {
	Name     string `json:"name"`
	Protocol string `json:"protocol"`
	Amount
	In  float64 `json:"bytes_in_per_hour"`  // towards the generator
	Out float64 `json:"bytes_out_per_hour"` // towards the platform
}

// Protocol is one protocol's part of the load.
type Protocol struct {
	Name        string  `json:"name"`
	PerHour     float64 `json:"actions_per_hour"`
	PerSecond   float64 `json:"actions_per_second"`
	Mails       float64 `json:"mails_per_hour"`
	Connections int     `json:"connections"` // at the same time, at the most
	Opened      float64 `json:"connections_opened_per_hour"`
	In          float64 `json:"bytes_in_per_hour"`
	Out         float64 `json:"bytes_out_per_hour"`
	Total       float64 `json:"actions_total"`
}

// Way is from where users connect to a target, and how often at the same time, at the most.
type Way struct {
	Target      string `json:"target"`
	From        string `json:"from,omitempty"` // first of the source addresses; empty: the system chooses one
	Sources     int    `json:"sources"`        // how many source addresses; at least 1
	Connections int    `json:"connections"`
}

// Copy is the migration's own load.
type Copy struct {
	Users     int     `json:"users"`
	PerSecond float64 `json:"operations_per_second"`
	Limit     float64 `json:"limit_per_second,omitempty"` // wave.copy.rate
	Bytes     float64 `json:"bytes_per_hour"`             // read from the source and written to the platform
	Total     float64 `json:"operations_total"`
}

// Of computes the expectation of a plan.
func Of(p *plan.Plan, opt Options) (*Load, error) {
	if opt.Response == 0 {
		opt.Response = DefaultResponse
	}
	c := newCounting(p, opt)
	return c.load()
}
