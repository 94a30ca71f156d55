package testenv

// disturb prepares what depends on time and on accounts: slow times, memories and caches, kept units.
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
