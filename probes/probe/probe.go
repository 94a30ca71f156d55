// Package probe is the contract between the engine and the protocols.
//
// A protocol knows how to open a session and how to perform actions on it. It holds no stopwatch and no histogram: the
// engine stamps when an action was intended, began and ended; the probe only marks where one phase ends and the next
// begins, and says what kind of failure it met. A protocol is a value (no registration, no mutable global); the visible
// table of all of them is probes.All.
package probe

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/url"
	"time"

	"pegel/internal/site"
)

// Protocol is one way into the platform, for example IMAP.
type Protocol struct {
	// Name is the first half of every action's name ("imap" in imap.fetch) and the default target of its actions.
	Name string

	// Schemes are those that its targets' addresses may have; nil: any.
	Schemes []string

	// Prepare, if set, runs once for each target before the first user starts, for what all users share (a browser
	// process). The engine hands its result to Open as Target.Shared and closes it after the last user has left.
	Prepare func(ctx context.Context, target Target) (io.Closer, error)

	// Open makes one user's session. The engine records it as the action NAME.connect. It must honour t.Context().
	Open func(t *Turn, target Target, account Account) (Session, error)

	// Actions by verb ("fetch", not "imap.fetch").
	Actions map[string]Action

	// Answers are the verbs whose steps offer what was answered (Turn.Answer), so that a scenario may save from it.
	Answers []string
}

// Session is one user's open connection, or set of connections, to one target. Close must not block for longer than a
// second and must be safe after a failure; it is not measured.
type Session interface{ io.Closer }

// Action checks the parameters of one step of a journey while the plan is being built, and returns the step with its
// parameters bound. decode fills a pointer to a struct with `yaml` tags, strictly; its error carries the position.
// An action without parameters calls NoParams(decode).
type Action func(decode func(params any) error) (Step, error)

// Advice is an error of an action's parameters with what to write instead.
type Advice struct {
	Text string // begins with the name of the parameter
	Hint string
}

func (a *Advice) Error() string { return a.Text }

// Beside is implemented by the parameters of actions that use a further target of their protocol, so that a scenario without it is
// refused before it runs. elsewhere: what is done makes no sense where that target has the address of the step's own.
type Beside interface {
	Beside() (target string, elsewhere bool)
}

// Step performs the action once for the user of t. It must honour t.Context() and must be safe for concurrent use by
// different users (bound parameters are read only).
type Step func(t *Turn) error

// NoParams is the decode helper of actions that take no parameters: any parameter is an error.
func NoParams(decode func(params any) error) error {
	var none struct{}
	return decode(&none)
}

// Target is one address of the platform, ready to be dialled. Probes never dial by themselves: DialContext enforces the
// scenario's allow-list after name resolution.
type Target struct {
	Name     string   // as in the scenario, e.g. "imap" or "imap.source"
	URL      *url.URL // scheme decides on implicit TLS (imaps, https, smtps)
	StartTLS string   // "required", "optional" or "" (never)
	TLS      *tls.Config
	// DialContext dials TCP. address is host:port.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
	// Line is the number of the user's end of a line that DialContext goes over, 0 where there is none; no two users have the same.
	// What shares connections between users must keep those of different numbers apart.
	Line uint64
	// Site is the web application behind it, for protocols of the web. The engine gives every target one; nil: none, for tests.
	Site *site.Site
	// Heard, where it is set, is told of each answer that a site's request got; it may be called from several goroutines.
	Heard func(Heard)
	// Recycle is after how many journeys a user of a real browser begins with a new context; 0: never.
	Recycle int
	// Shared is what Prepare returned, else nil.
	Shared io.Closer
}

// Heard is the answer to one request of a site, before anything is said about whether it is right.
type Heard struct {
	Doing   string // action, method and path as the site writes them
	Request *site.Request
	Status  int
	Type    string // Content-Type
	Body    []byte // nil for a static file; not to be kept
}

// Account is a login of the platform.
type Account struct {
	Index    int    // position in the scenario's account list, from 0
	Login    string // what the platform is told at login
	Address  string // mail address
	Password string // never to be logged, archived or put into an error text

	// AppPassword, where it is not empty, is what programs log in with instead of Password; forms of a web UI are not given it.
	// Token, where it is not empty, is an OAuth 2.0 access token, used instead of any password (SASL XOAUTH2, HTTP Bearer).
	// Both are secrets as Password is.
	AppPassword, Token string
}

// Phase is a part of an action, in the order in which it happens.
type Phase uint8

// The phases. FirstByte ends when the first byte of the answer is there, Complete with the last one; DOMReady and Shown
// belong to real browsers: document parsed, and the expected element painted.
const (
	PhaseConnect Phase = iota
	PhaseTLS
	PhaseGreeting
	PhaseAuth
	PhaseFirstByte
	PhaseDOMReady
	PhaseShown
	PhaseComplete
	NumPhases
)

var phaseNames = [NumPhases]string{"connect", "tls", "greeting", "auth", "first_byte", "dom_ready", "shown", "complete"}

func (p Phase) String() string { return phaseNames[p] }

// Host is what a Turn needs from whoever drives it: the engine, or the conformance suite.
type Host interface {
	// OpenSession returns the user's session with a target, opening it first where needed.
	OpenSession(target string) (Session, error)
	// Elapsed is the time since the action began.
	Elapsed() time.Duration
	// Account is the user's account.
	Account() Account
	// Peer is some account of the scenario, chosen by key: the recipient of a mail, the guest of an event.
	Peer(key uint64) Account
	// RunID names the run; everything pegel creates on a platform carries it.
	RunID() string
}

// pooler is a Host that knows how many connections its user keeps to a target.
type pooler interface{ Connections(target string) int }

// Turn is one action of one user. It is reused from action to action and allocates nothing. A Turn belongs to one
// goroutine.
type Turn struct {
	host    Host
	ctx     context.Context
	makeCtx func() context.Context
	target  string
	key     uint64

	marked [NumPhases]time.Duration
	last   time.Duration
	any    bool

	in, out int64
	label   string

	wants, answered bool
	answer          Answer
}

// NewTurn makes a Turn driven by host.
func NewTurn(host Host) *Turn { return &Turn{host: host} }

// Begin readies t for the next action: its context, the name of its default target, and the key of its random draws.
// Only a Host calls it.
func (t *Turn) Begin(ctx context.Context, target string, key uint64) {
	*t = Turn{host: t.host, ctx: ctx, target: target, key: key}
}

// BeginLazy is Begin with a context that is made only if the action asks for it.
func (t *Turn) BeginLazy(context func() context.Context, target string, key uint64) {
	*t = Turn{host: t.host, makeCtx: context, target: target, key: key}
}

// Context ends when the action's time-out is over or the run stops.
func (t *Turn) Context() context.Context {
	if t.ctx == nil && t.makeCtx != nil {
		t.ctx = t.makeCtx()
	}
	return t.ctx
}

// AfterFunc is context.AfterFunc, by the context itself where it can: those of actions can, at a fraction of the cost.
func AfterFunc(ctx context.Context, f func()) (stop func() bool) {
	if own, ok := ctx.(interface{ AfterFunc(func()) func() bool }); ok {
		return own.AfterFunc(f)
	}
	return context.AfterFunc(ctx, f)
}

// Session returns the user's session with the named target, "" meaning the step's own target. It is opened on first
// use; opening is recorded as an action of its own and is not part of this one.
func (t *Turn) Session(target string) (Session, error) {
	if target == "" {
		target = t.target
	}
	return t.host.OpenSession(target)
}

// SessionAs is Session for the step's own target with the protocol's own type.
func SessionAs[S Session](t *Turn) (S, error) {
	var none S
	s, err := t.Session("")
	if err != nil {
		return none, err
	}
	return s.(S), nil
}

// Account is the user's account.
func (t *Turn) Account() Account { return t.host.Account() }

// Peer is another account of the scenario, drawn by the k-th random number of this action.
func (t *Turn) Peer(k int) Account { return t.host.Peer(t.Draw(k)) }

// Connections is how many connections to the named target the user's persona keeps, "" meaning the step's own target; 0: the
// scenario does not say, the protocol's own way holds.
func (t *Turn) Connections(target string) int {
	if target == "" {
		target = t.target
	}
	if host, ok := t.host.(pooler); ok {
		return host.Connections(target)
	}
	return 0
}

// RunID names the run; everything created on a platform carries it.
func (t *Turn) RunID() string { return t.host.RunID() }

// Draw is the k-th random number of this action: the same for the same (scenario, seed, user, step, iteration),
// uniformly distributed over all of uint64.
func (t *Turn) Draw(k int) uint64 { return Mix(t.key + uint64(k)*0x9e3779b97f4a7c15) }

// Mark says that the phase has just ended; its duration is counted from the mark before it, or from the beginning.
func (t *Turn) Mark(p Phase) {
	now := t.host.Elapsed()
	t.marked[p] += now - t.last
	t.last = now
	t.any = true
}

// MarkFor sets the duration of a phase that something else has clocked, such as a browser's own timing.
func (t *Turn) MarkFor(p Phase, d time.Duration) {
	t.marked[p] = d
	t.any = true
}

// Phases returns the durations of the marked phases (zero where not marked), and whether any was marked.
func (t *Turn) Phases() (*[NumPhases]time.Duration, bool) { return &t.marked, t.any }

// Transferred adds bytes read and written.
func (t *Turn) Transferred(in, out int64) { t.in += in; t.out += out }

// Bytes returns what Transferred has added up.
func (t *Turn) Bytes() (in, out int64) { return t.in, t.out }

// LabelBackend names the backend that answered, where the platform tells (route cookie, header).
func (t *Turn) LabelBackend(name string) { t.label = name }

// Backend is what LabelBackend was told.
func (t *Turn) Backend() string { return t.label }

// Mix is the finaliser of splitmix64 (Steele, Lea, Flood 2014): it turns a counter or a combined key into a uniformly
// distributed number, so that draws need no state and do not depend on the order of execution.
func Mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}
