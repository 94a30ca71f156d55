package scenarios

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// Blackout is a time of each day, or a day, in which nothing is sent: a run that is still going ends there, gently.
type Blackout struct {
	From, To int    // minutes after midnight, local time; To below From goes over midnight
	Date     string // YYYY-MM-DD: the whole day; empty: every day
	Pos      Pos
}

var hoursForm = regexp.MustCompile(`^(\d{1,2}):(\d\d)\s*[-–]\s*(\d{1,2}):(\d\d)$`)

// hours reads "22:00-06:00" as minutes after midnight; 24:00 is the day's end.
func hours(text string) (from, to int, ok bool) {
	m := hoursForm.FindStringSubmatch(text)
	if m == nil {
		return 0, 0, false
	}
	var n [4]int
	for i := range n {
		n[i], _ = strconv.Atoi(m[i+1]) // two digits
	}
	from, to = 60*n[0]+n[1], 60*n[2]+n[3]
	return from, to, n[1] < 60 && n[3] < 60 && from < 24*60 && to <= 24*60 && from != to
}

func (b *Blackout) decodeNode(d *decoder, n *node) {
	b.Pos = n.pos
	const hint = `write "22:00-06:00" for hours of every day, or "2026-12-24" for a day`
	if n.kind != textNode {
		d.want(n, hint, "hours of the day or a date")
		return
	}
	if from, to, ok := hours(n.text); ok {
		b.From, b.To = from, to
	} else if isDate(n.text) {
		b.Date = n.text
	} else {
		d.fail(n.pos, hint, "%s is neither hours of the day nor a date", n.describe())
	}
}

// String writes it as scenarios do.
func (b *Blackout) String() string {
	if b.Date != "" {
		return b.Date
	}
	return fmt.Sprintf("%02d:%02d-%02d:%02d", b.From/60, b.From%60, b.To/60, b.To%60)
}

// around are the times at which the blackout begins and ends that lie around the day of t or follow it, the earliest first.
func (b *Blackout) around(t time.Time) [][2]time.Time {
	at := func(day, minutes int) time.Time { // the clock's time on that day, also where the clocks are changed
		return time.Date(t.Year(), t.Month(), t.Day()+day, 0, minutes, 0, 0, t.Location())
	}
	if b.Date != "" {
		day, err := time.ParseInLocation(time.DateOnly, b.Date, t.Location())
		if err != nil {
			return nil // refused while loading
		}
		return [][2]time.Time{{day, time.Date(day.Year(), day.Month(), day.Day()+1, 0, 0, 0, 0, t.Location())}}
	}
	to := b.To
	if to < b.From {
		to += 24 * 60
	}
	var list [][2]time.Time
	for day := -1; day <= 1; day++ {
		list = append(list, [2]time.Time{at(day, b.From), at(day, to)})
	}
	return list
}

// Silent tells whether t lies in a blackout, and from when on something may be sent again: the end of all blackouts that
// follow each other without a gap. Where they never end, until is a year later.
func (l *LoadShape) Silent(t time.Time) (until time.Time, is bool) {
	until = t
	for end := t.AddDate(1, 0, 0); until.Before(end); {
		next := until
		for i := range l.Blackout {
			for _, span := range l.Blackout[i].around(until) {
				if !until.Before(span[0]) && until.Before(span[1]) && span[1].After(next) {
					next = span[1]
				}
			}
		}
		if next.Equal(until) {
			break
		}
		until, is = next, true
	}
	return until, is
}

// NextSilence is when the next blackout after t begins; ok is false where there is none.
func (l *LoadShape) NextSilence(t time.Time) (at time.Time, ok bool) {
	for i := range l.Blackout {
		for _, span := range l.Blackout[i].around(t) {
			if span[0].After(t) && (!ok || span[0].Before(at)) {
				at, ok = span[0], true
			}
		}
	}
	return at, ok
}

// blackouts checks that something can be sent at all.
func (c *checker) blackouts() {
	var daily [24 * 60]bool // minutes of every day in which nothing is sent
	open := len(daily)
	for i, b := range c.Load.Blackout {
		if b.Date == "" && (b.From+24*60-b.To)%(24*60) == 0 {
			c.fail("", fmt.Sprintf("blackout %d leaves no time of the day", i+1), c.Load.Pos, "blackout", strconv.Itoa(i))
			return
		}
		for m := b.From; b.Date == "" && m%len(daily) != b.To%len(daily); m++ {
			if at := m % len(daily); !daily[at] {
				daily[at] = true
				open--
			}
		}
	}
	if open == 0 {
		c.fail("", "the blackouts leave no time of the day", c.Load.Pos, "blackout")
	}
}
