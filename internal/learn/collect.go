package learn

import (
	"math"
	"time"
)

const (
	sessionGap = 30 * time.Minute // who does nothing for so long has gone
	longReturn = 12 * time.Hour   // an absence beyond it is the end of the day
	forgotten  = 24 * time.Hour   // a connection without an end is held to be open for so long
	mostTraces = 500_000          // users by way in that are followed
	mostHours  = 24 * 366 * 2
	mostShown  = 2000 // kinds of requests without a rule that are told apart
)

// trace is one user by one way in. Times are in nanoseconds since 1970.
type trace struct {
	user         uint64
	way          way
	named        bool
	open         int16 // connections
	action       int16 // index of the last one; −1: none in this session
	hour         int32 // last hour in which it was counted
	begun, until int64 // of the session; until is the end of what came last
	acted        int64 // end of the last action
	partial      bool  // the session may have begun before the log
}

// series is one action by one way in.
type series struct {
	way    way
	action string
	login  bool
	count  float64
	failed float64
	paced  float64 // of count: those without a time of their own
	took   Sketch
	gaps   Sketch // pause after it
}

// hour is one hour of the calendar.
type hour struct {
	users [ways]int
	times []float64 // by index of series
}

// collector keeps what is needed of all entries, in memory that grows with users and hours, not with lines.
type collector struct {
	zone     *time.Location
	traces   map[uint64]*trace
	accounts [2]map[uint64]struct{} // by address, by name
	lost     int64                  // entries of users beyond mostTraces
	nobody   int64                  // entries without a user

	series  []*series
	index   map[string]int16 // way and action
	hours   map[int32]*hour
	lengths [ways]Sketch
	returns [ways]Sketch
	users   [ways][2]int // distinct, by address and by name
	entries [ways]int64

	first, last time.Time
	dropped     int64 // entries of hours beyond mostHours
	skipped     map[string]int64
	unmapped    map[string]int64
	other       int64 // of unmapped: those beyond mostShown kinds
	mapped      int64
	requests    int64 // mapped and unmapped
	mail        inbox
	gaps        uint64 // so far, for the dither
}

func newCollector(zone *time.Location) *collector {
	return &collector{zone: zone, traces: map[uint64]*trace{}, accounts: [2]map[uint64]struct{}{{}, {}}, index: map[string]int16{},
		hours: map[int32]*hour{}, skipped: map[string]int64{}, unmapped: map[string]int64{}, mail: inbox{days: map[int32]*[24 * 60]uint32{}}}
}

// skip takes an entry that only shows that the log went on.
func (c *collector) skip(e *entry) {
	c.skipped[e.what]++
	if !e.at.IsZero() {
		c.span(e.at)
	}
}

func (c *collector) span(at time.Time) {
	if c.first.IsZero() || at.Before(c.first) {
		c.first = at
	}
	if at.After(c.last) {
		c.last = at
	}
}

// hourOf is the hour of the calendar in the zone, counted from 1970.
func (c *collector) hourOf(t time.Time) int32 {
	_, offset := t.In(c.zone).Zone()
	return int32((t.Unix() + int64(offset)) / 3600) // years up to 9999 fit
}

func (c *collector) add(e *entry) {
	c.span(e.at)
	switch e.kind {
	case inbound:
		c.mail.add(e, c.hourOf(e.at), e.at.In(c.zone).Minute())
		return
	case unmapped:
		c.requests++
		c.note(e.what)
		return
	}
	c.requests++
	c.mapped++
	c.entries[e.way]++
	if e.action == "smtp.send" {
		c.mail.sent(e)
	}
	t := c.follow(e)
	if t == nil {
		return
	}
	now, end := e.at.UnixNano(), e.at.Add(e.took).UnixNano()
	if e.kind == background {
		end = now + min(int64(e.took), int64(time.Hour)) // a request that waits for news shows that its user is there
	}
	idle := sessionGap
	if t.open > 0 {
		idle = forgotten
	}
	if t.until > 0 && now-t.until > int64(idle) {
		c.close(t)
		if away := time.Duration(now - t.until); away < longReturn {
			c.returns[t.way].Add(away.Seconds())
		}
		t.begun, t.action, t.open = now, -1, 0
	}
	if t.begun == 0 {
		t.begun = now
		t.partial = e.at.Sub(c.first) < sessionGap && e.kind != login && e.kind != opened
	}
	at := e.at
	if spent := time.Duration(end - now); spent > 0 {
		c.present(t, at)
		at = at.Add(spent)
	}
	c.present(t, at)
	c.act(t, e, now, end)
	switch e.kind {
	case opened:
		t.open = min(t.open+1, math.MaxInt16-1)
	case closed:
		t.open = max(t.open-1, 0)
	}
	t.until = max(t.until, end)
}

// note counts a request without a rule.
func (c *collector) note(what string) {
	if _, known := c.unmapped[what]; !known && len(c.unmapped) >= mostShown {
		c.other++
		return
	}
	c.unmapped[what]++
}

// follow finds the trace of the entry's user; nil where there is none.
func (c *collector) follow(e *entry) *trace {
	if e.user == 0 {
		c.nobody++
		return nil
	}
	key := e.user ^ (uint64(e.way)+1)*0x9e3779b97f4a7c15
	t := c.traces[key]
	if t != nil {
		return t
	}
	if len(c.traces) >= mostTraces {
		c.lost++
		return nil
	}
	t = &trace{user: e.user, way: e.way, named: e.named, action: -1, hour: math.MinInt32}
	c.traces[key] = t
	by := 0
	if e.named {
		by = 1
	}
	c.users[e.way][by]++
	c.accounts[by][e.user] = struct{}{}
	return t
}

// present counts the user as active in the hour, and in those since it was last seen where a connection stayed open.
func (c *collector) present(t *trace, at time.Time) {
	now := c.hourOf(at)
	from := now
	if t.open > 0 && t.hour > now-24 {
		from = t.hour + 1
	}
	for h := from; h <= now; h++ {
		if h > t.hour {
			if hour := c.hour(h); hour != nil {
				hour.users[t.way]++
			}
			t.hour = h
		}
	}
}

func (c *collector) hour(h int32) *hour {
	found := c.hours[h]
	if found == nil {
		if len(c.hours) >= mostHours {
			c.dropped++
			return nil
		}
		found = new(hour)
		c.hours[h] = found
	}
	return found
}

// act counts an action, and the pause since the one before.
func (c *collector) act(t *trace, e *entry, now, end int64) {
	if e.action == "" || e.kind == background {
		return
	}
	k := c.seriesOf(e)
	s := c.series[k]
	times := e.times
	if e.kind != closed {
		times = 1
	}
	s.count += times
	if e.failed {
		s.failed += times
	}
	if e.took > 0 {
		s.took.Add(e.took.Seconds())
	}
	if e.kind == closed {
		s.paced += times
		c.spread(t, k, times, e.at)
		return
	}
	if h := c.hour(c.hourOf(e.at)); h != nil {
		h.count(k, times)
	}
	if t.action >= 0 {
		if gap := time.Duration(now - t.acted); gap < sessionGap {
			c.series[t.action].gaps.Add(c.dither(gap, e.exact))
		}
	}
	t.action, t.acted = k, max(t.acted, end)
}

// spread divides what happened on a connection among the hours since its session began, a day at most.
func (c *collector) spread(t *trace, k int16, times float64, at time.Time) {
	now := c.hourOf(at)
	from := max(c.hourOf(time.Unix(0, t.begun)), now-23)
	for h := from; h <= now; h++ {
		if hour := c.hour(h); hour != nil {
			hour.count(k, times/float64(now-from+1))
		}
	}
}

func (h *hour) count(k int16, times float64) {
	for len(h.times) <= int(k) {
		h.times = append(h.times, 0)
	}
	h.times[k] += times
}

// dither makes up for stamps of whole seconds: the difference of two of them is off by up to a second to either side, with
// a triangular distribution, whose mirror image is added. Otherwise all short pauses would be 0 s or 1 s.
func (c *collector) dither(gap, exact time.Duration) float64 {
	x := gap.Seconds()
	if exact < time.Second {
		return max(x, 0)
	}
	c.gaps++
	z := c.gaps * 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	z ^= z >> 31
	return math.Abs(x + (float64(z>>32)-float64(z&math.MaxUint32))/(1<<32)*exact.Seconds())
}

func (c *collector) seriesOf(e *entry) int16 {
	name := e.way.String() + " " + e.action
	if k, ok := c.index[name]; ok {
		return k
	}
	k := int16(len(c.series)) // the actions of the table of rules: far fewer
	c.series = append(c.series, &series{way: e.way, action: e.action, login: e.kind == login || e.kind == opened})
	c.index[name] = k
	return k
}

// close takes the length of a session that has ended.
func (c *collector) close(t *trace) {
	if !t.partial {
		c.lengths[t.way].Add(max(1, time.Duration(t.until-t.begun).Seconds()))
	}
	t.partial = false
}

// end closes what the log saw the end of; sessions that may go on have no length.
func (c *collector) end() {
	for _, t := range c.traces {
		if t.open == 0 && c.last.UnixNano()-t.until > int64(sessionGap) {
			c.close(t)
		} else if t.open > 0 && c.last.UnixNano()-t.until < int64(forgotten) {
			c.present(t, c.last)
		}
	}
}
