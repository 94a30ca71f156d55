package ownership

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// Follow looks at every account again and again, from the beginning of one look to that of the next at least every apart, and
// stops at the first foreign item; without one it goes on until the context ends. Connections stay open from one look to the next;
// accounts that could not be looked at are tried again with the next look. It returns what is known then, in which nothing
// counts as missing, for the pass may be under way. round, if not nil, is called after each whole look with the number of
// accounts that failed in it.
func (v *Verifier) Follow(ctx context.Context, every time.Duration, round func(looks, failed int)) []Finding {
	defer func() {
		for _, w := range v.accounts {
			w.hangUp()
		}
	}()
	looking, cancel := context.WithCancel(ctx)
	defer cancel()
	for looks := 1; looking.Err() == nil; looks++ {
		began := time.Now()
		failed := v.round(looking, cancel)
		if looking.Err() != nil {
			break
		}
		if round != nil {
			round(looks, failed)
		}
		timer := time.NewTimer(time.Until(began.Add(every)))
		select {
		case <-looking.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
	list := v.findings(ctx)
	for i := range list {
		list[i].Missing = 0
	}
	return list
}

// round looks at every account once, and cancels all looking at the first foreign item. What was cut off by that keeps the error
// it had before.
func (v *Verifier) round(ctx context.Context, cancel func()) (failed int) {
	var errs atomic.Int64
	parallel(ctx, len(v.accounts), v.work.Connections, func(i int) {
		w := v.accounts[i]
		err := v.look(ctx, w)
		if !w.foreign.empty() {
			cancel()
			w.err = nil
		} else if !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
			w.err = err
		}
		if w.err != nil {
			errs.Add(1)
		}
	})
	return int(errs.Load())
}
