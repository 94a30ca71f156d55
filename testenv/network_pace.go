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

// disturb prepares what can slow the resources.
func (e *engine) disturb(seed uint64) {
	n := len(e.resources)
	e.paces, e.slowing, e.disturbed = make([]*pace, n), make([][]int32, n), make([]bool, n)
	index := map[string]int32{}
	for i, r := range e.def.Resources {
		index[r.Name] = int32(i)
		if len(r.Slow) > 0 {
			e.paces[i] = newPace(r.Slow, mix(seed^mix(uint64(i)+0x510e)))
			e.disturbed[i] = true
		}
		if r.Memory != nil || r.Cache != nil {
			c := newCrowd(r, int32(i))
			c.fill(0, &e.resources[i])
			e.crowds = append(e.crowds, c)
		}
	}
	for c := range e.crowds {
		beyond := e.crowds[c].beyond
		if beyond == nil {
			continue
		}
		for _, use := range beyond.Slows {
			for _, name := range e.def.members(use) {
				r := index[name]
				e.slowing[r] = append(e.slowing[r], int32(c))
				e.disturbed[r] = true
			}
		}
	}
	for _, operation := range e.def.Operations {
		e.markKept(operation, index)
	}
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

// stretch is how long work takes that begins now at a resource: longer by what memories over their limits cost, which is
// settled when it begins, and by the resource's slow times, which are felt as they come.
func (e *engine) stretch(r int32, work int64) int64 {
	for _, c := range e.slowing[r] {
		c := &e.crowds[c]
		m := &e.resources[c.resource]
		if c.settle(e.now, m); m.inUse > m.limit {
			longer := int64(float64(work) / c.beyond.Speed)
			e.stretched[int(r)*len(e.resources)+int(c.resource)] += longer - work
			work = longer
		}
	}
	if p := e.paces[r]; p != nil {
		return p.end(e.now, work) - e.now
	}
	return work
}

// markKept finds the resources of which some step keeps its unit.
func (e *engine) markKept(steps []Step, index map[string]int32) {
	for _, s := range steps {
		if s.Keep > 0 {
			for _, name := range e.def.members(s.Use) {
				e.resources[index[name]].keeps = true
			}
		}
		e.markKept(s.Steps, index)
	}
}
