// Package scenarios holds the scenario file: its types, the strict loader, and the scenarios that ship with pegel.
//
// A scenario is pure data and the tool's contract with its users: what will hit the platform, exactly and reproducibly.
// Loading refuses whatever it does not understand, with file:line:column, the source line, and the nearest right name.
// What a step's action and its parameters mean is not known here; the plan compiles them against the table of protocols.
package scenarios

import (
	"net/netip"
	"net/url"
	"time"

	"pegel/internal/site"
)

// Scenario is one loaded and checked scenario file.
type Scenario struct {
	Name        string             `yaml:"name"`
	Description string             `yaml:"description"`
	Seed        uint64             `yaml:"seed"`
	Include     []string           `yaml:"include"`     // files whose sections are taken in; see include.go
	Profiles    map[string]Profile `yaml:"profiles"`    // named sets of overrides
	Data        map[string]Feeder  `yaml:"data"`        // values for the parameters of steps, as {{data.NAME}}
	Compression float64            `yaml:"compression"` // times are compressed by this factor (service and think times of the embedded platform); 0 means 1. Only reported.
	Targets     Targets            `yaml:"targets"`
	Lines       map[string]Line    `yaml:"lines"` // between users and platform, by name
	Accounts    Accounts           `yaml:"accounts"`
	Activity    Activity           `yaml:"activity"`
	Personas    []Persona          `yaml:"personas"`
	Journeys    map[string]Journey `yaml:"journeys"`
	Wave        Wave               `yaml:"wave"`
	Environment Environment        `yaml:"environment"`
	Observe     []Observe          `yaml:"observe"`
	Load        LoadShape          `yaml:"load"`
	Objectives  []Objective        `yaml:"objectives"`
	Situations  []Situation        `yaml:"situations"`
	Delivery    *Delivery          `yaml:"delivery"` // nil: no account is kept of mail
	Checks      *Checks            `yaml:"checks"`   // nil: answers are not held against former ones
	Thresholds  Thresholds         `yaml:"verdict"`

	Path       string `yaml:"-"` // where it was read from, as given
	secretless bool   // loaded without secrets: accounts are placeholders
	Source     []byte `yaml:"-"` // the original bytes

	included []Included
	file     *file // positions and source lines, for errors found later
}

// Pos is a place in the scenario file; lines and columns count from 1.
type Pos struct{ Line, Column int }

// Targets are the platform's addresses by name, and what else traffic may reach.
type Targets struct {
	ByName map[string]Target
	Allow  []netip.Prefix // default: 127.0.0.0/8 and ::1/128
}

// Target is one address of the platform.
type Target struct {
	URL      *url.URL `yaml:"url"`
	CA       string   `yaml:"ca"`       // PEM file with certificate authorities to trust besides the system's; relative to the scenario file
	StartTLS string   `yaml:"starttls"` // "required", "optional"; empty: never
	Timeout  Duration `yaml:"timeout"`  // of one action; default 60s
	Site     SiteRef  `yaml:"site"`     // of web and browser targets; default: embedded
	Recycle  int      `yaml:"recycle"`  // of real browsers: journeys (logins) after which a user's browser context is thrown away, 0 to 1000000; 0: never
	// Backend says where answers tell which backend made them; it replaces what the site says, because which balancer
	// stands in front is no matter of the application.
	Backend *site.Backend `yaml:"backend"`
	Behind  Behind        `yaml:"behind"` // what stands behind the target's balancer, for the experiment bypass
	Pos     Pos           `yaml:"-"`
}

// Accounts says which logins there are: by pattern and count, or from a CSV file with the columns login, address,
// password (address defaults to login).
type Accounts struct {
	Pattern  string `yaml:"pattern"` // {n} or {n:05} is the number, from First
	Count    int    `yaml:"count"`
	First    int    `yaml:"first"` // default 1
	Login    string `yaml:"login"` // pattern of the login where it is not the address
	CSV      string `yaml:"csv"`   // relative to the scenario file
	Password Secret `yaml:"password"`
	Auth     Auth   `yaml:"auth"`   // how to log in; default: password
	Groups   Groups `yaml:"groups"` // accounts by ministry, office or shard; or the column group of the CSV file
	Pos      Pos    `yaml:"-"`
}

// Secret is a value that the scenario only points to. Exactly one of Env and File is set. Value is read while loading
// and is never printed: its String is "(secret)".
type Secret struct {
	Env   string `yaml:"env"`
	File  string `yaml:"file"` // relative to the scenario file; the first line counts
	Value string `yaml:"-"`
	Pos   Pos    `yaml:"-"`
}

// String keeps the secret.
func (Secret) String() string { return "(secret)" }

// GoString keeps the secret.
func (Secret) GoString() string { return "(secret)" }

// MarshalText keeps the secret, in JSON too.
func (Secret) MarshalText() ([]byte, error) { return []byte("(secret)"), nil }

// Activity is the share of the accounts that are active users in the busy hour, by persona. Each lies in [0, 1]; they
// need not sum to 1, because one account may have several ways in.
type Activity struct {
	ByPersona map[string]Share
	Source    string // where the shares come from; empty: at best caution
}

// Share is a range of shares; Low equals High for a known one. Written 20% or [15%, 30%].
type Share struct{ Low, High float64 }

// Mid is the middle of the range.
func (s Share) Mid() float64 { return (s.Low + s.High) / 2 }

// Persona is a kind of user. Persons with an activity are part of the stages' active users; one with a Count is a fixed
// number of users beside them (observers); one with Copy is copy traffic.
type Persona struct {
	Name    string `yaml:"name"`
	Journey string `yaml:"journey"`
	Fresh   string `yaml:"fresh"` // journey played first by an account that has just been switched over
	Count   int    `yaml:"count"` // fixed number of users, not counted as active users
	Copy    Pass   `yaml:"copy"`  // this persona is copy traffic of that pass: Wave.Copy.Concurrency of them run while a stage copies

	Arrivals    *Arrivals         `yaml:"arrivals"`    // open arrivals: each plays the journey once; instead of activity or count
	Line        string            `yaml:"line"`        // of Scenario.Lines; empty: none, the generator's own network
	Patience    *Patience         `yaml:"patience"`    // nil: waits until the action's time-out
	Session     *SessionLength    `yaml:"session"`     // nil: stays until its stage sends it away
	Connections map[string]int    `yaml:"connections"` // by target: how many connections one user may keep; for probes that pool them
	Tags        map[string]string `yaml:"tags"`        // of all its actions; a step's own tag of the same name wins
	Pos         Pos               `yaml:"-"`
}

// Journey is the script of a persona. When it ends, it begins again.
type Journey []Step

// Step is exactly one of: an action (Do), a pause (Think alone), a Repeat of Steps, an Every with Steps, a Choose, an If with
// Steps (and Else), or Parallel branches. Pos is where it begins; Scenario.Field finds its parts.
type Step struct {
	Do      string   `yaml:"do"`     // protocol.verb
	Target  string   `yaml:"target"` // default: the protocol's name
	With    Params   `yaml:"with"`
	Think   *Dist    `yaml:"think"` // pause after the action
	Timeout Duration `yaml:"timeout"`

	Save map[string]Capture `yaml:"save"` // variables taken from the answer of Do, used later as {{NAME}}
	Tags map[string]string  `yaml:"tags"` // dimensions of Do's results; at most Tags of them are told apart

	Repeat   *Repeat    `yaml:"repeat"`
	Every    Duration   `yaml:"every"`    // Steps begin on this beat until the session ends: the first at a random part of it
	Lockstep bool       `yaml:"lockstep"` // of Every: the beats of all users fall on the same moments, multiples of Every since the run began
	If       *Condition `yaml:"if"`
	Steps    Journey    `yaml:"steps"` // of Repeat, Every or If
	Else     Journey    `yaml:"else"`  // of If
	Choose   []Choice   `yaml:"choose"`
	Parallel []Branch   `yaml:"parallel"` // all at the same time, each with sessions of its own; goes on when all have ended

	Pos Pos `yaml:"-"`
}

// Branch is one of several sequences of steps that a user does at the same time.
type Branch struct {
	Name  string  `yaml:"name"` // optional
	Steps Journey `yaml:"steps"`
	Pos   Pos     `yaml:"-"`
}

// Repeat is a loop: Times (a distribution would be too much here), or For: session, which never ends by itself.
type Repeat struct {
	Times int    `yaml:"times"`
	For   string `yaml:"for"` // "session"
}

// Choice is one branch of a choose; it is taken with probability Weight over the sum of all weights.
type Choice struct {
	Weight float64            `yaml:"weight"`
	Do     string             `yaml:"do"`
	Target string             `yaml:"target"`
	With   Params             `yaml:"with"`
	Think  *Dist              `yaml:"think"`
	Save   map[string]Capture `yaml:"save"`
	Tags   map[string]string  `yaml:"tags"`
	Steps  Journey            `yaml:"steps"` // instead of do
	Pos    Pos                `yaml:"-"`
}

// Params are a step's parameters, kept undecoded with their positions. Decode fills a pointer to a struct with yaml
// tags, strictly, with file:line:column in its error; without parameters it leaves the struct as it is.
type Params struct {
	decode func(into any, resolve Resolve) error
	source string
}

// Decode fills into, strictly. Templates are refused.
func (p Params) Decode(into any) error { return p.Bind(into, nil) }

// Source is what is given as parameters, in one form however it is laid out; empty where nothing is.
func (p Params) Source() string { return p.source }

// Wave is the migration: accounts already live, batches to come, and copy traffic.
type Wave struct {
	Live    int     `yaml:"live"`    // accounts already migrated
	Batches []Batch `yaml:"batches"` // inline, or a CSV file with name,date,accounts
	Copy    Copy    `yaml:"copy"`
	Pos     Pos     `yaml:"-"`
}

// Batch is a number of accounts switched over together.
type Batch struct {
	Name     string `yaml:"name"`
	Date     string `yaml:"date"` // YYYY-MM-DD
	Accounts int    `yaml:"accounts"`
	Group    string `yaml:"group"` // whose accounts they are: ministry, office; empty: no group's
	Pos      Pos    `yaml:"-"`
}

// Environment names where the run takes place; forecasts are valid there only.
type Environment struct {
	Name  string         `yaml:"name"`
	Role  string         `yaml:"role"` // "production", "staging", "test"
	Nodes map[string]int `yaml:"nodes"`
	Cores map[string]int `yaml:"cores"` // of one machine
	// Start names the real servers on loopback that are started for the run where they are not up yet: "debian", "sogo", "roundcube".
	Start string `yaml:"start"`
	// Switches are limits and faults that they are started with, each NAME or NAME=VALUE; pegel testenv --list names them.
	Switches []string `yaml:"switches"`

	Transfer *Transfer `yaml:"transfer"` // to production; nil: none
}

// Observe is one source of the platform's metrics, and the resources to be read from it. Exactly one of Prometheus, Query, HAProxy,
// Postgres, Process, Command and JSON is set.
type Observe struct {
	Name     string   `yaml:"name"`
	Software string   `yaml:"software"` // in the catalogue: which resources its metrics make; empty: only those under Resources
	Every    Duration `yaml:"every"`    // from reading to reading; 0: each second

	Prometheus string            `yaml:"prometheus"` // URL of a page in the Prometheus text format
	Query      string            `yaml:"query"`      // URL of a Prometheus server
	HAProxy    string            `yaml:"haproxy"`    // HAProxy's statistics: unix:/path, tcp://host:port, or the URL of the CSV
	Postgres   string            `yaml:"postgres"`   // postgres://user@host/database, asked itself
	Process    []string          `yaml:"process"`    // local ones by name or pid file, and "machine"
	Command    []string          `yaml:"command"`    // a program and its arguments, run without a shell
	JSON       string            `yaml:"json"`       // URL of a JSON document
	Values     map[string]string `yaml:"values"`     // of JSON, from a command too: metric to path; of a query: metric to an expression in PromQL
	Match      string            `yaml:"match"`      // of a query: what labels must be, as job="haproxy"

	CA       string `yaml:"ca"`   // PEM file with certificate authorities to trust besides the system's; relative to the scenario file
	User     string `yaml:"user"` // for basic authentication, and of a database
	Password Secret `yaml:"password"`
	Token    Secret `yaml:"token"` // a bearer token instead

	Resources []Resource `yaml:"resources"`
	Pos       Pos        `yaml:"-"`
}

// Resource pairs what is in use with its limit. All but name, kind, actions and group are selectors name{label="value",…} on the page, or
// (Limit and QueueLimit) a number.
type Resource struct {
	Name    string `yaml:"name"`
	Kind    string `yaml:"kind"`    // slots, workers, pool, disk, cpu, memory, connections, cache
	InUse   string `yaml:"in_use"`  // gauge
	Limit   string `yaml:"limit"`   // gauge or number
	Queue   string `yaml:"queue"`   // gauge
	Busy    string `yaml:"busy"`    // counter: seconds in use, summed over all units
	Served  string `yaml:"served"`  // counter: visits finished
	Refused string `yaml:"refused"` // counter: visits refused
	Waited  string `yaml:"waited"`  // counter: seconds that visits waited for a unit, summed
	// QueueLimit is a number or a gauge: how many visits may wait. 0: none, what does not fit is refused; negative: any number.
	QueueLimit string   `yaml:"queue_limit"`
	Actions    []string `yaml:"actions"` // which actions pass through it, as globs; default: all
	Group      string   `yaml:"group"`   // resources of one group are shards: an account always goes to the same one of them
	Pos        Pos      `yaml:"-"`
}

// LoadShape is the shape of the load: stages of so many active users each.
type LoadShape struct {
	Stages     Stages      `yaml:"stages"`
	Order      string      `yaml:"order"`                  // Rising (default), Randomised, Listed or Adaptive
	Precision  float64     `yaml:"precision" unit:"share"` // adaptive: relative half-width of the capacity's 90 % interval to be reached; default 10 %
	StagesMax  int         `yaml:"stages_max"`             // adaptive: how many stages at most; default 10
	Experiment Experiment  `yaml:"experiment"`             // effects to be told apart; Scenario.Experiment is what holds
	Replicate  int         `yaml:"replicate"`              // how often the whole list of stages is played; default 1
	Day        *Day        `yaml:"day"`                    // a time-of-day profile instead of stages
	Soak       *Soak       `yaml:"soak"`                   // one load for a long time instead of stages
	Blackout   []Blackout  `yaml:"blackout"`               // hours in which nothing is sent
	Abort      []AbortRule `yaml:"abort"`                  // what ends the run early
	Arrive     string      `yaml:"arrive"`                 // "ramp" (default): over the ramp, each at an offset of its own; "together": all at once, as at 08:00
	Pos        Pos         `yaml:"-"`
}

// Stages are plateaus of load: From to To by Step, or listed Users. Adaptive stages begin at From and never go above To.
type Stages struct {
	From       int      `yaml:"from"`
	To         int      `yaml:"to"`
	Step       int      `yaml:"step"`
	Users      []int    `yaml:"users"`
	Ramp       Duration `yaml:"ramp"`
	Settle     Duration `yaml:"settle"` // "auto" (default) is 20 % of hold, at least 2 s
	Hold       Duration `yaml:"hold"`
	SettleMost Duration `yaml:"settle_most"`            // settling goes on up to this while the platform has not come to rest; 0: not beyond Settle
	HoldMost   Duration `yaml:"hold_most"`              // holding goes on up to this until quantiles are precise; 0: not beyond Hold
	Precision  float64  `yaml:"precision" unit:"share"` // of each objective's quantile, with HoldMost; default 10 %
	Pos        Pos      `yaml:"-"`
}

// List returns the user counts of the stages in rising order of definition.
func (s Stages) List() []int {
	if len(s.Users) > 0 {
		return s.Users
	}
	var list []int
	if s.Step <= 0 {
		return list
	}
	for n := s.From; n <= s.To; n += s.Step {
		list = append(list, n)
	}
	return list
}

// Objective is a service level: for each action that matches, a quantile with its limit; or, without an action, the
// share of failed actions. Abort ends the run when the error share is over for so long.
type Objective struct {
	Action string   `yaml:"action"`              // glob: imap.*
	Limits []Limit  `yaml:"-"`                   // from the keys p50, p90, p95, p99, p999
	Errors *float64 `yaml:"errors" unit:"share"` // share in [0, 1]; written 0.5% or 0.005
	Window Duration `yaml:"window"`              // 0: the whole stage
	Abort  *Abort   `yaml:"abort"`
	Pos    Pos      `yaml:"-"`
}

// Limit says that the quantile (0 < Quantile < 1) of response time must be below Max.
type Limit struct {
	Quantile float64
	Max      time.Duration
}

// Abort ends a run when the share of failed actions is above Over in every second For this long.
type Abort struct {
	Over float64  `yaml:"over" unit:"share"`
	For  Duration `yaml:"for"`
}

// Duration is a time span written 250ms, 8s, 2m, 1h, 7d or 1h30m. Bare numbers are refused, because their unit is a guess.
type Duration time.Duration

// D converts.
func (d Duration) D() time.Duration { return time.Duration(d) }
