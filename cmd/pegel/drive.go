package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"

	"pegel/internal/archive"
	"pegel/internal/engine"
	"pegel/internal/observe"
	"pegel/internal/plan"
	"pegel/internal/record"
	"pegel/probes"
	"pegel/probes/probe"
	"pegel/scenarios"
)

// driving is one run: plan, platform, archive.
type driving struct {
	scenario *scenarios.Scenario
	plan     *plan.Plan
	dir      string // of the archive
	notes    []string
	labels   map[string]string
	quiet    bool                                  // no progress
	force    bool                                  // even where this machine seems too small
	replay   func(plan.Branch) (taken, known bool) // nil: users decide by what is answered
	env      environment
	clock    func() time.Time       // nil: that of the machine
	blackout atomic.Pointer[string] // said where one has ended the run
}

// prepare compiles the plan and names the archive's directory: out, or runs/NAME-TIME.
func prepare(s *scenarios.Scenario, out string, env environment) (*driving, error) {
	p, err := plan.Build(s, probes.All())
	if err != nil {
		return nil, err
	}
	if out == "" {
		out = filepath.Join("runs", fileName(s.Name)+"-"+time.Now().Format("20060102-150405"))
	}
	return &driving{scenario: s, plan: p, dir: out, labels: map[string]string{labelPath: s.Path}, env: env}, nil
}

// drive tries every way in, then plays the plan into the archive. An interrupted or aborted run leaves a readable
// archive and returns engine.ErrStopped or *engine.AbortError.
func (d *driving) drive(ctx context.Context) error {
	if err := refuseExisting(d.dir); err != nil {
		return err
	}
	if err := d.refuseBlackout(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := make(chan struct{})
	halt := sync.OnceFunc(func() { close(stop) })
	watching := d.watchSignals(ctx, cancel, halt)
	defer watching()
	defer d.watchBlackout(ctx, halt)()
	for _, text := range unplayed(d.scenario) {
		fmt.Fprintln(d.env.stderr, "note: "+text)
		d.notes = append(d.notes, text)
	}

	targets, err := engine.Targets(d.scenario)
	if err != nil {
		return &exitError{code: exitScenario, err: err}
	}
	observer, err := observe.New(d.scenario.Observe, (&engine.Dialer{Allow: d.scenario.Targets.Allow}).DialContext)
	if err != nil {
		return &exitError{code: exitScenario, err: err}
	}
	before, cancelBefore := untilStopped(ctx, stop) // until the archive is begun, one interrupt ends everything
	defer cancelBefore()
	if err := engine.CheckSources(d.plan); err != nil {
		return &exitError{code: exitNoStart, err: err, hint: "lines.*.sources must be addresses of this machine; on Linux all of 127.0.0.0/8 is"}
	}
	if err := d.refuseTooSmall(before); err != nil {
		return err
	}
	closeShared, err := d.prepareProtocols(before, targets)
	defer closeShared()
	runID := newRunID()
	opt := engine.Options{RunID: runID, Targets: targets, Stop: stop, Ledger: d.ledger(runID)}
	if err == nil {
		err = engine.Preflight(before, d.plan, opt)
	}
	if before.Err() != nil {
		return errNothingDriven
	}
	if err != nil {
		return err
	}
	for _, wrong := range observer.Check(ctx) { // loudly, because without counters most limits cannot be forecast
		fmt.Fprintln(d.env.stderr, "warning: "+wrong)
		d.notes = append(d.notes, wrong)
	}
	warnOfTime(d.env.stderr, observer.Calibrate(before))
	if before.Err() != nil {
		return errNothingDriven
	}
	writer, err := archive.Create(d.dir, d.meta(runID), d.scenario.Source)
	if err != nil {
		return err
	}
	if err := keepSources(d.dir, d.scenario); err != nil {
		return errors.Join(err, writer.Close())
	}
	err = d.play(ctx, writer, observer, opt)
	return errors.Join(err, writer.Close())
}

// play runs engine and observer into the writer.
func (d *driving) play(ctx context.Context, writer *archive.Writer, observer *observe.Observer, opt engine.Options) error {
	recorder := record.NewRecorder(len(d.plan.Actions), len(d.plan.Personas), 16*runtime.GOMAXPROCS(0))
	progress := newProgress(d.env.stderr, d.plan)
	if d.quiet {
		progress = newProgress(io.Discard, d.plan)
	}
	defer progress.close()

	var failed error // the first failure to write; the run ends then, because what is not archived is lost
	var once sync.Once
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	keep := func(err error) {
		if err != nil {
			once.Do(func() { failed = err; cancel() })
		}
	}
	for _, o := range d.scenario.Objectives {
		if o.Abort != nil {
			opt.AbortOver, opt.AbortFor = o.Abort.Over, o.Abort.For.D()
		}
	}
	guarded := guardMetrics(d.scenario, writer)
	opt.Rules, opt.Abort, opt.Down = abortRules(d.plan), guarded.abort, gentleEnd
	steady := newSteadiness(d.plan)
	if st := &d.scenario.Load.Stages; st.SettleMost > 0 || st.HoldMost > 0 {
		opt.Steady = steady
	}
	var dimensions dimensionRows
	opt.OnInterval = func(in *record.Interval) {
		progress.interval(in)
		if rows := dimensions.add(in); rows != nil {
			keep(writer.Dimensions(rows))
		}
		if opt.Steady != nil {
			steady.interval(in)
		}
		keep(writer.Interval(in))
	}
	pause, untyped := d.watchTyped(ctx)
	defer untyped()
	opt.Pause = pause
	opt.Checks = d.checks(writer, keep)
	opt.Replay = d.replay
	keepBranches(&opt, writer, keep)
	opt.OnEvent = func(e engine.Event) {
		progress.event(e)
		dimensions.event(e)
		if text := d.blackout.Load(); text != nil && e.Kind == engine.Stop {
			keep(writer.Event(archive.Event{At: e.At, Kind: archive.EventNote, Text: *text}))
		}
		keep(writer.Event(archiveEvent(e)))
	}
	opt.Start = time.Now()
	if d.plan.To > 0 {
		choosing := &chooser{driving: d, writer: writer, progress: progress, keep: keep, now: func() time.Duration { return time.Since(opt.Start) }}
		opt.Next = choosing.next
		onInterval := opt.OnInterval
		opt.OnInterval = func(in *record.Interval) {
			onInterval(in)
			choosing.interval(in.End)
		}
	}
	observing, stopObserving := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		keep(observer.Run(observing, func() time.Duration { return time.Since(opt.Start) }, guarded))
	}()
	stopReporting := d.reporting(ctx, writer, opt.Targets, func() time.Duration { return time.Since(opt.Start) }, keep)
	book := new(copyBook)
	opt.OnCopied = book.note
	err := engine.Run(ctx, d.plan, recorder, opt)
	keep(book.close(d))
	keep(d.balance(ctx, writer, opt, err))
	stopReporting()
	keep(d.tellChecks(writer, opt))
	stopObserving()
	wg.Wait()
	if rows := dimensions.rest(); rows != nil {
		keep(writer.Dimensions(rows))
	}
	if failed != nil {
		return fmt.Errorf("writing the archive: %w", failed)
	}
	return err
}

func archiveEvent(e engine.Event) archive.Event {
	out := archive.Event{At: e.At, Kind: e.Kind, Action: e.Action, Text: e.Text}
	if e.Class != probe.OK {
		out.Class = e.Class.String()
	}
	if e.Stage != nil {
		out.Stage = archiveStage(e.Stage)
		out.Stage.Cold, out.Stage.Warm = e.Cold, e.Warm
	}
	return out
}

func archiveStage(s *plan.Stage) *archive.Stage {
	return &archive.Stage{Index: s.Index, Users: s.Users, Fresh: s.Fresh, Copy: s.Copiers, Rate: s.Rate, Batch: s.Batch, Live: s.Live, Beyond: s.Beyond, Mix: s.Mix,
		Situation: s.Situation, Pass: string(s.Pass)}
}

// errNothingDriven is an interrupt before the archive was begun.
var errNothingDriven = &exitError{code: exitInterrupted, err: errors.New("interrupted before the run began; nothing was driven")}

// untilStopped is ctx, ended by stop as well.
func untilStopped(ctx context.Context, stop <-chan struct{}) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		select {
		case <-stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(); wg.Wait() }
}

// prepareProtocols starts what all users of a target share, and puts it into the targets. What is started lives until
// closeAll is called; starting ends with ctx.
func (d *driving) prepareProtocols(ctx context.Context, targets map[string]probe.Target) (closeAll func(), err error) {
	var shared []io.Closer
	closeAll = func() {
		for _, c := range shared {
			_ = c.Close() // the run is over; what the protocol started it has tried to end
		}
	}
	for _, name := range d.plan.Targets {
		prepare := d.plan.Protocol(name).Prepare
		if prepare == nil {
			continue
		}
		target := targets[name]
		c, err := prepare(ctx, target)
		if err != nil {
			return closeAll, &engine.PreflightError{Target: name, Action: "preparing", Err: err}
		}
		shared = append(shared, c)
		target.Shared = c
		targets[name] = target
	}
	return closeAll, nil
}

func (d *driving) meta(runID string) archive.Meta {
	names := make([]string, len(d.plan.Personas))
	for i, p := range d.plan.Personas {
		names[i] = p.Name
	}
	return archive.Meta{
		Format: archive.Version, RunID: runID, Started: time.Now().UTC().Truncate(time.Second),
		Scenario: d.scenario.Name, Seed: d.scenario.Seed, Digest: d.plan.Digest(), Pegel: version, Go: runtime.Version(),
		Host: thisHost(), Environment: d.scenario.Environment.Name, Compression: d.scenario.Compression,
		Actions: d.plan.Actions, Personas: names, Notes: d.notes, Labels: d.labels,
	}
}

// watchSignals ends the run gently on the first interrupt and at once on the second. The returned function stops
// watching.
func (d *driving) watchSignals(ctx context.Context, cancel, halt func()) func() {
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Add(1)
	signals, release := d.env.interrupts.take()
	go func() {
		defer wg.Done()
		for n := 0; ; n++ {
			select {
			case <-signals:
			case <-done:
				return
			case <-ctx.Done():
				return
			}
			if n == 0 {
				fmt.Fprintln(d.env.stderr, "pegel: interrupted; users finish what they are at (again to end at once)")
				halt()
				continue
			}
			cancel()
			return
		}
	}()
	return func() { close(done); wg.Wait(); release() }
}

func refuseExisting(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "run.json")); err == nil {
		return &exitError{code: exitUsage, err: fmt.Errorf("%s already holds a run", dir), hint: "name another directory with --out"}
	}
	return nil
}

func newRunID() string {
	var raw [5]byte
	rand.Read(raw[:])
	return hex.EncodeToString(raw[:])
}

// fileName makes a name fit for a file: letters, digits, dots and dashes, and no way out of the directory.
func fileName(name string) string {
	name = strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || r == '.' || r == '-' || r == '_' {
			return r
		}
		return '-'
	}, name)
	return cmp.Or(strings.TrimLeft(name, ".-"), "run")
}
