package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"pegel/internal/plan"
	"pegel/probes/probe"
)

// How the mailboxes are looked through after a run.
const (
	sweepers     = 16                     // accounts at a time
	mostHunted   = 2000                   // other accounts in which lost mail is looked for
	firstPause   = 250 * time.Millisecond // between two rounds; it doubles up to longestPause
	longestPause = 5 * time.Second
	secondCopies = 10 * time.Second // at most so long second copies are waited for after the last late message
)

// Sweep looks through the mailboxes of everybody who was sent mail, after Run has ended: first all of them once, then those
// that lack something, until nothing is missing or the plan's wait since the last acceptance is over; if that took a while, all once
// more a while later, because of mail that comes twice. What is missing then
// is looked for in the other mailboxes of its recipient, and in the INBOX of others. It returns what could not be done,
// for people, and ErrStopped where ctx or Options.Stop ended it: then nothing counts as lost.
func Sweep(ctx context.Context, p *plan.Plan, opt Options) (notes []string, err error) {
	ledger := opt.Ledger
	if ledger == nil || p.Sweep == nil || !p.Sweep.Look {
		return nil, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	var stopping sync.WaitGroup
	stopping.Go(func() {
		select {
		case <-opt.Stop:
			cancel()
		case <-ctx.Done():
		}
	})
	defer stopping.Wait()
	defer cancel()

	s := &sweep{engine: newEngine(ctx, p, nil, opt), failed: map[int]error{}}
	s.look(ledger.Recipients(), p.Sweep.Inbox, false)
	until := ledger.Last() + p.Sweep.Wait
	waited := s.now()
	for pause := firstPause; s.now() < until && ctx.Err() == nil && len(ledger.Outstanding()) > 0; pause = min(2*pause, longestPause) {
		s.rest(min(pause, until-s.now()))
		s.look(ledger.Outstanding(), p.Sweep.Inbox, true)
	}
	if waited = s.now() - waited; waited >= firstPause {
		// A queue was being worked off. What broke deliveries off made second copies, too, which come no sooner than the first.
		s.rest(min(waited, secondCopies, until-s.now()))
		s.look(ledger.Recipients(), p.Sweep.Inbox, true)
	}
	missing := ledger.Outstanding()
	s.look(missing, p.Sweep.All, true)
	for pause := firstPause; pause <= longestPause && len(s.failed) > 0 && ctx.Err() == nil; pause *= 2 { // a server on its way up cuts off the one or other
		s.rest(pause)
		s.look(slices.DeleteFunc(slices.Clone(missing), func(account int) bool { return s.failed[account] == nil }), p.Sweep.All, true)
	}
	if ctx.Err() != nil {
		return nil, ErrStopped
	}
	for _, account := range missing {
		if s.failed[account] == nil {
			ledger.Looked(account)
		}
	}
	if len(ledger.Outstanding()) > 0 {
		notes = s.hunt(ledger.Recipients())
	}
	if failed := slices.Sorted(maps.Keys(s.failed)); len(failed) > 0 {
		notes = append(notes, fmt.Sprintf("%d mailboxes could not be looked through after the run; the first is that of account %d: %v", len(failed), failed[0]+1, s.failed[failed[0]]))
	}
	return notes, nil
}

// sweep is one search of mailboxes.
type sweep struct {
	*engine
	mu     sync.Mutex
	failed map[int]error // by account: why its last search failed
}

// rest waits, or until the search is ended.
func (s *sweep) rest(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.ctx.Done():
	}
}

// look searches the accounts with a step, some at a time. late: they were searched before.
func (s *sweep) look(accounts []int, act plan.Act, late bool) {
	work := make(chan int)
	var wg sync.WaitGroup
	for range min(sweepers, len(accounts)) {
		wg.Go(func() {
			for account := range work {
				err := s.one(account, act, late)
				s.mu.Lock()
				if delete(s.failed, account); err != nil {
					s.failed[account] = err
				}
				s.mu.Unlock()
			}
		})
	}
	for _, account := range accounts {
		select {
		case work <- account:
		case <-s.ctx.Done():
		}
	}
	close(work)
	wg.Wait()
}

// one searches one account over a session of its own.
func (s *sweep) one(account int, act plan.Act, late bool) error {
	u := s.newUser(&plan.User{Account: account})
	u.end = nil // nobody's line: this is a look from the generator's own network
	defer u.closeSessions()
	u.timeout, u.searched, u.late = act.Timeout, late, false
	u.began = s.now()
	u.turn.BeginLazy(u.newContext, act.Target, act.Key)
	err := u.perform(&act)
	u.limit.end()
	if u.openErr != nil {
		err = u.openErr
	}
	if err != nil {
		return &safeError{text: cut(err, u.account), err: err}
	}
	return nil
}

// hunt looks for mail that did not reach its recipients in the INBOX of accounts that nobody has sent mail to.
func (s *sweep) hunt(recipients []int) (notes []string) {
	var others []int
	left := 0
	for account := range s.plan.Live() {
		switch _, is := slices.BinarySearch(recipients, account); {
		case is:
		case len(others) < mostHunted:
			others = append(others, account)
		default:
			left++
		}
	}
	s.look(others, s.plan.Sweep.Inbox, true)
	if left > 0 {
		notes = append(notes, fmt.Sprintf("lost mail was looked for in %d other accounts, not in the remaining %d", len(others), left))
	}
	return notes
}

var _ interface {
	FollowsMail() bool
	Sent(id string, to []string, sure bool)
	Seen(s probe.Sighting)
} = (*user)(nil)
