package expect

import "pegel/scenarios"

// session is a user's day: the script while it is there, nothing while it is away.
type session struct {
	script
	length, away float64 // means in seconds; length 0: stays
	each         vector  // acts in one session
}

func newSession(s script, l *scenarios.SessionLength) session {
	d := session{script: s}
	if l == nil {
		return d
	}
	for i := range points {
		length := l.Length.Quantile((float64(i) + 0.5) / points).Seconds()
		d.length += length / points
		d.each.add(s.during(length), 1.0/points)
	}
	d.away = l.Away.Mean().Seconds()
	return d
}

// share of its time that the user is there.
func (d *session) share() float64 {
	if d.length == 0 {
		return 1
	}
	return d.length / (d.length + d.away)
}

// settled is the time in seconds from which on the user does as much in every span of time.
func (d *session) settled() float64 {
	s := d.forever(0)
	return max(s.Time+5*s.Lag, 2*(d.length+d.away))
}

// rate is the long-run number of acts a second.
func (d *session) rate() vector {
	if d.length > 0 {
		return d.each.scaled(1 / (d.length + d.away))
	}
	return d.forever(0).Tail
}

// first is what a user does within so many seconds of its arrival.
func (d *session) first(seconds float64) vector {
	if d.length == 0 || seconds <= d.length {
		return d.during(seconds)
	}
	v := d.each.scaled(1 + max(0, seconds-d.length-d.away)/(d.length+d.away))
	return v
}

// beginnings is how often a second a user opens its sessions anew: with each session of its own, or with each journey.
func (d *session) beginnings() float64 {
	switch {
	case d.length > 0:
		return 1 / (d.length + d.away)
	case d.Ends == 1 && d.Time > 0:
		return 1 / d.Time
	}
	return 0
}
