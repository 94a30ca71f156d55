package scenarios

// Arrivals is an open process: users come whether or not the platform keeps up, play the persona's journey once and go.
// They are no active users of the stages and run from the first stage to the last.
type Arrivals struct {
	PerSecond float64 `yaml:"per_second"` // one of PerSecond, PerHour, PerYear and CSV
	PerHour   float64 `yaml:"per_hour"`
	PerYear   float64 `yaml:"per_year"` // over 250 working days of ten hours
	To        float64 `yaml:"to"`       // ramp: the rate at the end of the run, in the unit of the first; 0: constant
	CSV       string  `yaml:"csv"`      // recorded: columns minute, count; the minutes follow each other
	Spacing   string  `yaml:"spacing"`  // "poisson" (default) or "even"
	Most      int     `yaml:"most"`     // users at work at the same time; what comes beyond is not started, counted and said; default 10,000
	Pos       Pos     `yaml:"-"`
}

// Day is a time-of-day profile: one stage for each hour, with its share of the users of the busiest.
type Day struct {
	Peak  int             `yaml:"peak"`  // active users in the busiest hour
	Hours map[int]float64 `yaml:"hours"` // hour 0–23: share of Peak; or Profile
	Shape string          `yaml:"shape"` // "office": the one that ships with pegel
	Hour  Duration        `yaml:"hour"`  // how long an hour takes in the run; default 1h
	Pos   Pos             `yaml:"-"`
}

// Soak holds one load for a long time, cut into stages so that drift shows.
type Soak struct {
	Users int      `yaml:"users"`
	For   Duration `yaml:"for"`
	Cut   Duration `yaml:"cut"` // length of a stage; default 1h, at least ten stages
	Pos   Pos      `yaml:"-"`
}

// Blackout is a time of each day, or a day, in which nothing is sent: a run that is still going ends there, gently.
type Blackout struct {
	From, To int    // minutes after midnight, local time; To below From goes over midnight
	Date     string // YYYY-MM-DD: the whole day; empty: every day
	Pos      Pos
}
