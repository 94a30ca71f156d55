// Package diagnosis says what probably limits a platform, from a judged result alone: hypotheses, ranked, each with the evidence
// for and against it, what to check on the platform, and the run that would settle it.
//
// A hypothesis has a score in decibans, the sum of the weights of its evidence (Good, Probability and the Weighing of Evidence,
// 1950): 10 of them mean that what was seen is ten times as likely with that cause as without. The weights are set by judgement,
// constants in the files where they are used, and held against platforms whose cause is known (pegel bench diagnose); they are
// no measured frequencies, and scores are no probabilities. Each hypothesis begins at Prior, because most platforms do not
// have most faults, and is told where its score is above 0.
//
// Nobody is accused without danger: where every objective holds and is forecast to hold far beyond what was measured, nothing
// stands out, whatever is uneven.
package diagnosis

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"pegel/internal/judge"
)

// The codes of hypotheses. Those of resources are the kind of the resource that gives way; its name is the subject.
const (
	Slots   = "slots"   // of a balancer or a server: maxconn, sessions
	Workers = "workers" // processes or threads that serve requests
	Pool    = "pool"    // connections to a database
	CPU     = "cpu"
	Memory  = "memory"
	Disk    = "disk"
	Lock    = "lock"

	UnevenSources  = "uneven-sources"  // source addresses are treated differently
	UnevenBackends = "uneven-backends" // one backend is slower or fuller than the others
	SessionHop     = "session-hop"     // sessions move between backends and are built again
	HotShard       = "hot-shard"       // one shard or group of accounts is slower or fuller than the others
	Copy           = "copy"            // copy traffic
	RateLimit      = "rate-limit"      // an artefact of the test, no limit of the capacity
	Listen         = "listen"          // connecting or the greeting takes longer: a limit before the service
	WaitStep       = "wait-step"       // latencies of a fixed time
	Unseen         = "unseen"          // waiting grows while nothing that is counted is busy
	Generator      = "generator"       // the generator itself
)

// Prior is the score that every hypothesis begins with, in decibans: odds of one to ten.
const Prior = -10

// Diagnosis is what stands out in a result.
type Diagnosis struct {
	Danger     Danger
	Held       bool         // the generator was at fault, so that nothing of the platform is said
	Hypotheses []Hypothesis // those told, by falling score
	Others     []Hypothesis // looked into and not told, by falling score
	Summary    judge.Message
	Blind      []judge.Message // what could not be looked into, and why
}

// Hypothesis is a possible cause.
type Hypothesis struct {
	Code    string
	Subject string        // resource, dimension's value, action; empty: none
	What    judge.Message // in a sentence
	Score   float64       // in decibans: Prior and the weights of the evidence
	For     []Evidence    // by falling weight
	Against []Evidence    // by rising weight: the heaviest first
	Check   judge.Message // what to look at on the platform
	Settle  Settle

	members  []string // resources that it is of
	explains []string // resources whose being full follows from this
}

// Evidence is something that was seen and speaks for or against a hypothesis.
type Evidence struct {
	Weight   float64 // in decibans, negative where it speaks against
	Text     judge.Message
	Series   []string      // where it was seen: page.resource field, or action phase
	Stage    int           // active users of the stage that it is of; 0: of the whole run
	Run      string        // that it is of, where several were judged together; empty: the only one, or the newest
	From, To time.Duration // in the run
}

// Settle is what would tell whether a hypothesis is right.
type Settle struct {
	What    judge.Message
	Command string // to be run; empty: a change of the platform
}

// Diagnose reads a judged result. The directories of its runs, where they are known, stand in the commands.
func Diagnose(r *judge.Result, runs ...string) *Diagnosis {
	s := look(r)
	s.runs = strings.Join(runs, " ")
	if s.runs == "" {
		s.runs = "RUN"
	}
	d := &Diagnosis{Danger: s.danger}
	if g := s.generator(); g != nil {
		d.Held, d.Hypotheses = true, []Hypothesis{*g.finish()}
		d.Summary = say("diagnosis-held")
		return d
	}
	if s.top == nil {
		d.Summary = say("diagnosis-nothing-measured")
		return d
	}
	var all []*Hypothesis
	add := func(list ...*Hypothesis) {
		for _, h := range list {
			if h != nil && len(h.For)+len(h.Against) > 0 {
				all = append(all, h)
			}
		}
	}
	add(s.rateLimit())
	add(s.listening(), s.waitStep())
	resources := s.saturation()
	add(s.unevenSources(resources)...)
	add(s.unevenBackends(resources, all)...)
	add(s.hotShards(resources)...)
	add(s.sessionHop(resources), s.copying(resources), s.unseen())
	add(resources...)
	explain(all)
	for _, h := range all {
		told := h.Score > 0 && (s.danger.Any || h.Code == RateLimit)
		if told {
			d.Hypotheses = append(d.Hypotheses, *h.finish())
		} else {
			d.Others = append(d.Others, *h.finish())
		}
	}
	byScore := func(a, b Hypothesis) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Subject, b.Subject))
	}
	slices.SortStableFunc(d.Hypotheses, byScore)
	slices.SortStableFunc(d.Others, byScore)
	d.Blind = s.blind()
	switch {
	case len(d.Hypotheses) > 0:
		d.Summary = d.Hypotheses[0].What
	case s.danger.Any:
		d.Summary = say("diagnosis-unclear", s.danger.Why)
	default:
		d.Summary = say("diagnosis-healthy", s.danger.Why)
	}
	return d
}

// explain counts against a resource that its being full follows from a cause that is believed more: then that one is to be
// repaired, not the resource enlarged.
func explain(all []*Hypothesis) {
	for _, cause := range all {
		for _, h := range all { // refusals and waits at the door are no queue behind it
			if h.Code == Unseen && cause.Score > 0 && (cause.Code == RateLimit || cause.Code == Listen) {
				h.add(weightExplained, nil, whole, "because-explained", say("name-"+cause.Code))
			}
		}
		if cause.Score <= 0 || len(cause.explains) == 0 {
			continue
		}
		for _, h := range all {
			if h != cause && len(h.explains) == 0 && slices.ContainsFunc(h.members, func(name string) bool { return slices.Contains(cause.explains, name) }) {
				h.add(weightExplained, nil, whole, "because-explained", say("name-"+cause.Code))
			}
		}
	}
}

// weightExplained is that of another cause from which the same would follow.
const weightExplained = -8

// finish puts the evidence in order.
func (h *Hypothesis) finish() *Hypothesis {
	slices.SortStableFunc(h.For, func(a, b Evidence) int { return cmp.Compare(b.Weight, a.Weight) })
	slices.SortStableFunc(h.Against, func(a, b Evidence) int { return cmp.Compare(a.Weight, b.Weight) })
	return h
}

// span is where something was seen.
type span struct {
	users    int
	run      string // where several were judged together
	from, to time.Duration
}

var whole = span{}

// in is the span of a stage's hold.
func (s *sight) in(st *judge.StageResult) span {
	return span{st.Users, s.runOf(st), st.Start, st.End}
}

// over is the span from the lowest load to the highest, of the latter alone where they are of different runs.
func (s *sight) over() span {
	if s.low.Run != s.top.Run {
		return s.in(s.top)
	}
	return span{s.top.Users, s.runOf(s.top), min(s.low.Start, s.top.Start), max(s.low.End, s.top.End)}
}

// runOf is the run that a stage is of, empty where there is only one.
func (s *sight) runOf(st *judge.StageResult) string {
	if len(s.r.Runs) < 2 || st.Run >= len(s.r.Runs) {
		return ""
	}
	return s.r.Runs[st.Run].ID
}

// suppose begins a hypothesis.
func suppose(code, subject string, what judge.Message) *Hypothesis {
	return &Hypothesis{Code: code, Subject: subject, What: what, Score: Prior, Check: say("check-" + code)}
}

// add weighs what was seen.
func (h *Hypothesis) add(weight float64, series []string, at span, code string, args ...any) {
	e := Evidence{Weight: weight, Text: say(code, args...), Series: series, Stage: at.users, Run: at.run, From: at.from, To: at.to}
	h.Score += weight
	if weight < 0 {
		h.Against = append(h.Against, e)
	} else {
		h.For = append(h.For, e)
	}
}
