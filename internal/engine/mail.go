package engine

import (
	"time"

	"pegel/internal/record"
	"pegel/probes/probe"
)

// FollowsMail tells the user's probes whether a ledger is kept. It is part of what they may ask of a Host.
func (u *user) FollowsMail() bool { return u.e.opt.Ledger != nil }

// Sent enters a message in the ledger. What the preflight sends is nobody's business.
func (u *user) Sent(id string, to []string, sure bool) {
	if u.e.opt.Ledger == nil || u.shard == nil {
		return
	}
	at := u.e.now()
	for range u.e.opt.Ledger.Sent(id, to, u.who.Persona, at, sure) {
		u.arrived(u.who.Persona, at, at, 1)
	}
}

// Seen enters a sighting in the ledger. Where it tells how long the message was on its way, that is a sample of the action
// delivery.inbox: from the 250 to the announcement, under the sender's persona.
func (u *user) Seen(s probe.Sighting) {
	if u.e.opt.Ledger == nil {
		return
	}
	a, known := u.e.opt.Ledger.Seen(u.account.Address, s, u.e.clock(s.Visible), u.e.clock(s.Since), u.searched)
	if known {
		u.arrived(a.Persona, a.Accepted, a.Visible, a.Outstanding)
	}
}

// arrived records that a message was on its way from one time to the other.
func (u *user) arrived(persona int, from, to time.Duration, outstanding int) {
	if u.shard == nil || u.e.plan.Delivered < 0 {
		return
	}
	u.shard.Record(&record.Sample{Action: u.e.plan.Delivered, Persona: persona, Intended: from, Began: from, Ended: to, NoLag: true, InFlight: outstanding})
}

// clock is a time on the run's clock; 0 for the zero time and for all before the run.
func (e *engine) clock(t time.Time) time.Duration {
	if t.IsZero() {
		return 0
	}
	return max(t.Sub(e.start), 0)
}
