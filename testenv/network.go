package testenv

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"sync"
	"time"
)

// ErrRefused is what a visit ends with when a queue on its way was full.
var ErrRefused = errors.New("refused: queue full")

// ErrLimited is what a login ends with that is one too many from its address.
var ErrLimited = errors.New("limited: too many logins from this address")

// ErrClosed is what a visit ends with when the network was closed before it was over.
var ErrClosed = errors.New("network closed")

// ResourceStats are the counters of one resource since the network began, or in a simulation since the warm-up ended.
type ResourceStats struct {
	Name, Kind, Group string
	Limit             int
	QueueLimit        int // how many may wait; -1: unlimited
	InUse             int // units in use now; those of a memory can be more than its limit
	Kept              int // of those, units that no visit uses and an account keeps
	Queue             int // visits waiting now
	// Busy is the integral of the units in use over time, Wait that of the queue's length, both in seconds.
	Busy, Wait float64
	// Served counts units given back, Refused the visits that found the queue full.
	Served, Refused int64

	// Utilisation is the mean share of the limit in use, MeanQueue the mean number waiting, over the time measured.
	Utilisation, MeanQueue float64
}

// Network is a platform's queueing network on the real clock. All times inside it are logical: a visit that gets its unit
// when another ends begins at the scheduled end of that other one, so timers that fire late delay what a client sees but
// never add up, and the counters are exact. Its methods may be called from many goroutines.
type Network struct {
	start time.Time
	seed  uint64
	wake  chan struct{} // tells the driver that an earlier event than it waits for has come
	quit  chan struct{}
	ended chan struct{}
	once  sync.Once

	mu      sync.Mutex
	engine  *engine
	visits  []visit // by job
	tallies tallies
	free    []int32
	count   uint64 // visits so far: the key of each one's random numbers
	wakeAt  int64  // when the driver will look again
}

// visit is the waiting side of a job.
type visit struct {
	key       opKey
	began     int64
	done      chan bool // gets one value: whether the visit was refused
	abandoned bool
}

// NewNetwork starts the network. The seed determines the service times by the order of visits, and the random slow times. The definition must pass
// Check; NewNetwork panics otherwise. Close must be called in the end.
func NewNetwork(def Definition, seed uint64) *Network {
	n := &Network{
		start:  time.Now(),
		seed:   seed,
		wake:   make(chan struct{}, 1),
		quit:   make(chan struct{}),
		ended:  make(chan struct{}),
		engine: newEngine(def, seed),
		wakeAt: math.MaxInt64,
	}
	n.tallies = newTallies(n.engine.balancer)
	n.engine.finish = n.finish
	go n.drive()
	return n
}

// Visit does one operation for an account and returns when it is over: at once for an operation that the definition does not
// list. It ends with ErrRefused if a queue was full and with ErrClosed if the network is closed. When ctx ends first, a visit
// that waits leaves its queue and gives back what it holds, while one in service is finished by the network with nobody
// waiting for it, as real software would; either way the error wraps that of ctx.
func (n *Network) Visit(ctx context.Context, operation string, account int) error {
	_, err := n.Serve(ctx, operation, Client{Account: account})
	return err
}

// Serve is Visit for a client of whom more is known. The result is the instance that served it, from 1, and 0 where there are
// none. A login beyond the limit ends at once with ErrLimited.
func (n *Network) Serve(ctx context.Context, operation string, c Client) (instance int, err error) {
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("visiting %s: %w", operation, err)
	}
	_, costs := n.engine.program.starts[operation]
	if !costs && n.engine.limiter == nil {
		return 0, nil
	}
	n.mu.Lock()
	select {
	case <-n.quit:
		n.mu.Unlock()
		return 0, fmt.Errorf("visiting %s: %w", operation, ErrClosed)
	default:
	}
	n.advance()
	if !n.engine.admit(operation, c.Source) {
		n.mu.Unlock()
		return 0, fmt.Errorf("visiting %s: %w", operation, ErrLimited)
	}
	if !costs {
		n.mu.Unlock()
		return 0, nil
	}
	j := n.job()
	done := make(chan bool, 1)
	n.count++
	n.engine.jobs[j].random = mix(n.seed ^ mix(n.count))
	instance = n.engine.begin(j, operation, c)
	n.visits[j] = visit{key: opKey{operation, instance}, began: n.engine.now, done: done}
	n.engine.drain()
	n.nudge()
	n.mu.Unlock()

	select {
	case refused := <-done:
		return instance, outcome(operation, refused)
	case <-n.quit:
		return instance, fmt.Errorf("visiting %s: %w", operation, ErrClosed)
	case <-ctx.Done():
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.advance()
	select {
	case refused := <-done: // over in the meantime, and j may belong to another visit
		return instance, outcome(operation, refused)
	default:
	}
	if n.engine.leave(j) {
		n.engine.drain()
		n.free = append(n.free, j)
		n.nudge()
	} else {
		n.visits[j].abandoned = true
	}
	return instance, fmt.Errorf("visiting %s: %w", operation, ctx.Err())
}

func outcome(operation string, refused bool) error {
	if refused {
		return fmt.Errorf("visiting %s: %w", operation, ErrRefused)
	}
	return nil
}

// Admit says whether a service may let a client in that has just come from an address: not one beyond the limit of logins.
func (n *Network) Admit(service string, source netip.Addr) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.advance()
	return n.engine.limiter.admit(service, source, n.engine.now)
}

// Stats reads the counters of all resources but hidden ones at one instant, in the order of the definition.
func (n *Network) Stats() []ResourceStats {
	n.mu.Lock()
	defer n.mu.Unlock()
	select {
	case <-n.quit: // the counters stand still once closed
	default:
		n.advance()
	}
	return n.engine.visible(n.engine.stats(nil, 0))
}

// Close ends the network. Visits under way end with ErrClosed. Closing again does nothing.
func (n *Network) Close() {
	n.once.Do(func() {
		n.mu.Lock()
		close(n.quit)
		n.mu.Unlock()
	})
	<-n.ended
}

// drive is the one goroutine of the network: it sleeps until the next event is due.
func (n *Network) drive() {
	defer close(n.ended)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		n.mu.Lock()
		now := n.advance()
		wait := time.Hour
		n.wakeAt = math.MaxInt64
		if at, ok := n.engine.events.next(); ok {
			n.wakeAt = at
			wait = time.Duration(at - now)
		}
		n.mu.Unlock()
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-n.wake:
		case <-n.quit:
			return
		}
	}
}

// advance brings the engine to the present, which it returns.
func (n *Network) advance() int64 {
	now := int64(time.Since(n.start))
	n.engine.advance(now)
	return now
}

// nudge wakes the driver if an event is due before it would look.
func (n *Network) nudge() {
	at, ok := n.engine.events.next()
	if !ok || at >= n.wakeAt {
		return
	}
	n.wakeAt = at
	select {
	case n.wake <- struct{}{}:
	default: // already told
	}
}

// job finds a free job or makes one.
func (n *Network) job() int32 {
	if k := len(n.free); k > 0 {
		j := n.free[k-1]
		n.free = n.free[:k-1]
		return j
	}
	j := n.engine.newJob()
	for len(n.visits) <= int(j) { // the engine has jobs of its own
		n.visits = append(n.visits, visit{})
	}
	return j
}

// finish is called by the engine, under the lock, when a visit is over.
func (n *Network) finish(j int32, refused bool) {
	v := &n.visits[j]
	n.tallies.over(v.key, refused, n.engine.now-v.began, n.engine.jobs[j].queued)
	if !v.abandoned {
		v.done <- refused
	}
	n.visits[j] = visit{}
	n.free = append(n.free, j)
}
