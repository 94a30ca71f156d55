package ownership

import (
	"context"
	"sync"
	"time"

	"pegel/probes/probe"
)

// Round is what one whole look of Follow came to.
type Round struct {
	Look   int // from 1
	Failed int // accounts that could not be looked at
	First  error
	// Doubtful is how many accounts have messages of others that do not yet prove anything.
	Doubtful int

	refused int   // accounts whose login was refused
	last    error // of them
}

// Follow looks at every account again and again, from the beginning of one look to that of the next at least every apart, and
// stops at the first foreign item; without one it goes on until the context ends. Connections stay open from one look to the next;
// accounts that could not be looked at are tried again with the next look, but for those whose login was refused; where the Guard ends all logins
// it stops as well. It returns what is known then, in which nothing
// counts as missing, for the pass may be under way. round, if not nil, is called after each whole look.
func (v *Verifier) Follow(ctx context.Context, every time.Duration, round func(Round)) []Finding {
	defer func() {
		for _, w := range v.accounts {
			w.hangUp()
		}
	}()
	looking, cancel := context.WithCancel(ctx)
	defer cancel()
	for looks := 1; looking.Err() == nil; looks++ {
		began := time.Now()
		v.guard().again()
		r := v.round(looking, cancel)
		if looking.Err() != nil {
			break
		}
		v.guard().stop(r.refused, len(v.accounts), r.last)
		if v.guard().Ended() != nil {
			break
		}
		proven, thin := v.judge()
		for i := range proven {
			if len(proven[i]) > 0 {
				cancel()
			}
			if len(thin[i]) > 0 {
				r.Doubtful++
			}
		}
		if r.Look = looks; round != nil && looking.Err() == nil {
			round(r)
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

// round looks at every account once, and cancels all looking at the first signed item that is foreign. What was cut off by that
// keeps the error it had before.
func (v *Verifier) round(ctx context.Context, cancel func()) (r Round) {
	var mu sync.Mutex
	parallel(ctx, len(v.accounts), v.work.Connections, func(i int) {
		w := v.accounts[i]
		err := v.look(ctx, w)
		if w.read != nil {
			w.read.rest()
		}
		if len(w.foreign.signed) > 0 {
			cancel()
			w.err = nil
		} else if err == nil || ctx.Err() == nil {
			w.err = err
		}
		mu.Lock()
		defer mu.Unlock()
		if w.err != nil {
			if probe.ClassOf(w.err) == probe.Auth {
				r.refused, r.last = r.refused+1, w.err
			}
			if r.Failed++; r.First == nil {
				r.First = w.err
			}
		}
	})
	return r
}
