package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"pegel/internal/archive"
	"pegel/internal/engine"
	"pegel/internal/plan"
	"pegel/internal/record"
	"pegel/scenarios"
)

// progress shows how the run goes on: one line that renews itself on a terminal, else a plain line for each change of
// stage and every ten seconds.
type progress struct {
	mu       sync.Mutex
	w        io.Writer
	terminal bool
	total    time.Duration
	stages   string // how many there are
	stage    *plan.Stage
	phase    string
	shown    time.Duration // when the last plain line was printed
	width    int           // of the line on the terminal
}

func newProgress(w io.Writer, p *plan.Plan) *progress {
	stages := fmt.Sprint(p.Most + len(p.Situations))
	if p.To > 0 {
		stages = "≤" + stages
	}
	return &progress{w: w, terminal: terminal(w), total: p.Duration(), stages: stages}
}

func (p *progress) event(e engine.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e.Stage != nil && e.Kind != engine.End {
		p.stage, p.phase = e.Stage, e.Kind
	}
	switch {
	case e.Kind == engine.Error:
		p.line("%6s  %s failed: %s", clock(e.At), e.Action, e.Text)
	case e.Kind == engine.Note:
		p.line("%6s  %s", clock(e.At), e.Text)
	case e.Kind == engine.Hold && e.Stage.Storm != nil:
		p.line("%6s  %s", clock(e.At), struck(e.Stage.Storm))
	case p.terminal:
	case e.Kind == engine.Ramp:
		p.line("%6s  stage %d/%s: %d active users%s", clock(e.At), e.Stage.Index+1, p.stages, e.Stage.Users, coming(e.Stage))
	}
}

// choice shows what an adaptive run has decided.
func (p *progress) choice(e *archive.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e.Stage == nil {
		p.line("%6s  no further stage: %s", clock(e.At), e.Text)
		return
	}
	p.line("%6s  next: %d active users: %s", clock(e.At), e.Stage.Users, e.Text)
}

// struck says what a storm does.
func struck(s *plan.Storm) string {
	when := "within " + s.Within.String()
	if s.Together {
		when = "all at once"
	}
	return fmt.Sprintf("%.3g %% of the active users lose their sessions and come back %s", 100*s.Logins, when)
}

func coming(s *plan.Stage) string {
	var parts []string
	if s.Arm != "" {
		parts = append(parts, s.Arm)
	}
	if s.Situation != "" {
		parts = append(parts, "situation "+s.Situation)
	}
	if s.Together {
		parts = append(parts, "all at once")
	}
	if s.Batch != "" {
		parts = append(parts, "batch "+s.Batch)
	}
	if s.Fresh > 0 {
		parts = append(parts, fmt.Sprintf("%d accounts just switched over", s.Fresh))
	}
	if s.Mixed {
		parts = append(parts, "another mix")
	}
	if s.Copiers > 0 {
		parts = append(parts, fmt.Sprintf("%d copying%s", s.Copiers, map[bool]string{true: ", deferred pass"}[s.Pass == scenarios.DeferredPass]))
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

func (p *progress) interval(in *record.Interval) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all record.Histogram
	var failed uint64
	for _, s := range in.Series {
		if s != nil {
			all.Merge(&s.Response)
			failed += s.Failed()
		}
	}
	seconds := (in.End - in.Start).Seconds()
	if seconds <= 0 || p.stage == nil {
		return
	}
	text := fmt.Sprintf("%6s  stage %d/%s %-6s  %5d users  %6.0f actions/s  p95 %8s  %d failed", clock(in.End), p.stage.Index+1, p.stages, p.phase,
		in.Users, float64(all.Total)/seconds, all.Quantile(0.95).Round(100*time.Microsecond), failed)
	if p.terminal {
		share := min(1, float64(in.End)/float64(p.total))
		bar := int(share * 20)
		text = fmt.Sprintf("[%s%s] %s", strings.Repeat("=", bar), strings.Repeat(" ", 20-bar), text)
		fmt.Fprintf(p.w, "\r%-*s", p.width, text)
		p.width = len(text)
		return
	}
	if in.End-p.shown >= 10*time.Second {
		p.shown = in.End
		p.line("%s", text)
	}
}

// line prints a line of its own.
func (p *progress) line(format string, args ...any) {
	if p.terminal && p.width > 0 {
		fmt.Fprintf(p.w, "\r%s\r", strings.Repeat(" ", p.width))
		p.width = 0
	}
	fmt.Fprintf(p.w, format+"\n", args...)
}

func (p *progress) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.terminal && p.width > 0 {
		fmt.Fprintln(p.w)
	}
}

func clock(d time.Duration) string {
	s := int(d.Seconds())
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}
