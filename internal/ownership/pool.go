package ownership

import (
	"context"
	"sync"
)

// usualConnections is how many accounts are worked on at once where nobody says.
const usualConnections = 32

// parallel calls do for 0 to n-1, at most limit at a time, and returns when all have returned. Once the context has ended none is
// begun any more.
func parallel(ctx context.Context, n, limit int, do func(i int)) {
	if limit <= 0 {
		limit = usualConnections
	}
	var wg sync.WaitGroup
	next := make(chan int)
	for range min(n, limit) {
		wg.Go(func() {
			for i := range next {
				do(i)
			}
		})
	}
	for i := range n {
		if ctx.Err() != nil {
			break
		}
		next <- i
	}
	close(next)
	wg.Wait()
}

// each does something for every account and collects what became of it. Accounts that the end of the context left out have its error.
func (w Work) each(ctx context.Context, do func(ctx context.Context, m Move) Outcome, done func(Outcome)) []Outcome {
	all := make([]Outcome, len(w.Moves))
	for i, m := range w.Moves {
		all[i].Account = m.Source
	}
	begun := make([]bool, len(all))
	var mu sync.Mutex
	parallel(ctx, len(all), w.Connections, func(i int) {
		o := do(ctx, w.Moves[i])
		o.Account = w.Moves[i].Source
		if o.Err != nil {
			o.Error = o.Err.Error()
		}
		mu.Lock()
		defer mu.Unlock()
		all[i], begun[i] = o, true
		if done != nil {
			done(o)
		}
	})
	for i := range all {
		if !begun[i] {
			all[i].Err, all[i].Error = ctx.Err(), "not begun"
		}
	}
	return all
}
