package testenv

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Ways in which a balancer chooses the instance that serves a request.
const (
	ByRoundRobin = "round-robin" // one after the other
	BySource     = "source"      // by a hash of the client's address: all that comes from one address goes to one instance
	ByCookie     = "cookie"      // a session stays with the instance that a cookie names; what has none goes where the fewest requests are
	ByHop        = "hop"         // the same with a cookie that changes, so that the balancer does not know the session any more
)

// Balance says how requests are spread over instances. An instance is a member of each of several groups, such as its slots at
// the balancer and its workers; the n-th instance has the n-th member of each.
type Balance struct {
	Groups []string `yaml:"groups"`
	By     string   `yaml:"by"`
	// Change, of hop, is the share of the requests of sessions whose cookie the balancer does not know any more. Such a request
	// goes where the fewest requests are, and that instance's cookie holds until the next change.
	Change float64 `yaml:"change,omitempty"`
	// Rebuild is the operation done first where a session comes to another instance than the one that has it: that one must
	// build it again. "": sessions are everywhere.
	Rebuild string `yaml:"rebuild,omitempty"`
	// Salt changes the hash of source addresses.
	Salt uint64 `yaml:"salt,omitempty"`
}

// Cause is what is wrong with a platform, for whoever checks a diagnosis.
type Cause struct {
	Code    string `yaml:"code"`              // slots, workers, pool, cpu, memory, uneven-sources, session-hop, hot-shard, copy, rate-limit, …
	Subject string `yaml:"subject,omitempty"` // the resource, group or service
}

// Client is who does a visit.
type Client struct {
	Account int
	Source  netip.Addr // its address; the zero value: not known
	Cookie  int        // the instance that its cookie names, from 1; 0: none
}

// ofSession says whether an operation needs the session of a login.
func ofSession(operation string) bool {
	return strings.HasPrefix(operation, "web.") && operation != "web.login" && operation != "web.page"
}

func (b *Balance) check(d Definition) error {
	if !slices.Contains([]string{ByRoundRobin, BySource, ByCookie, ByHop}, b.By) {
		return fmt.Errorf("balance: unknown way %q, want %s, %s, %s or %s", b.By, ByRoundRobin, BySource, ByCookie, ByHop)
	}
	if len(b.Groups) == 0 {
		return fmt.Errorf("balance: no groups")
	}
	size := 0
	for i, g := range b.Groups {
		n := 0
		for _, r := range d.Resources {
			if r.Group == g && g != "" {
				n++
			}
		}
		switch {
		case n == 0:
			return fmt.Errorf("balance: there is no group %q", g)
		case i > 0 && n != size:
			return fmt.Errorf("balance: group %q has %d members and %q has %d", b.Groups[0], size, g, n)
		case d.Shards[g] != nil:
			return fmt.Errorf("balance: group %q is spread by the balancer and cannot have shards", g)
		}
		size = n
	}
	if !(b.Change >= 0 && b.Change <= 1) || b.Change > 0 && b.By != ByHop || b.Change == 0 && b.By == ByHop {
		return fmt.Errorf("balance: change %v is not a share above 0 with by: %s, or it has another way", b.Change, ByHop)
	}
	if _, known := d.Operations[b.Rebuild]; b.Rebuild != "" && !known {
		return fmt.Errorf("balance: rebuild names an unknown operation %q", b.Rebuild)
	}
	return nil
}

// balancer chooses instances. It is the engine's own: the same on both clocks.
type balancer struct {
	Balance
	instances int
	routed    map[string]bool // operations that go to an instance
	rebuild   int32           // where the operation begins, −1: there is none
	random    uint64
	turn      int
	load      func(instance int) int32 // requests under way and waiting at an instance, from 1
	home      map[int]int              // account → instance that has its session, from 1

	fresh   []int64 // by instance from 0: requests that no cookie led there
	rebuilt []int64 // sessions built again there
}

func newBalancer(d Definition, p *program, resources []resource, seed uint64) *balancer {
	if d.Balance == nil {
		return nil
	}
	b := &balancer{Balance: *d.Balance, routed: map[string]bool{}, rebuild: -1, random: mix(seed ^ 0xba1a), home: map[int]int{}}
	b.instances = len(d.members(b.Groups[0]))
	b.fresh, b.rebuilt = make([]int64, b.instances), make([]int64, b.instances)
	for op, steps := range d.Operations {
		b.routed[op] = op != b.Rebuild && uses(steps, b.Groups)
	}
	first := p.groupOf(d, b.Groups[0])
	b.load = func(instance int) int32 {
		r := &resources[first.members[instance-1]]
		return r.inUse + r.queue
	}
	if b.Rebuild != "" {
		b.rebuild = p.starts[b.Rebuild]
	}
	return b
}

// uses says whether any of the steps uses one of the groups.
func uses(steps []Step, groups []string) bool {
	return slices.ContainsFunc(steps, func(s Step) bool { return slices.Contains(groups, s.Use) || uses(s.Steps, groups) })
}

// choose is the instance for a request, from 1, and whether it must build the session again; 0 for an operation that goes to
// none.
func (b *balancer) choose(operation string, c Client) (instance int, rebuild bool) {
	if b == nil || !b.routed[operation] {
		return 0, false
	}
	session := ofSession(operation)
	cookie := 0
	switch b.By {
	case BySource:
		instance = 1 + int(b.hash(c.Source)%uint64(b.instances))
	case ByHop:
		if session && uniform(&b.random) >= b.Change {
			cookie = c.Cookie
		}
	case ByCookie:
		cookie = c.Cookie
	}
	if cookie > 0 && cookie <= b.instances {
		instance = cookie
	} else if b.By != BySource {
		instance = b.next()
	}
	if instance != cookie {
		b.fresh[instance-1]++
	}
	switch {
	case operation == "web.login":
		b.home[c.Account] = instance
	case session && b.home[c.Account] != instance:
		if rebuild = b.rebuild >= 0 && b.home[c.Account] > 0; rebuild {
			b.rebuilt[instance-1]++
		}
		b.home[c.Account] = instance
	}
	return instance, rebuild
}

// next is the instance whose turn it is: with cookies, of those with the fewest requests.
func (b *balancer) next() int {
	best := 1 + b.turn
	if b.By != ByRoundRobin {
		for i := 1; i < b.instances; i++ {
			if k := 1 + (b.turn+i)%b.instances; b.load(k) < b.load(best) {
				best = k
			}
		}
	}
	b.turn = best % b.instances
	return best
}

// hash is that of FNV-1a over the address's bytes, mixed, so that neighbours are spread as by chance.
func (b *balancer) hash(a netip.Addr) uint64 {
	h := uint64(0xcbf29ce484222325)
	for _, x := range a.Unmap().AsSlice() {
		h = (h ^ uint64(x)) * 0x100000001b3
	}
	return mix(h ^ b.Salt)
}
