package learn

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"
)

// Result is what the logs say. It holds no name and no address.
type Result struct {
	Format  int       `json:"format"` // of this object: 1
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	Zone    string    `json:"zone"` // of Profile and of the days
	Files   []File    `json:"files"`
	Lines   int64     `json:"lines"`
	Broken  int64     `json:"broken"`
	Ways    []Way     `json:"ways"`    // in the order of the table of ways
	Days    int       `json:"days"`    // with entries
	Peak    int       `json:"peak"`    // active users of the ways with a persona in the busiest hour
	Profile []Hour    `json:"profile"` // from the first hour of the day with users to the last
	Mail    *Mail     `json:"mail,omitempty"`
	// Requests that a rule knows, and those that none does, most frequent first.
	Mapped   int64     `json:"requests_mapped"`
	Unmapped []Request `json:"requests_unmapped"`
	Ignored  []Request `json:"ignored"` // lines that were understood and are of no use here
	Warnings []Warning `json:"warnings"`

	arrivals []uint32 // mails from outside by minute, over the hours of Profile of the busiest day
}

// Way is one way in.
type Way struct {
	Name      string     `json:"name"`
	Users     int        `json:"users"`      // distinct
	ByAddress bool       `json:"by_address"` // told apart by network address and client instead of name
	Busiest   int        `json:"busiest"`    // users in the busiest hour of all days
	Activity  [2]float64 `json:"activity"`   // users in the busiest hour of a day over accounts: least and most of the days
	Days      int        `json:"activity_days"`
	LeftOut   int        `json:"quiet_days"`      // with less than half the users of the busiest day: weekends, ends of the log
	UserHours float64    `json:"busy_user_hours"` // users of the busiest hours times the part of them that the logs cover
	Actions   []Action   `json:"actions"`         // most frequent first
	Session   Fit        `json:"session"`
	Return    Fit        `json:"return"`       // absences of less than 12 hours
	Away      float64    `json:"away_seconds"` // mean absence that goes with Session so that the rate of the busy hour comes out; 0: they stay
	Persona   bool       `json:"persona"`      // has an action that pegel can do
	Entries   int64      `json:"entries"`
}

// Action is one action by one way in.
type Action struct {
	Action  string  `json:"action"`
	Known   bool    `json:"known"` // pegel can do it
	Login   bool    `json:"login,omitempty"`
	Count   float64 `json:"count"`
	Share   float64 `json:"share"` // of the way's actions without logins
	Busy    float64 `json:"busy"`  // in the busiest hours of the days that count
	PerHour float64 `json:"per_user_hour"`
	Failed  float64 `json:"failed"`          // share answered with an error
	Paced   bool    `json:"paced,omitempty"` // counted at the end of a connection: no pauses can be seen
	Think   Fit     `json:"think"`           // pause after it
	Took    float64 `json:"response_seconds,omitempty"`
}

// Hour is one hour of the day.
type Hour struct {
	Hour  int     `json:"hour"`
	Share float64 `json:"share"` // of the users of the busiest
}

// Request is a kind of request or line, in words of ours, and how many there were.
type Request struct {
	Request string  `json:"request"`
	Count   int64   `json:"count"`
	Share   float64 `json:"share"` // of all requests; 0 for ignored lines
}

// Warning says what may be wrong with the result.
type Warning struct {
	Code string `json:"code"`
	Text string `json:"text"`
}

const (
	listed = 20  // requests without a rule that are listed
	quiet  = 0.5 // of the users of the busiest day: days below it do not count
)

func (r *Result) warn(code, format string, args ...any) {
	r.Warnings = append(r.Warnings, Warning{code, fmt.Sprintf(format, args...)})
}

func (c *collector) result(files []File, opt Options) *Result {
	r := &Result{Format: 1, From: c.first.In(c.zone), To: c.last.In(c.zone), Zone: c.zone.String(), Files: files, Mapped: c.mapped,
		Ways: []Way{}, Profile: []Hour{}, Unmapped: []Request{}, Ignored: []Request{}, Warnings: []Warning{}}
	for _, f := range files {
		r.Lines += f.Lines
		r.Broken += f.Broken
		if f.Cut != "" {
			r.warn("cut", "%s could not be read to its end: %s", f.Name, f.Cut)
		}
		if f.Format == "" {
			r.warn("not-recognised", "%s: the format was not recognised; name it with --format", f.Name)
		}
	}
	for w := range ways {
		if c.entries[w] > 0 {
			r.Ways = append(r.Ways, c.way(w, opt))
		}
	}
	c.day(r)
	c.inbox(r)
	c.rest(r)
	c.doubts(r)
	return r
}

// way sums up one way in.
func (c *collector) way(w way, opt Options) Way {
	out := Way{Name: w.String(), Users: c.users[w][0] + c.users[w][1], ByAddress: c.users[w][0] > 0, Entries: c.entries[w],
		Session: fit(&c.lengths[w]), Return: fit(&c.returns[w]), Actions: []Action{}}
	accounts := opt.Accounts
	for by := range c.accounts {
		if opt.Accounts == 0 && c.users[w][by] > 0 {
			accounts += len(c.accounts[by])
		}
	}
	best := map[int32]int32{} // day: its busiest hour
	for _, h := range slices.Sorted(maps.Keys(c.hours)) {
		now := c.hours[h].users[w]
		if b, ok := best[h/24]; now > 0 && (!ok || now > c.hours[b].users[w]) {
			best[h/24] = h
		}
		out.Busiest = max(out.Busiest, now)
	}
	var busy []int32
	low, high := math.Inf(1), 0.0
	for _, day := range slices.Sorted(maps.Keys(best)) { // in order, so that sums of fractions are the same each time
		h := best[day]
		n := float64(c.hours[h].users[w])
		if n < quiet*float64(out.Busiest) {
			out.LeftOut++
			continue
		}
		busy = append(busy, h)
		out.UserHours += n * c.covered(h)
		low, high = min(low, n), max(high, n)
	}
	slices.Sort(busy)
	if out.Days = len(busy); out.Days > 0 && accounts > 0 {
		out.Activity = [2]float64{min(1, low/float64(accounts)), min(1, high/float64(accounts))}
	}
	c.actions(&out, w, busy, opt)
	out.away()
	return out
}

// covered is the part of an hour that lies between the first line of the logs and the last, a second at least.
func (c *collector) covered(h int32) float64 {
	local := func(t time.Time) float64 {
		_, offset := t.In(c.zone).Zone()
		return float64(t.UnixMilli())/1000 + float64(offset)
	}
	from, to := 3600*float64(h), 3600*float64(h+1)
	return max(1, min(to, local(c.last))-max(from, local(c.first))) / 3600
}

func (c *collector) actions(out *Way, w way, busy []int32, opt Options) {
	total := 0.0
	for k, s := range c.series {
		if s.way != w || s.count == 0 {
			continue
		}
		a := Action{Action: s.action, Known: opt.Known(s.action), Login: s.login, Count: s.count, Failed: s.failed / s.count, Paced: s.paced > 0,
			Think: fit(&s.gaps), Took: s.took.Mean()}
		for _, h := range busy {
			if times := c.hours[h].times; k < len(times) {
				a.Busy += times[k]
			}
		}
		if out.UserHours > 0 {
			a.PerHour = a.Busy / out.UserHours
		}
		if !s.login {
			total += s.count
		}
		out.Persona = out.Persona || a.Known
		out.Actions = append(out.Actions, a)
	}
	for i := range out.Actions {
		if !out.Actions[i].Login && total > 0 {
			out.Actions[i].Share = out.Actions[i].Count / total
		}
	}
	slices.SortFunc(out.Actions, func(a, b Action) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Action, b.Action))
	})
}

// away finds how long users must be away between sessions so that an active user of the busy hour does as much as was
// seen. One who is there the whole time would do 1/cycle actions; p is the part of the time in which they are there:
//
//	p = rate · cycle,  length / (length + away) = p
//
// The absences in the log do not say it: who is counted in the busy hour has been there in it, be it for a minute.
func (w *Way) away() {
	rate, cycle, weight := 0.0, 0.0, 0.0
	for _, a := range w.Actions {
		switch {
		case a.Login:
			continue
		case a.Paced: // the pauses follow from the rate
			return
		}
		rate += a.PerHour / 3600
		if a.Think.N > 0 {
			cycle += a.Count * (a.Think.mean() + a.Took)
			weight += a.Count
		}
	}
	length := w.Session.mean()
	if weight == 0 || rate == 0 || length == 0 {
		return
	}
	if p := rate * cycle / weight; p < 0.95 {
		w.Away = length * (1 - p) / p
	}
}

// day makes the profile of the hours, over the days that are not quiet, and finds the busiest hour of all.
func (c *collector) day(r *Result) {
	counts := map[string]bool{}
	for _, w := range r.Ways {
		counts[w.Name] = w.Persona
	}
	users := func(h *hour) (n int) {
		for w := range ways {
			if counts[w.String()] {
				n += h.users[w]
			}
		}
		return n
	}
	best := map[int32]int{}
	for h, hour := range c.hours {
		n := users(hour)
		best[h/24] = max(best[h/24], n)
		r.Peak = max(r.Peak, n)
	}
	r.Days = len(best)
	var sum [24]float64
	for h, hour := range c.hours {
		if n := users(hour); float64(best[h/24]) >= quiet*float64(r.Peak) {
			sum[h%24] += float64(n)
		}
	}
	top := slices.Max(sum[:])
	first, last := -1, -1
	for h, n := range sum {
		if top > 0 && n >= 0.005*top {
			if first < 0 {
				first = h
			}
			last = h
		}
	}
	for h := first; first >= 0 && h <= last; h++ {
		r.Profile = append(r.Profile, Hour{h, max(0.001, math.Round(1000*sum[h]/top)/1000)})
	}
}

// rest lists what no rule knows, and what was left aside.
func (c *collector) rest(r *Result) {
	other := c.other
	list := frequent(c.unmapped)
	for i, q := range list {
		if i >= listed {
			other += q.Count
			continue
		}
		q.Share = float64(q.Count) / float64(c.requests)
		r.Unmapped = append(r.Unmapped, q)
	}
	if other > 0 {
		r.Unmapped = append(r.Unmapped, Request{"others", other, float64(other) / float64(c.requests)})
	}
	r.Ignored = append(r.Ignored, frequent(c.skipped)...)
}

func frequent(counts map[string]int64) []Request {
	var list []Request
	for what, n := range counts {
		list = append(list, Request{Request: what, Count: n})
	}
	slices.SortFunc(list, func(a, b Request) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Request, b.Request))
	})
	return list
}
