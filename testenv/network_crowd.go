package testenv

import "math"

// crowd follows which accounts are active: those that began an operation within the last ttl. What is in use of its resource
// depends on their number. Accounts stand in a list in the order of their latest operation, so that those whose time is over
// are found at its head.
type crowd struct {
	resource  int32
	ttl       int64
	base, per float64
	cache     bool
	beyond    *Beyond

	index  map[int]int32 // account → node
	nodes  []crowdNode   // number 0 is the ring's anchor
	free   []int32
	active int
}

type crowdNode struct {
	account    int
	since      int64 // its latest operation
	next, prev int32
}

func newCrowd(r Resource, resource int32) crowd {
	c := crowd{resource: resource, index: map[int]int32{}, nodes: make([]crowdNode, 1)}
	if m := r.Memory; m != nil {
		c.ttl, c.base, c.per, c.beyond = int64(m.TTL), m.Base, m.PerAccount, m.Beyond
	} else {
		c.ttl, c.per, c.cache = int64(r.Cache.TTL), r.Cache.PerAccount, true
	}
	return c
}

// touch notes that an account begins an operation.
func (c *crowd) touch(account int, now int64, r *resource) {
	c.settle(now, r)
	i, ok := c.index[account]
	switch {
	case ok:
		c.unlink(i)
	case len(c.free) > 0:
		i = c.free[len(c.free)-1]
		c.free = c.free[:len(c.free)-1]
	default:
		i = int32(len(c.nodes))
		c.nodes = append(c.nodes, crowdNode{})
	}
	last := c.nodes[0].prev
	c.nodes[i] = crowdNode{account: account, since: now, next: 0, prev: last}
	c.nodes[last].next, c.nodes[0].prev = i, i
	if !ok {
		c.index[account] = i
		c.active++
		c.fill(now, r)
	}
}

// settle forgets the accounts whose time is over, each at its own time.
func (c *crowd) settle(now int64, r *resource) {
	for {
		i := c.nodes[0].next
		if i == 0 || c.nodes[i].since+c.ttl > now {
			break
		}
		c.unlink(i)
		delete(c.index, c.nodes[i].account)
		c.free = append(c.free, i)
		c.active--
		c.fill(c.nodes[i].since+c.ttl, r)
	}
}

func (c *crowd) unlink(i int32) {
	n := c.nodes[i]
	c.nodes[n.prev].next, c.nodes[n.next].prev = n.next, n.prev
}

// fill sets what is in use.
func (c *crowd) fill(now int64, r *resource) {
	r.touch(now)
	r.inUse = int32(math.Round(min(c.base+c.per*float64(c.active), math.MaxInt32)))
	if c.cache {
		r.inUse = min(r.inUse, r.limit)
	}
}

// missing is the probability that a cache does not hold what is asked for: the share of what the active accounts need that
// does not fit in.
func (c *crowd) missing(now int64, r *resource) float64 {
	c.settle(now, r)
	return max(0, 1-float64(r.limit)/(c.per*float64(c.active)))
}

// settle brings all memories and caches up to date.
func (e *engine) settle() {
	for i := range e.crowds {
		c := &e.crowds[i]
		c.settle(e.now, &e.resources[c.resource])
	}
}
