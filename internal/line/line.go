// Package line makes connections behave as if they came over a long and narrow line: a home's, a branch office's, or the
// one entry that all of them share.
//
// What is modelled: the time of a round trip, its jitter, and bandwidth in both directions, each pipe passing one piece
// after the other. What is not: loss, the slow start of TCP, and windows smaller than what is under way.
package line

import (
	"math/rand/v2"
	"sync"
	"time"
)

// Line is one line, for all of its users. The zero Line is none at all.
type Line struct {
	RoundTrip time.Duration // there and back
	Jitter    time.Duration // on top of a round trip, evenly from 0 to this
	Down, Up  float64       // bytes a second to and from the user; 0: no limit
	Shared    bool          // all users have Down and Up together, else each has them alone
	Via       *Line         // what lies between this line and the platform; nil: nothing

	once     sync.Once
	down, up *pipe // of a shared line
}

// End is a user's end of a line: all of the user's connections share what it has alone.
type End struct {
	roundTrip, jitter time.Duration
	down              []*pipe // in the order in which answers pass them
	up                []*pipe // in the order in which requests pass them

	mu     sync.Mutex
	random *rand.Rand
}

// End makes the end of the user with this number; the same number draws the same jitter.
func (l *Line) End(user uint64) *End {
	e := &End{random: rand.New(rand.NewPCG(user, 0))}
	for ; l != nil; l = l.Via {
		e.roundTrip += l.RoundTrip
		e.jitter += l.Jitter
		down, up := l.pipes()
		if up != nil {
			e.up = append(e.up, up)
		}
		if down != nil {
			e.down = append([]*pipe{down}, e.down...)
		}
	}
	return e
}

func (l *Line) pipes() (down, up *pipe) {
	if !l.Shared {
		return newPipe(l.Down), newPipe(l.Up)
	}
	l.once.Do(func() { l.down, l.up = newPipe(l.Down), newPipe(l.Up) })
	return l.down, l.up
}

// trip is how long one round trip takes this time.
func (e *End) trip() time.Duration {
	if e.jitter == 0 {
		return e.roundTrip
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.roundTrip + time.Duration(e.random.Int64N(int64(e.jitter)+1))
}

// piece is how many bytes are best passed at once: what the narrowest pipe carries in pieceTime, at least a packet.
func piece(pipes []*pipe) int {
	n := largest
	for _, p := range pipes {
		n = min(n, int(p.rate*pieceTime.Seconds()))
	}
	return max(n, packet)
}

const (
	pieceTime = 2 * time.Millisecond
	packet    = 1460
	largest   = 64 << 10
)

// pass sends n bytes that came at a time through all pipes, and tells when the last of them has left the last one.
func pass(pipes []*pipe, n int, at time.Time) time.Time {
	for _, p := range pipes {
		at = p.take(n, at)
	}
	return at
}

// pipe passes bytes at a fixed rate, in the order in which they come.
type pipe struct {
	rate float64 // bytes a second
	mu   sync.Mutex
	free time.Time // when what came before has passed
}

func newPipe(rate float64) *pipe {
	if rate == 0 {
		return nil
	}
	return &pipe{rate: rate}
}

func (p *pipe) take(n int, at time.Time) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.free.After(at) {
		at = p.free
	}
	p.free = at.Add(time.Duration(float64(n) / p.rate * float64(time.Second)))
	return p.free
}
