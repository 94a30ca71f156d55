package probetest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"pegel/probes/probe"
)

// RunID is the name of the run that a Host says it belongs to.
const RunID = "probetest"

// Host drives one user of one protocol: it opens sessions by target on first use, times actions and drops a session
// after a failure that ends it, as the engine does. It belongs to one goroutine.
type Host struct {
	// Peers are the accounts that Turn.Peer chooses from; the user's own where empty.
	Peers []probe.Account
	// Key is the key of the next action's random draws. It goes up by one with each action.
	Key uint64
	// Answer is what the last action that offers its answer offered; Copies is what comparisons came to.
	Answer []byte
	Copies []probe.Copies
	// Inspect, where it is not nil, has answers held against former ones, but for those to an unchecked user. Hosts may share it.
	Inspect   *Inspector
	Unchecked bool
	// Conns is how many connections the user's persona keeps to each target; 0: that is not said.
	Conns int
	// Most is how long the last action said that the platform may hold its answer back.
	Most time.Duration

	protocol probe.Protocol
	account  probe.Account
	targets  map[string]probe.Target
	main     string
	sessions map[string]probe.Session

	turn    *probe.Turn
	ctx     context.Context
	began   time.Time
	opening time.Duration // time spent in opening sessions since the action began; it is not the action's own
	order   []probe.Phase
	seen    [probe.NumPhases]time.Duration
}

var _ probe.Host = (*Host)(nil)

// NewHost returns a user with the given account. The first target is the one that steps use by default.
func NewHost(p probe.Protocol, account probe.Account, targets ...probe.Target) *Host {
	h := &Host{
		protocol: p, account: account, main: targets[0].Name,
		targets: make(map[string]probe.Target), sessions: make(map[string]probe.Session),
	}
	for _, target := range targets {
		h.targets[target.Name] = target
	}
	h.turn = probe.NewTurn(h)
	return h
}

// Result is what one action came to.
type Result struct {
	Err     error
	Class   probe.Class
	Elapsed time.Duration // without the opening of sessions
	Phases  [probe.NumPhases]time.Duration
	Order   []probe.Phase // phases in the order of their marks
	In, Out int64         // bytes
	Backend string
}

// Do performs a step as one action. Its session is opened first where there is none.
func (h *Host) Do(ctx context.Context, step probe.Step) Result {
	h.begin(ctx)
	h.turn.Want()
	err := step(h.turn)
	if a, ok := h.turn.Answered(); ok {
		h.Answer = a.Body
	}
	result := h.end(err)
	if result.Class.EndsSession() {
		h.Drop(h.main)
	}
	return result
}

// Open opens the session with the named target ("" for the default one) and returns how that went.
func (h *Host) Open(ctx context.Context, target string) Result {
	if target == "" {
		target = h.main
	}
	h.begin(ctx)
	s, err := h.protocol.Open(h.turn, h.targets[target], h.account)
	if err == nil && s == nil {
		err = fmt.Errorf("Open returned neither a session nor an error")
	}
	if err == nil {
		h.sessions[target] = s
	}
	return h.end(err)
}

// Drop closes the session with the named target, so that the next action opens a new one.
func (h *Host) Drop(target string) {
	if s := h.sessions[target]; s != nil {
		delete(h.sessions, target)
		s.Close()
	}
}

// Close closes all sessions.
func (h *Host) Close() {
	for target := range h.sessions {
		h.Drop(target)
	}
}

func (h *Host) begin(ctx context.Context) {
	h.ctx, h.Most = ctx, 0
	h.order, h.seen, h.opening = nil, [probe.NumPhases]time.Duration{}, 0
	h.turn.BeginLazy(func() context.Context { return ctx }, h.main, probe.Mix(h.Key))
	h.Key++
	h.began = time.Now()
}

func (h *Host) end(err error) Result {
	elapsed := h.Elapsed() // which also notes the last mark
	phases, _ := h.turn.Phases()
	in, out := h.turn.Bytes()
	return Result{
		Err: err, Class: probe.ClassOf(err), Elapsed: elapsed, Phases: *phases, Order: h.order,
		In: in, Out: out, Backend: h.turn.Backend(),
	}
}

// OpenSession implements probe.Host.
func (h *Host) OpenSession(target string) (probe.Session, error) {
	if s := h.sessions[target]; s != nil {
		return s, nil
	}
	address, known := h.targets[target]
	if !known {
		return nil, probe.Failf(probe.Content, "open "+target, "there is no such target")
	}
	before := time.Now()
	defer func() { h.opening += time.Since(before) }()
	// Opening is an action of its own and must not leave marks in the one that needs it.
	opener := &Host{protocol: h.protocol, account: h.account, Peers: h.Peers, Inspect: h.Inspect}
	opener.turn = probe.NewTurn(opener)
	opener.main = target
	opener.begin(h.ctx)
	s, err := h.protocol.Open(opener.turn, address, h.account)
	if err != nil {
		return nil, err
	}
	h.sessions[target] = s
	return s, nil
}

// Elapsed implements probe.Host. A Turn asks for it at each mark, so this is where the order of marks can be seen.
func (h *Host) Elapsed() time.Duration {
	phases, _ := h.turn.Phases()
	for p, d := range phases {
		if d != h.seen[p] {
			h.order = append(h.order, probe.Phase(p))
		}
	}
	h.seen = *phases
	return time.Since(h.began) - h.opening
}

// Await notes it, and no more: the context that Do was given is the whole time there is.
func (h *Host) Await(most time.Duration) { h.Most += most }

// Awaited takes a wait out of the action's time, as the engine does.
func (h *Host) Awaited(d time.Duration) { h.opening += d }

// Connections is what Turn.Connections asks for.
func (h *Host) Connections(string) int { return h.Conns }

// Account implements probe.Host.
func (h *Host) Account() probe.Account { return h.account }

// Peer implements probe.Host.
func (h *Host) Peer(key uint64) probe.Account {
	if len(h.Peers) == 0 {
		return h.account
	}
	return h.Peers[key%uint64(len(h.Peers))]
}

// Copied takes in what a comparison of a migration's two sides came to.
func (h *Host) Copied(c probe.Copies) { h.Copies = append(h.Copies, c) }

// RunID implements probe.Host.
func (h *Host) RunID() string { return RunID }

// Bind binds parameters written in YAML ("" for none) to an action of the protocol.
func Bind(p probe.Protocol, verb, params string) (probe.Step, error) {
	action, known := p.Actions[verb]
	if !known {
		return nil, fmt.Errorf("%s has no action %s", p.Name, verb)
	}
	return action(func(v any) error {
		if strings.TrimSpace(params) == "" {
			return nil
		}
		return yaml.UnmarshalWithOptions([]byte(params), v, yaml.Strict())
	})
}
