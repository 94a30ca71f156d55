package stock

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"

	"pegel/probes/probe"
)

// Failure is an account that could not be worked on to the end.
type Failure struct {
	Account string // mail address
	Err     error
}

// work hands units of work to connections and decides when to give up.
type work struct {
	Options
	mu     sync.Mutex
	next   int
	streak int // failures since the last success
	failed []Failure
	end    error // why no more is handed out
}

func newWork(o Options) *work { return &work{Options: o} }

const (
	attempts = 3  // of a unit whose connection broke
	enough   = 10 // failures in a row
)

// each does all units, Connections of them at a time. One account logs in before all others: where that is refused nobody else
// tries, so that no account gets locked.
func (w *work) each(ctx context.Context, units int, do func(ctx context.Context, unit int) error, whose func(unit int) probe.Account) ([]Failure, error) {
	if units == 0 {
		return nil, nil
	}
	err := w.try(ctx, func() error {
		c, err := Dial(ctx, w.Target, whose(0))
		if err == nil {
			c.Close()
		}
		return err
	})
	if err != nil {
		return nil, &StartError{whose(0).Address, err}
	}
	var wg sync.WaitGroup
	for range min(max(w.Connections, 1), units) {
		wg.Go(func() {
			for {
				unit, ok := w.take(ctx, units)
				if !ok {
					return
				}
				w.note(whose(unit), w.try(ctx, func() error { return do(ctx, unit) }))
			}
		})
	}
	wg.Wait()
	if w.end == nil {
		w.end = ctx.Err()
	}
	return w.failed, w.end
}

// StartError says that the first account could not log in; nothing was done.
type StartError struct {
	Account string
	Err     error
}

func (e *StartError) Error() string { return fmt.Sprintf("%s: %v", e.Account, e.Err) }

// Unwrap gives what it came to.
func (e *StartError) Unwrap() error { return e.Err }

func (w *work) take(ctx context.Context, units int) (unit int, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if ctx.Err() != nil || w.end != nil || w.next == units {
		return 0, false
	}
	select {
	case <-w.Stop:
		w.end = ErrStopped
		return 0, false
	default:
	}
	w.next++
	return w.next - 1, true
}

// try does a unit again where its connection broke: what the former attempt did is found by the next one.
func (w *work) try(ctx context.Context, do func() error) error {
	for n := 1; ; n++ {
		err := do()
		var refused *imap.Error
		if err == nil || n == attempts || ctx.Err() != nil || errors.Is(err, ErrStopped) || errors.Is(err, probe.ErrNotAllowed) || errors.As(err, &refused) {
			return err
		}
		switch probe.ClassOf(err) {
		case probe.Auth, probe.TLS, probe.Refused:
			return err
		}
		select {
		case <-time.After(time.Duration(n) * time.Second):
		case <-w.Stop:
			return ErrStopped
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// note keeps what a unit came to.
func (w *work) note(account probe.Account, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case err == nil:
		w.streak = 0
		return
	case errors.Is(err, ErrStopped):
		w.end = ErrStopped
		return
	case errors.Is(err, context.Canceled):
		return
	}
	w.failed = append(w.failed, Failure{account.Address, err})
	w.streak++
	if w.streak == enough && w.end == nil {
		w.end = fmt.Errorf("given up after %d failures in a row, the last one of %s: %w", enough, account.Address, err)
	}
}

// pace spreads messages evenly over time.
type pace struct {
	gap  time.Duration
	mu   sync.Mutex
	next time.Time
}

func newPace(rate float64) *pace {
	p := new(pace)
	if rate > 0 {
		p.gap = time.Duration(float64(time.Second) / rate)
	}
	return p
}

// wait waits for the next message's turn.
func (p *pace) wait(ctx context.Context, stop <-chan struct{}) error {
	select {
	case <-stop:
		return ErrStopped
	default:
	}
	if p.gap == 0 {
		return ctx.Err()
	}
	p.mu.Lock()
	now := time.Now()
	if p.next.Before(now) {
		p.next = now
	}
	left := p.next.Sub(now)
	p.next = p.next.Add(p.gap)
	p.mu.Unlock()
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-stop:
		return ErrStopped
	case <-ctx.Done():
		return ctx.Err()
	}
}
