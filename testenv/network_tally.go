package testenv

// window is a mean over about the last 1024 values, as HAProxy keeps its averages of times.
type window struct {
	n    int64
	mean float64
}

const windowLength = 1024

func (w *window) add(x float64) {
	w.n = min(w.n+1, windowLength)
	w.mean += (x - w.mean) / float64(w.n)
}

// opKey is an operation at an instance, 0 where there are none.
type opKey struct {
	operation string
	instance  int
}

// opTally counts the visits of an operation that are over.
type opTally struct {
	done, refused int64
	seconds       float64 // of those done
}

// serverTally is what a balancer knows of a server: of the times, means in seconds over the latest requests.
type serverTally struct {
	queued, responded, total window
}

// tallies count visits on the real clock. The network's lock guards them.
type tallies struct {
	operations map[opKey]*opTally
	servers    []serverTally // by instance; number 0 is all of them together
}

func newTallies(b *balancer) tallies {
	t := tallies{operations: map[opKey]*opTally{}, servers: make([]serverTally, 1)}
	if b != nil {
		t.servers = make([]serverTally, 1+b.instances)
	}
	return t
}

// over counts a visit that has ended, with the times in nanoseconds it took and waited in the balancer's queue.
func (t *tallies) over(k opKey, refused bool, took, queued int64) {
	o := t.operations[k]
	if o == nil {
		o = &opTally{}
		t.operations[k] = o
	}
	if refused {
		o.refused++
		return
	}
	o.done++
	o.seconds += float64(took) / 1e9
	if !balanced(k.operation) {
		return
	}
	for i, s := range []*serverTally{&t.servers[0], &t.servers[k.instance]} {
		if i > 0 && k.instance == 0 {
			break
		}
		s.queued.add(float64(queued) / 1e9)
		s.responded.add(float64(took-queued) / 1e9)
		s.total.add(float64(took) / 1e9)
	}
}

// counters are all of a network's counters at one instant.
type counters struct {
	seconds    float64 // since the network began
	resources  []ResourceStats
	operations map[opKey]opTally
	servers    []serverTally
	fresh      []int64 // by instance from 0: requests that no cookie led there
	rebuilt    []int64 // sessions built again there
	limited    map[string]int64
	prolonged  map[string]float64 // by resource: seconds that memory over its limit has added to its work
}

// counters reads them.
func (n *Network) counters() counters {
	n.mu.Lock()
	defer n.mu.Unlock()
	select {
	case <-n.quit: // the counters stand still once closed
	default:
		n.advance()
	}
	c := counters{
		seconds:    float64(n.engine.now) / 1e9,
		resources:  n.engine.visible(n.engine.stats(nil, 0)),
		operations: make(map[opKey]opTally, len(n.tallies.operations)),
		servers:    append([]serverTally(nil), n.tallies.servers...),
		limited:    map[string]int64{},
		prolonged:  map[string]float64{},
	}
	for r := range n.engine.resources {
		for _, m := range n.engine.slowing[r] {
			memory := int(n.engine.crowds[m].resource)
			c.prolonged[n.engine.def.Resources[r].Name] += float64(n.engine.stretched[r*len(n.engine.resources)+memory]) / 1e9
		}
	}
	for k, o := range n.tallies.operations {
		c.operations[k] = *o
	}
	if b := n.engine.balancer; b != nil {
		c.fresh, c.rebuilt = append([]int64(nil), b.fresh...), append([]int64(nil), b.rebuilt...)
	}
	if l := n.engine.limiter; l != nil {
		for service, refused := range l.refused {
			c.limited[service] = refused
		}
	}
	return c
}

// of sums up the operations whose names pass, at an instance or, where that is below 0, at all.
func (c *counters) of(instance int, pass func(operation string) bool) opTally {
	var sum opTally
	for k, o := range c.operations {
		if (instance < 0 || k.instance == instance) && pass(k.operation) {
			sum.done += o.done
			sum.refused += o.refused
			sum.seconds += o.seconds
		}
	}
	return sum
}
