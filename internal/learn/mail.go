package learn

import (
	"maps"
	"math"
	"slices"
	"time"
)

// Mail is the mail flow.
type Mail struct {
	Inbound    int64   `json:"inbound"`
	PerHour    float64 `json:"busiest_hour"` // mails from outside
	Day        string  `json:"busiest_day,omitempty"`
	Size       Sizes   `json:"size"`
	Recipients float64 `json:"recipients"` // mean
	Sent       int64   `json:"sent"`       // by users
	SentSize   Sizes   `json:"sent_size"`
	SentTo     float64 `json:"sent_recipients"`
}

// Sizes are in bytes.
type Sizes struct {
	Mean   float64 `json:"mean"`
	Median float64 `json:"median"`
	P90    float64 `json:"p90"`
	P99    float64 `json:"p99"`
}

// inbox is the mail that came from outside, and what users sent.
type inbox struct {
	n                       int64
	days                    map[int32]*[24 * 60]uint32 // by day since 1970: mails by minute
	sizes, recipients       Sketch
	out                     int64
	outSizes, outRecipients Sketch
}

func (m *inbox) add(e *entry, hour int32, minute int) {
	m.n++
	day := m.days[hour/24]
	if day == nil && len(m.days) < 400 {
		day = new([24 * 60]uint32)
		m.days[hour/24] = day
	}
	if day != nil {
		day[int(hour%24)*60+minute]++
	}
	m.sizes.Add(float64(e.bytes))
	m.recipients.Add(float64(max(1, e.recipients)))
}

func (m *inbox) sent(e *entry) {
	m.out++
	if e.bytes > 0 {
		m.outSizes.Add(float64(e.bytes))
	}
	m.outRecipients.Add(float64(max(1, e.recipients)))
}

func (c *collector) inbox(r *Result) {
	m := &c.mail
	if m.n+m.out == 0 {
		return
	}
	r.Mail = &Mail{Inbound: m.n, Size: sizes(&m.sizes), Recipients: m.recipients.Mean(), Sent: m.out, SentSize: sizes(&m.outSizes), SentTo: m.outRecipients.Mean()}
	var most uint64
	var busiest *[24 * 60]uint32
	for _, day := range slices.Sorted(maps.Keys(m.days)) {
		minutes := m.days[day]
		var all uint64
		for h := range 24 {
			n := uint64(0)
			for _, x := range minutes[60*h : 60*h+60] {
				n += uint64(x)
			}
			all += n
			r.Mail.PerHour = max(r.Mail.PerHour, float64(n))
		}
		if all > most {
			most, busiest = all, minutes
			r.Mail.Day = time.Unix(int64(day)*24*3600, 0).UTC().Format(time.DateOnly)
		}
	}
	if busiest == nil {
		return
	}
	r.arrivals = busiest[:]
	if n := len(r.Profile); n > 0 { // arrivals begin with the run, and that with the first hour of the profile
		r.arrivals = busiest[60*r.Profile[0].Hour : 60*(r.Profile[n-1].Hour+1)]
	}
}

func sizes(s *Sketch) Sizes {
	return Sizes{Mean: math.Round(s.Mean()), Median: math.Round(s.Quantile(0.5)), P90: math.Round(s.Quantile(0.9)), P99: math.Round(s.Quantile(0.99))}
}
