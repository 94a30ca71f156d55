package testenv

import "math"

// pace is the clock of a resource that slow times disturb. They do not depend on what goes on in the network, so the end of a
// service is known when it begins.
type pace struct {
	sources  []slowSource
	segments []segment // from some time on, without gaps; the last one has no end yet
	at       int       // index of the present segment
}

type segment struct {
	from  int64
	speed float64
}

// slowSource is one Slow: alternating full speed and its own.
type slowSource struct {
	Slow
	slow   bool
	next   int64 // when that changes
	random uint64
}

func newPace(slow []Slow, seed uint64) *pace {
	p := &pace{segments: []segment{{0, 1}}}
	for i, s := range slow {
		source := slowSource{Slow: s, random: mix(seed + uint64(i))}
		source.next = source.length()
		p.sources = append(p.sources, source)
	}
	return p
}

// length draws how long the phase just begun lasts, at least a microsecond so that time goes on.
func (s *slowSource) length() int64 {
	mean := float64(s.Every - s.For)
	if s.slow {
		mean = float64(s.For)
	}
	switch {
	case !s.Random:
	case s.slow && s.UpTo > 0:
		mean += uniform(&s.random) * float64(s.UpTo-s.For)
	default:
		mean *= -math.Log(uniform(&s.random))
	}
	return max(int64(mean), 1000)
}

// extend adds the next segment.
func (p *pace) extend() {
	next := int64(math.MaxInt64)
	for i := range p.sources {
		next = min(next, p.sources[i].next)
	}
	speed := 1.0
	for i := range p.sources {
		s := &p.sources[i]
		if s.next == next {
			s.slow = !s.slow
			s.next += s.length()
		}
		if s.slow {
			speed *= s.Speed
		}
	}
	p.segments = append(p.segments, segment{next, speed})
}

// end is when work begun now, measured in nanoseconds at full speed, is done. Calls come in the order of time.
func (p *pace) end(now, work int64) int64 {
	for p.until(p.at) <= now {
		p.at++
	}
	if p.at > 1000 { // forget the past
		p.segments = append(p.segments[:0], p.segments[p.at:]...)
		p.at = 0
	}
	rest := float64(work)
	for i, from := p.at, now; ; i++ {
		until, speed := p.until(i), p.segments[i].speed
		if room := float64(until-from) * speed; room < rest {
			rest -= room
			from = until
			continue
		}
		return from + int64(rest/speed)
	}
}

// until is the end of a segment.
func (p *pace) until(i int) int64 {
	if i+1 == len(p.segments) {
		p.extend()
	}
	return p.segments[i+1].from
}
