// Package engine walks a plan: it starts virtual users, keeps their beat, and holds the only stopwatch.
//
// Every action has three stamps from one monotonic clock: Intended, when the user was to begin it; Began, when it really
// began; Ended. Response time is Intended to Ended, service time Began to Ended, lag Intended to Began while the user was
// free; so a late generator shows in its own numbers and never flatters the platform's. Users are closed loops: think
// time counts from the end of one action to the intended start of the next; what is on a beat, and arrivals, keep times of
// their own. Each user, and each branch of one, is a goroutine that the engine waits for.
package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"pegel/internal/delivery"
	"pegel/internal/plan"
	"pegel/internal/record"
	"pegel/probes/probe"
)

// Options are a run's surroundings.
type Options struct {
	RunID   string
	Targets map[string]probe.Target
	Start   time.Time // zero of the run's clock; default: now

	// Stop, when closed, ends the run gently: users finish the action they are at, for at most Grace. Cancelling the
	// context of Run ends it at once.
	Stop  <-chan struct{}
	Grace time.Duration // default 5 s

	// Pause, when it says true, stops the course of the stages until it says false: nobody arrives, no phase ends, and users at
	// work go on. nil: nobody pauses.
	Pause <-chan bool

	// Backoff is a user's first pause after its session was lost; it doubles to sixty times itself. Default 1 s.
	Backoff time.Duration

	// Ledger keeps account of the mail that users send and see; nil: nobody does.
	Ledger *delivery.Ledger

	// OnCopied is called with what a comparison of a migration's two sides came to for an account. Called from many goroutines;
	// nil: nobody wants to know.
	OnCopied func(account int, c probe.Copies)
	// Checks holds answers against former ones; nil: nobody does.
	Checks *Checks

	// Abort ends the run when the share of failed actions is above Over in every interval for this long. 0: never.
	AbortOver float64
	AbortFor  time.Duration

	// Steady prolongs settling and holding, up to the most that a stage allows; nil: as planned.
	Steady Steadiness

	// Rules end the run by what happened in whole windows. Abort ends it for a reason of somebody else's; nil: nobody has any.
	Rules []AbortRule
	Abort <-chan string
	// Down is how long users take to leave, one after the other, when a rule has ended the run. 0: all at once.
	Down time.Duration

	// Next chooses the stages that follow the plan's own; nil: there are none. While it decides, users go on at the load
	// that they are at, and nothing is measured.
	Next NextStage

	// Replay is asked at each branch that depends on an answer what the user did in the run that is replayed; known is false
	// where it did not come there. Called from many goroutines; nil: nothing is replayed.
	Replay func(b plan.Branch) (taken, known bool)

	// OnBranches is called with the branches that users took because of answers, before OnInterval and from its goroutine.
	OnBranches func([]plan.Branch)

	// OnInterval is called with every interval, OnEvent with every event; both from one goroutine at a time.
	OnInterval func(*record.Interval)
	OnEvent    func(Event)
}

// StageResult is a stage that has been held to its end.
type StageResult struct {
	Stage    plan.Stage
	From, To time.Duration // of the hold, on the run's clock
}

// NextStage chooses the stage after those done; ok is false where the run is to end. It is called from one goroutine at a
// time, which Run waits for; when ctx ends, nobody waits for its answer any more.
type NextStage func(ctx context.Context, done []StageResult) (stage plan.Stage, ok bool)

// Event kinds, as the archive names them.
const (
	Ramp   = "ramp"
	Settle = "settle"
	Hold   = "hold"
	End    = "end"
	Abort  = "abort"
	Stop   = "stop"
	Done   = "done"
	Error  = "error"
	Note   = "note"
)

// Event is something that happened once during the run.
type Event struct {
	At     time.Duration
	Kind   string
	Stage  *plan.Stage
	Action string
	Class  probe.Class
	Text   string

	// Cold and Warm are, of a Hold, the active users whose accounts came into use in its stage, and those whose accounts had been in
	// use in this run before it: what caches of the platform know of an account is known of the latter.
	Cold, Warm int
}

// ErrStopped is returned by Run when the run was ended through Options.Stop or its context.
var ErrStopped = errors.New("run was interrupted")

// AbortError is returned by Run when an abort rule ended it, or because too many of the first logins were refused.
type AbortError struct {
	Text    string
	Refused bool // logins were
}

func (e *AbortError) Error() string { return e.Text }

// engine is one run.
type engine struct {
	plan     *plan.Plan
	opt      Options
	recorder *record.Recorder
	start    time.Time
	ctx      context.Context // ends all actions
	flight   []atomic.Int64  // actions under way, by protocol
	users    atomic.Int64
	wg       sync.WaitGroup
	deciding sync.WaitGroup // on the next stage

	pauses pauses
	left   map[*plan.User]*user // users sent away by a lower stage
	first  int                  // active users that the stage has brought who were not there before

	lines      *lines
	storm      *storm // the next one; nil: the plan has none
	chosen     bool   // Options.Next has had its last word
	situations int    // played so far

	events     sync.Mutex // one event at a time
	branchesMu sync.Mutex
	branches   []plan.Branch // taken and not handed over yet

	unopened atomic.Int64 // connections for which this machine had no port, descriptor or memory, since the last report

	failures sync.Mutex
	examples map[string]int // error examples given so far, by action and class
	aborted  chan *AbortError
	lockout  *lockout // nil: a preflight
	guard    *guard
	over     time.Duration // how long the error share has been above the abort rule's
}

// Run drives the plan to its end. It returns nil when all stages are done, ErrStopped or an *AbortError otherwise; all
// users have left when it returns, and everything that ended has been recorded and handed to OnInterval.
func Run(ctx context.Context, p *plan.Plan, recorder *record.Recorder, opt Options) error {
	if opt.Grace == 0 {
		opt.Grace = 5 * time.Second
	}
	if opt.Backoff == 0 {
		opt.Backoff = time.Second
	}
	hard, cancel := context.WithCancel(ctx)
	defer cancel()
	e := newEngine(hard, p, recorder, opt)
	e.lockout = newLockout(p)
	e.guard = newGuard(opt.Rules, p.Actions)
	recorder.Dimensions(p.Groups(), labels(p.TagSets()), e.lines.sourceNames())
	collected := make(chan struct{})
	stopCollecting := make(chan struct{})
	go func() {
		defer close(collected)
		e.collect(stopCollecting)
	}()
	var controlled sync.WaitGroup
	controlling, stopControlling := context.WithCancel(hard)
	controlled.Go(func() { e.control(controlling) })
	err := e.stages(hard)
	stopControlling()
	controlled.Wait()
	e.leave(cancel)
	e.deciding.Wait()
	close(stopCollecting)
	<-collected
	switch {
	case err == nil:
		e.event(Event{Kind: Done})
	case errors.Is(err, ErrStopped):
		e.event(Event{Kind: Stop, Text: err.Error()})
	default:
		e.event(Event{Kind: Abort, Text: err.Error()})
	}
	return err
}

func newEngine(ctx context.Context, p *plan.Plan, recorder *record.Recorder, opt Options) *engine {
	if opt.Start.IsZero() {
		opt.Start = time.Now()
	}
	e := &engine{plan: p, opt: opt, recorder: recorder, start: opt.Start, ctx: ctx,
		flight: make([]atomic.Int64, len(p.Protocols())), examples: map[string]int{}, left: map[*plan.User]*user{}, aborted: make(chan *AbortError, 1)}
	e.lines = newLines(p)
	if storms(p) {
		e.storm = &storm{begun: make(chan struct{})}
	}
	return e
}

func (e *engine) now() time.Duration { return time.Since(e.start) }

func (e *engine) event(ev Event) {
	e.events.Lock()
	defer e.events.Unlock()
	if ev.At == 0 {
		ev.At = e.now()
	}
	if e.opt.OnEvent != nil {
		e.opt.OnEvent(ev)
	}
}

// leave waits until all users have left: gently for Grace, then by cancelling what still runs.
func (e *engine) leave(cancel func()) {
	gone := make(chan struct{})
	go func() { e.wg.Wait(); close(gone) }()
	grace := time.NewTimer(e.opt.Grace)
	defer grace.Stop()
	select {
	case <-gone:
	case <-grace.C:
		cancel()
		<-gone
	case <-e.ctx.Done():
		<-gone
	}
}

// failed notes an example of a failure: the first three of each action and class.
func (e *engine) failed(action int, class probe.Class, err error, account probe.Account) {
	name := e.plan.Actions[action]
	k := name + " " + class.String()
	e.failures.Lock()
	e.examples[k]++
	n := e.examples[k]
	e.failures.Unlock()
	if n > 3 {
		return
	}
	e.event(Event{Kind: Error, Action: name, Class: class, Text: cut(err, account)})
}

// cut is an error's text without the account's secrets, at most 300 bytes of it.
func cut(err error, account probe.Account) string {
	text := strings.Join(strings.Fields(account.Redact(err.Error())), " ")
	if len(text) > 300 {
		text = strings.ToValidUTF8(text[:300], "") + "…"
	}
	return text
}

// PreflightError says which way in did not work before the first user started.
type PreflightError struct {
	Target, Action string
	Err            error
}

func (e *PreflightError) Error() string {
	return fmt.Sprintf("%s does not work (%s): %v", e.Target, e.Action, e.Err)
}

func (e *PreflightError) Unwrap() error { return e.Err }
