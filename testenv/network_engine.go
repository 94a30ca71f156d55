package testenv

import (
	"net/netip"
	"slices"
	"strings"
)

// engine is the discrete-event core of the network. It knows no clock: whoever owns it says how far to advance. Times are
// nanoseconds since its beginning. It is not safe for concurrent use.
type engine struct {
	program   *program
	def       Definition
	now       int64
	events    eventHeap
	resources []resource
	jobs      []job
	// ready holds jobs to go on with at the present instant. A job that hands its unit to another puts that one here instead
	// of running it, so chains of hand-overs do not nest.
	ready []int32
	// blocked[r·len(resources)+s] is the time, summed over units of r, that jobs held r while waiting for s.
	blocked []int64
	// stretched[r·len(resources)+m] is the time by which memory m, over its limit, prolonged service at r.
	stretched []int64
	handled   int64 // events so far

	paces     []*pace   // by resource; nil: always at full speed
	crowds    []crowd   // of memories and caches, in the order of the definition
	slowing   [][]int32 // by resource: the crowds that slow it beyond their limits
	disturbed []bool    // by resource: whether either of these can stretch service there
	kept      keptUnits
	balancer  *balancer // nil: no instances
	limiter   *limiter  // nil: any number of logins

	// finish is told when a visit is over. It may begin the job's next visit, or free the job.
	finish func(job int32, refused bool)
	// woken is told when an event scheduled by sleep is due.
	woken func(job int32)
}

type resource struct {
	limit, inUse    int32
	queueMax, queue int32 // queueMax < 0: unlimited
	first, last     int32 // of the queue, linked through job.next; -1: empty
	touched         int64 // when busy and wait were last brought up to date
	busy, wait      int64 // unit·nanoseconds
	served, refused int64
	idle            int32 // of the units in use, those kept for accounts
	front           bool  // a server's slots at the balancer
	keeps           bool  // whether some step keeps its units
}

// job is one visit under way.
type job struct {
	pc         int32 // next instruction; -1: none, the job sleeps
	waiting    int32 // resource waited for, or -1
	next, prev int32 // neighbours in that queue
	account    int
	queued     int64 // how long it waited in the balancer's queue
	instance   int32 // that the balancer has chosen, from 1; 0: none
	then       int32 // where to go on after a session was built again; -1: nowhere
	since      int64 // when waiting began
	random     uint64
	depth      int32
	held       [maxDepth]int32 // resources, outermost first
}

// newEngine makes an idle network. The seed determines the random slow times; visits bring their own random numbers.
func newEngine(def Definition, seed uint64) *engine {
	e := &engine{program: compile(def), def: def, kept: keptUnits{index: map[keptKey]int32{}}}
	for _, r := range def.Resources {
		limit := int32(-1)
		if r.Queue != nil && *r.Queue >= 0 {
			limit = int32(*r.Queue)
		}
		e.resources = append(e.resources, resource{limit: int32(r.Limit), queueMax: limit, first: -1, last: -1, front: r.Kind == "slots"})
	}
	e.blocked = make([]int64, len(e.resources)*len(e.resources))
	e.stretched = make([]int64, len(e.resources)*len(e.resources))
	e.disturb(seed)
	e.balancer, e.limiter = newBalancer(def, e.program, e.resources, seed), newLimiter(def)
	return e
}

func (e *engine) newJob() int32 {
	e.jobs = append(e.jobs, job{pc: -1, waiting: -1})
	return int32(len(e.jobs) - 1)
}

// begin makes an idle job ready to execute from pc; drain or advance then runs it.
//
// admit must have let it in. The result is the instance that serves it, from 1; 0: there are none.
func (e *engine) begin(j int32, operation string, c Client) (instance int) {
	jb := &e.jobs[j]
	account := c.Account
	jb.pc, jb.account, jb.depth, jb.waiting, jb.then, jb.queued = e.program.starts[operation], account, 0, -1, -1, 0
	instance, rebuild := e.balancer.choose(operation, c)
	jb.instance = int32(instance)
	if rebuild {
		jb.pc, jb.then = e.balancer.rebuild, jb.pc
	}
	for i := range e.crowds {
		e.crowds[i].touch(account, e.now, &e.resources[e.crowds[i].resource])
	}
	e.ready = append(e.ready, j)
	return instance
}

// admit says whether an operation is let in: only logins from an address that has had too many are not.
func (e *engine) admit(operation string, source netip.Addr) bool {
	if e.limiter == nil || !slices.Contains(loginOperations, operation) {
		return true
	}
	service, _, _ := strings.Cut(operation, ".")
	return e.limiter.admit(service, source, e.now)
}

// sleep calls woken for an idle job after d nanoseconds.
func (e *engine) sleep(j int32, d int64) {
	e.jobs[j].pc = -1
	e.events.push(e.now+d, j)
}

// advance handles all events up to and including the given time. Time never goes back.
func (e *engine) advance(to int64) {
	for {
		at, ok := e.events.next()
		if !ok || at > to {
			break
		}
		ev := e.events.pop()
		e.now = ev.at
		e.handled++
		if e.jobs[ev.job].pc < 0 {
			e.woken(ev.job)
		} else {
			e.run(ev.job)
		}
		e.drain()
	}
	e.now = max(e.now, to)
}

// drain runs the ready jobs, and those which they make ready, in order.
func (e *engine) drain() {
	for i := 0; i < len(e.ready); i++ {
		e.run(e.ready[i])
	}
	e.ready = e.ready[:0]
}

// run executes a job until it is busy, waits, or ends.
func (e *engine) run(j int32) {
	for {
		jb := &e.jobs[j]
		in := &e.program.code[jb.pc]
		jb.pc++
		switch in.op {
		case opTake, opTakeShard:
			target := in.target
			if in.op == opTakeShard {
				target = e.program.groups[target].choose(jb.account, jb.instance)
			}
			if !e.take(j, jb, target) {
				return
			}
		case opServe:
			d := in.draw(&jb.random)
			if r := jb.held[jb.depth-1]; e.disturbed[r] {
				d = e.stretch(r, d)
			}
			if d > 0 {
				e.events.push(e.now+d, j)
				return
			}
		case opGive:
			jb.depth--
			r := jb.held[jb.depth]
			if in.keep == 0 || !e.keep(r, jb.account, in.keep) {
				e.give(r)
			}
		case opMiss:
			c := &e.crowds[in.target]
			if uniform(&jb.random) >= c.missing(e.now, &e.resources[c.resource]) {
				jb.pc = in.skip
			}
		case opExpire:
			e.expire(j)
			return
		case opEnd:
			if jb.then >= 0 {
				jb.pc, jb.then = jb.then, -1
				continue
			}
			e.finish(j, false)
			return
		}
	}
}

// take gets a unit and reports true, or else queues the job or refuses it. A unit given back goes straight to the queue's
// first, so while there is a free unit the queue is empty and nobody can be overtaken.
func (e *engine) take(j int32, jb *job, target int32) bool {
	r := &e.resources[target]
	if r.keeps && e.resume(target, jb.account) {
		jb.held[jb.depth] = target
		jb.depth++
		return true
	}
	if r.inUse < r.limit {
		r.touch(e.now)
		r.inUse++
		jb.held[jb.depth] = target
		jb.depth++
		return true
	}
	if r.queueMax >= 0 && r.queue >= r.queueMax {
		r.refused++
		e.unwind(jb)
		e.finish(j, true)
		return false
	}
	r.touch(e.now)
	r.queue++
	jb.waiting, jb.since, jb.prev, jb.next = target, e.now, r.last, -1
	if r.last >= 0 {
		e.jobs[r.last].next = j
	} else {
		r.first = j
	}
	r.last = j
	return false
}

// give takes back a unit and hands it to the first in the queue.
func (e *engine) give(target int32) {
	r := &e.resources[target]
	r.touch(e.now)
	r.served++
	j := r.first
	if j < 0 {
		r.inUse--
		return
	}
	e.unlink(j)
	jb := &e.jobs[j]
	jb.held[jb.depth] = target
	jb.depth++
	e.ready = append(e.ready, j)
}

// leave ends the visit of a waiting job and reports true, or reports false for one in service.
func (e *engine) leave(j int32) bool {
	jb := &e.jobs[j]
	if jb.waiting < 0 {
		return false
	}
	e.resources[jb.waiting].touch(e.now)
	e.unlink(j)
	e.unwind(jb)
	return true
}

// unlink takes a job out of the queue in which it waits; the resource's integrals are up to date.
func (e *engine) unlink(j int32) {
	jb := &e.jobs[j]
	r := &e.resources[jb.waiting]
	if jb.prev >= 0 {
		e.jobs[jb.prev].next = jb.next
	} else {
		r.first = jb.next
	}
	if jb.next >= 0 {
		e.jobs[jb.next].prev = jb.prev
	} else {
		r.last = jb.prev
	}
	r.queue--
	if r.front {
		jb.queued += e.now - jb.since
	}
	for _, h := range jb.held[:jb.depth] {
		e.blocked[int(h)*len(e.resources)+int(jb.waiting)] += e.now - jb.since
	}
	jb.waiting = -1
}

// unwind gives back all that a job holds, innermost first.
func (e *engine) unwind(jb *job) {
	for jb.depth > 0 {
		jb.depth--
		e.give(jb.held[jb.depth])
	}
}

// touch brings the integrals up to date before a change of what they integrate.
func (r *resource) touch(now int64) {
	dt := now - r.touched
	r.busy += int64(r.inUse) * dt
	r.wait += int64(r.queue) * dt
	r.touched = now
}

// stats are the counters at the present instant, less those of an earlier one, if given. Hidden resources are among them.
func (e *engine) stats(from []resource, since int64) []ResourceStats {
	e.settle()
	list := make([]ResourceStats, len(e.resources))
	span := float64(e.now-since) / 1e9
	for i := range e.resources {
		r, d := &e.resources[i], &e.def.Resources[i]
		r.touch(e.now)
		var r0 resource
		if from != nil {
			r0 = from[i]
		}
		s := ResourceStats{
			Name: d.Name, Kind: d.Kind, Group: d.Group,
			Limit: int(r.limit), QueueLimit: int(r.queueMax), InUse: int(r.inUse), Queue: int(r.queue), Kept: int(r.idle),
			Busy: float64(r.busy-r0.busy) / 1e9, Wait: float64(r.wait-r0.wait) / 1e9,
			Served: r.served - r0.served, Refused: r.refused - r0.refused,
		}
		if span > 0 {
			s.Utilisation = s.Busy / (span * float64(s.Limit))
			s.MeanQueue = s.Wait / span
		}
		list[i] = s
	}
	return list
}

// snapshot copies the counters for a later call of stats.
func (e *engine) snapshot() []resource {
	e.settle()
	for i := range e.resources {
		e.resources[i].touch(e.now)
	}
	return append([]resource(nil), e.resources...)
}

// visible leaves the hidden resources out.
func (e *engine) visible(list []ResourceStats) []ResourceStats {
	seen := make([]ResourceStats, 0, len(list))
	for i, r := range e.def.Resources {
		if !r.Hidden {
			seen = append(seen, list[i])
		}
	}
	return seen
}
