package testenv

// keptUnits are the units that accounts keep between visits. Each has a job of the engine, whose event ends its time. An
// event is not taken back when the unit is used again but looks, when due, at how long the unit may still stay, so that there
// is at most one event for each.
type keptUnits struct {
	index map[keptKey]int32 // into list
	list  []keptUnit
	free  []int32
}

type keptKey struct {
	account  int
	resource int32
}

type keptUnit struct {
	keptKey
	job   int32
	until int64
	idle  bool // no visit uses it
}

// keep leaves a unit that is given back with the account and reports true, or reports false if the account keeps another.
func (e *engine) keep(target int32, account int, d int64) bool {
	k := &e.kept
	key := keptKey{account, target}
	i, ok := k.index[key]
	if ok && k.list[i].idle {
		return false
	}
	r := &e.resources[target]
	r.served++
	r.idle++
	if ok { // its event is still to come
		k.list[i].idle, k.list[i].until = true, e.now+d
		return true
	}
	if n := len(k.free); n > 0 {
		i = k.free[n-1]
		k.free = k.free[:n-1]
	} else {
		i = int32(len(k.list))
		k.list = append(k.list, keptUnit{job: e.newJob()})
	}
	u := &k.list[i]
	u.keptKey, u.until, u.idle = key, e.now+d, true
	k.index[key] = i
	e.jobs[u.job].account = int(i)
	e.arm(u)
	return true
}

func (e *engine) arm(u *keptUnit) {
	e.jobs[u.job].pc = e.program.expire
	e.events.push(u.until, u.job)
}

// resume hands the account the unit that it keeps, if it does.
func (e *engine) resume(target int32, account int) bool {
	i, ok := e.kept.index[keptKey{account, target}]
	if !ok || !e.kept.list[i].idle {
		return false
	}
	e.kept.list[i].idle = false
	e.resources[target].idle--
	return true
}

// expire is the event of a kept unit: the unit is given back if it has been idle for its time.
func (e *engine) expire(j int32) {
	k := &e.kept
	i := int32(e.jobs[j].account)
	u := &k.list[i]
	if u.idle && u.until > e.now {
		e.arm(u)
		return
	}
	delete(k.index, u.keptKey)
	k.free = append(k.free, i)
	if u.idle {
		u.idle = false
		r := &e.resources[u.resource]
		r.idle--
		r.served-- // counted when the visit ended
		e.give(u.resource)
	}
}
