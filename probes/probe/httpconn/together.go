package httpconn

import (
	"cmp"
	"sync"

	"pegel/probes/probe"
)

// maxStreams is how many requests one page has under way at the same time over HTTP/2, where no connection limits it.
const maxStreams = 32

// Together sends requests at the same time, as a page does that needs them all: over as many connections of HTTP/1.1 as the
// user's persona keeps, MaxConns where that is not said, or over one of HTTP/2. What comes of each is told by its number; the functions run at the same time. It ends when all have
// ended, and marks complete, or auth, once.
func (c *Client) Together(t *probe.Turn, list []Request, done func(i int, r *Response, err error)) {
	in, out := c.in.Load(), c.out.Load()
	ctx := t.Context() // here, because a Turn belongs to one goroutine
	var next struct {
		sync.Mutex
		n int
	}
	var all sync.WaitGroup
	for range min(len(list), c.atOnce(t.Connections(""))) {
		all.Go(func() {
			for {
				next.Lock()
				i := next.n
				next.n++
				next.Unlock()
				if i >= len(list) {
					return
				}
				r := list[i]
				response, err := c.follow(ctx, nil, &r)
				done(i, response, err)
			}
		})
	}
	all.Wait()
	t.Transferred(c.in.Load()-in, c.out.Load()-out)
	if len(list) > 0 && list[0].Auth {
		t.Mark(probe.PhaseAuth)
	} else {
		t.Mark(probe.PhaseComplete)
	}
}

func (c *Client) atOnce(kept int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.multi) > 0 {
		return maxStreams
	}
	return cmp.Or(kept, MaxConns)
}
