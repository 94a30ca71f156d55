package scenarios

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
)

// Arrivals is an open process: users come whether or not the platform keeps up, play the persona's journey once and go.
// They are no active users of the stages and run from the first stage to the last.
type Arrivals struct {
	PerSecond float64 `yaml:"per_second"` // one of PerSecond, PerHour, PerYear and CSV
	PerHour   float64 `yaml:"per_hour"`
	PerYear   float64 `yaml:"per_year"` // over 250 working days of ten hours
	To        float64 `yaml:"to"`       // ramp: the rate at the end of the run, in the unit of the first; 0: constant
	CSV       string  `yaml:"csv"`      // recorded: columns minute, count; the minutes follow each other
	Spacing   string  `yaml:"spacing"`  // Poisson (default) or Even
	Most      int     `yaml:"most"`     // users at work at the same time; what comes beyond is not started, counted and said; default 10,000
	Counts    []int   `yaml:"-"`        // from CSV: arrivals by minute, the first minute being the first of the run
	Pos       Pos     `yaml:"-"`
}

// Spacings of arrivals.
const (
	Poisson = "poisson" // each independent of the others
	Even    = "even"    // as a clock ticks
)

const (
	mostAtWork   = 10_000
	fastest      = 100_000.0       // arrivals per second
	workingYear  = 250 * 10 * 3600 // seconds
	mostMinutes  = 366 * 24 * 60
	mostAtMinute = 60 * fastest
)

// Rates are the arrivals per second at the beginning and at the end of the run; of recorded ones the mean of the record.
func (a *Arrivals) Rates() (from, to float64) {
	if a.CSV != "" {
		sum := 0
		for _, n := range a.Counts {
			sum += n
		}
		mean := float64(sum) / (60 * float64(max(1, len(a.Counts))))
		return mean, mean
	}
	unit := 1.0
	rate := a.PerSecond
	switch {
	case a.PerHour > 0:
		rate, unit = a.PerHour, 3600
	case a.PerYear > 0:
		rate, unit = a.PerYear, workingYear
	}
	from, to = rate/unit, rate/unit
	if a.To > 0 {
		to = a.To / unit
	}
	return from, to
}

func (a *Arrivals) decodeNode(d *decoder, n *node) {
	a.Spacing, a.Most = Poisson, mostAtWork
	d.object(n, reflect.ValueOf(a).Elem(), map[string]func(entry){
		"csv": func(e entry) {
			if a.CSV = d.text(e.value); a.CSV != "" {
				a.Counts = d.counts(e.value)
			}
		},
	})
}

// counts reads the CSV file that n names: arrivals by minute.
func (d *decoder) counts(n *node) []int {
	if d.opts.Alone {
		return nil
	}
	t := d.table(n, "arrivals", countColumns())
	if t == nil {
		return nil
	}
	list, errs := t.counts()
	d.errs.Add(errs.Err())
	return list
}

func countColumns() []string { return []string{"minute", "count"} }

// counts turns the rows into numbers of arrivals, with all that is wrong about them.
func (t *table) counts() ([]int, *Errors) {
	errs := NewErrors()
	if len(t.rows) > mostMinutes {
		errs.Add(t.problem(t.rows[mostMinutes].line, 1, "", "more than %d minutes, a year", mostMinutes))
		return nil, errs
	}
	list := make([]int, 0, len(t.rows))
	before := 0
	for i, r := range t.rows {
		minute, err := strconv.Atoi(t.cell(r, "minute"))
		switch {
		case err != nil || minute < 0 || minute > most:
			errs.Add(t.problem(r.line, t.columnOf(r, "minute"), "", "minute must be a whole number from 0, got %q", t.cell(r, "minute")))
			minute = before + 1
		case i > 0 && minute != before+1:
			errs.Add(t.problem(r.line, t.columnOf(r, "minute"), "list every minute, those without arrivals too", "minute %d follows %d", minute, before))
		}
		before = minute
		count, err := strconv.Atoi(t.cell(r, "count"))
		if err != nil || count < 0 || float64(count) > mostAtMinute {
			errs.Add(t.problem(r.line, t.columnOf(r, "count"), "", "count must be a whole number from 0 to %d, got %q", int(mostAtMinute), t.cell(r, "count")))
			count = 0
		}
		list = append(list, count)
	}
	return list, errs
}

// arrivals checks a persona's open arrivals.
func (c *checker) arrivals(p Persona) {
	a := p.Arrivals
	var given []string
	rates := map[string]float64{"per_second": a.PerSecond, "per_hour": a.PerHour, "per_year": a.PerYear}
	for _, key := range []string{"per_second", "per_hour", "per_year", "csv"} {
		if c.has(a.Pos, key) {
			given = append(given, key)
		}
	}
	switch {
	case len(given) == 0:
		c.fail("write arrivals: {per_second: 3}", "the arrivals have no rate: give per_second, per_hour, per_year or csv", a.Pos)
		return
	case len(given) > 1:
		c.failKey("leave one of them out", given[0]+" and "+given[1]+" exclude each other", a.Pos, given[1])
		return
	}
	key := given[0]
	from, to := a.Rates()
	switch {
	case key != "csv" && !(rates[key] > 0):
		c.fail("", key+" must be above 0", a.Pos, key)
	case from > fastest:
		c.fail("", fmt.Sprintf("%s is %.4g arrivals a second: at most %d", key, from, int(fastest)), a.Pos, key)
	}
	switch {
	case !c.has(a.Pos, "to"):
	case key == "csv":
		c.failKey("leave it out", "recorded arrivals have no rate to rise to", a.Pos, "to")
	case !(a.To > 0):
		c.fail("", "to must be above 0", a.Pos, "to")
	case to > fastest:
		c.fail("", fmt.Sprintf("to is %.4g arrivals a second: at most %d", to, int(fastest)), a.Pos, "to")
	case c.Load.Order == Adaptive:
		c.failKey("leave it out", "the end of an adaptive run is not known, so that its arrivals cannot rise to a rate there", a.Pos, "to")
	}
	if spacings := []string{Poisson, Even}; !slices.Contains(spacings, a.Spacing) {
		c.fail(didYouMean(a.Spacing, spacings), fmt.Sprintf("unknown spacing %q", a.Spacing), a.Pos, "spacing")
	}
	if a.Most <= 0 || a.Most > 1_000_000 {
		c.fail("", "most must be from 1 to 1000000", a.Pos, "most")
	}
	if p.Fresh != "" {
		c.failKey("leave it out", "who arrives plays one journey once; there is no fresh one", p.Pos, "fresh")
	}
	if j, ok := c.Journeys[p.Journey]; ok && p.Session == nil && endless(j) {
		c.fail("give it an end: repeat: {times: 3}, or give the persona a session length",
			fmt.Sprintf("who arrives plays the journey once, but journey %q never ends", p.Journey), p.Pos, "journey")
	}
}

// endless tells whether a journey has a loop that only the end of the session ends.
func endless(j Journey) bool {
	return slices.ContainsFunc(j, func(s Step) bool {
		if s.Every > 0 || s.Repeat != nil && s.Repeat.For == "session" || endless(s.Steps) || endless(s.Else) {
			return true
		}
		return slices.ContainsFunc(s.Choose, func(ch Choice) bool { return endless(ch.Steps) }) ||
			slices.ContainsFunc(s.Parallel, func(b Branch) bool { return endless(b.Steps) })
	})
}
