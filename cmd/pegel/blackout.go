package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"pegel/internal/judge"
	"pegel/scenarios"
)

// blackoutLead is how long before a blackout a run begins to end: what users are at may take the engine's grace, and nothing is
// to be sent after it.
const blackoutLead = 6 * time.Second

// wall is the time of the day; tests set another.
func (d *driving) wall() time.Time {
	if d.clock != nil {
		return d.clock()
	}
	return time.Now()
}

const wallForm = "2006-01-02 15:04"

// refuseBlackout refuses a run that would begin in a blackout, or so shortly before one that nothing could be driven, and says of
// one that will come to a blackout that it ends there.
func (d *driving) refuseBlackout() error {
	l, now := &d.scenario.Load, d.wall()
	until, silent := l.Silent(now)
	if !silent {
		if until, silent = l.Silent(now.Add(blackoutLead)); !silent {
			at, ok := l.NextSilence(now)
			if length := d.plan.Duration(); ok && at.Add(-blackoutLead).Before(now.Add(length)) {
				fmt.Fprintf(d.env.stderr, "warning: the run takes %s, but a blackout begins at %s; it will be ended there\n", length.Round(time.Second), at.Format(wallForm))
			}
			return nil
		}
	}
	return &exitError{code: exitNoStart, err: fmt.Errorf("nothing may be sent now: load.blackout; the run may begin from %s on", until.Format(wallForm))}
}

// watchBlackout ends the run gently before the next blackout begins. The returned function stops watching.
func (d *driving) watchBlackout(ctx context.Context, halt func()) func() {
	at, ok := d.scenario.Load.NextSilence(d.wall())
	if !ok {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			left := at.Add(-blackoutLead).Sub(d.wall())
			if left <= 0 {
				break
			}
			timer := time.NewTimer(min(left, time.Minute)) // the machine may sleep, and its clock be set
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
				return
			}
		}
		text := judge.Say(judge.NoteBlackout, at.Format(wallForm)).String()
		d.blackout.Store(&text)
		fmt.Fprintf(d.env.stderr, "pegel: a blackout begins at %s; users finish what they are at\n", at.Format(wallForm))
		halt()
	})
	return func() { cancel(); wg.Wait() }
}

// unplayed says of situations that pegel cannot bring about by itself.
func unplayed(s *scenarios.Scenario) []string {
	var list []string
	for i := range s.Situations {
		if x := &s.Situations[i]; x.At > 0 && len(x.Less) > 0 {
			list = append(list, fmt.Sprintf("situation %q: whoever drives the run takes the machines away while it is played; pegel cannot", x.Name))
		}
	}
	return list
}
