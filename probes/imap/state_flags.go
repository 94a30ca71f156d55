package imap

import (
	"slices"
	"strings"
	"sync/atomic"
)

// A flag is held to stay where nobody but the account's own users can have changed it: on messages that they appended in this
// run, as long as no other account of the run stores flags there (claims). Only the loss of a flag is a violation, for others
// may add some: a webmail marks as read what it shows. And a flag counts from when it has been seen, because a server may
// ignore a keyword or one that is not permanent.

// ownMessage is a message that the account's users appended, and its flags as bits of flagBit.
type ownMessage struct {
	box    *boxMemory
	uid    uint32
	stores uint16 // STOREs under way
	wanted uint16 // stored, and not seen yet
	held   uint16 // stored and seen since
	stamp  uint64 // when the last STORE had ended, on the account's clock
	by     uint64 // the connection that sent it
	others uint64 // when the last STORE of any other connection had ended
}

// storeUnderWay is a connection's STORE that has been sent and not answered.
type storeUnderWay struct {
	box   *boxMemory
	uid   uint32
	bits  uint16
	add   bool
	loose bool   // flags of this message are not followed
	shown uint16 // flags that the server has shown since
	began uint64 // on the account's clock
}

// mostKeyword is the length of a keyword that is followed, in bytes.
const mostKeyword = 32

// systemBits are the flags whose fate is followed besides keywords. \Deleted and \Recent are not: what has the first may go at
// any time, the second is no property of the message.
var systemBits = [...]string{`\seen`, `\flagged`, `\answered`, `\draft`}

// flagBit is the bit of a flag, 0 for one that is not followed. a.mu is held. begin: a new keyword gets a bit.
func (a *accountMemory) flagBit(flag string, begin bool) uint16 {
	for i, name := range systemBits {
		if strings.EqualFold(flag, name) {
			return 1 << i
		}
	}
	if strings.HasPrefix(flag, `\`) {
		return 0
	}
	i := slices.IndexFunc(a.keywords, func(k string) bool { return strings.EqualFold(k, flag) })
	if i < 0 {
		if !begin || len(a.keywords) >= mostKeywords || len(flag) > mostKeyword {
			return 0
		}
		i = len(a.keywords)
		a.keywords = append(a.keywords, strings.Clone(flag))
	}
	return 1 << (len(systemBits) + i)
}

func (a *accountMemory) flagBits(flags []string, begin bool) (bits uint16) {
	for _, flag := range flags {
		bits |= a.flagBit(flag, begin)
	}
	return bits
}

// flagNames are the names of flags.
func (a *accountMemory) flagNames(bits uint16) string {
	var names []string
	for i, name := range slices.Concat(systemBits[:], a.keywords) {
		if bits>>i&1 != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

// appended says that this connection has appended a message with flags to a mailbox of the account, and the server has told
// its UIDVALIDITY and UID.
func (t *tracker) appended(mailbox string, validity, uid uint32, flags []string) {
	a := t.memory
	if validity == 0 || uid == 0 || !a.claims.claim(validity, uid, a.account) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	b := a.box(boxName(mailbox))
	if b == nil {
		if len(a.boxes) >= mostBoxes || len(mailbox) > mostName {
			return
		}
		b = &boxMemory{name: boxName(mailbox), validity: validity}
		a.boxes = append(a.boxes, b)
	}
	if b.validity != validity {
		return // who selects it will find out
	}
	b.topUID = max(b.topUID, uid)
	// Another connection may have seen the message and changed its flags before this one heard of its UID.
	if sent := t.commands.done; a.loose > 0 || sent.verb != "APPEND" || a.looseEnd > sent.at {
		return
	}
	if len(a.own) >= mostOwn { // one whose STORE is under way is forgotten too; its end finds nothing
		a.own = slices.Delete(a.own, 0, 1)
	}
	a.own = append(a.own, ownMessage{box: b, uid: uid, wanted: a.flagBits(flags, true), stamp: a.now(), by: t.id})
}

// owned is a message whose flags are followed, nil if it is none. a.mu is held.
func (a *accountMemory) owned(b *boxMemory, uid uint32) *ownMessage {
	for i := range a.own {
		if m := &a.own[i]; m.uid == uid && m.box == b {
			return m
		}
	}
	return nil
}

// storing says that a STORE of flags of one message of the selected mailbox is about to be sent; stored, what came of it.
func (t *tracker) storing(uid uint32, add bool, flags []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.endStore(false)
	a, v := t.memory, &t.view
	if !v.open || v.box == nil || v.box.validity == 0 {
		return
	}
	a.claims.touch(v.box.validity, uid, a.account)
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.holds(v.box) {
		return
	}
	m := a.owned(v.box, uid)
	if m == nil {
		a.loose++
		t.store = storeUnderWay{box: v.box, loose: true}
		return
	}
	t.store = storeUnderWay{box: v.box, uid: uid, add: add, bits: a.flagBits(t.view.lasting(flags), add), began: a.now()}
	m.stores++
}

// lasting are those of the flags that the server keeps beyond the connection (PERMANENTFLAGS).
func (v *view) lasting(flags []string) []string {
	if !v.permanentTold {
		return flags
	}
	return slices.DeleteFunc(slices.Clone(flags), func(flag string) bool {
		return !slices.ContainsFunc(v.permanent, func(p string) bool { return strings.EqualFold(p, flag) || p == `\*` && !strings.HasPrefix(flag, `\`) })
	})
}

func (t *tracker) stored(ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.endStore(ok)
}

// endStore takes in the end of the STORE under way. t.mu is held.
func (t *tracker) endStore(ok bool) {
	s := t.store
	t.store = storeUnderWay{}
	if s.box == nil {
		return
	}
	a := t.memory
	a.mu.Lock()
	defer a.mu.Unlock()
	if s.loose {
		a.loose--
		a.looseEnd = a.now()
		return
	}
	m := a.owned(s.box, s.uid)
	if m == nil || m.stores == 0 {
		return
	}
	alone := m.stores == 1 && m.stamp < s.began // no other STORE of this message overlapped
	m.stores--
	if m.by != t.id {
		m.others = m.stamp
	}
	m.stamp, m.by = a.now(), t.id
	m.wanted &^= s.bits
	m.held &^= s.bits
	if ok && s.add && alone {
		m.wanted |= s.bits &^ s.shown
		m.held |= s.bits & s.shown
	}
}

// checkFlags holds the flags that a FETCH response shows against those that the account's users have set. t.mu and the
// account's mu are held.
func (t *tracker) checkFlags(b *boxMemory, uid uint32, flags []string) {
	a := t.memory
	m := a.owned(b, uid)
	if m == nil {
		return
	}
	shown := a.flagBits(flags, false)
	if t.store.uid == uid && t.store.box == b {
		t.store.shown |= shown
		return
	}
	asked, ok := t.commands.only()
	// The answer must be of a time after the last STORE, by a connection that cannot have overlooked one: a server may show
	// what others have changed only after it has said so, but has to know what was so when the mailbox was selected.
	latest := m.stamp
	if m.by == t.id {
		latest = m.others
	}
	if !ok || m.stores > 0 || asked.at < m.stamp || t.view.since < latest {
		return
	}
	m.held |= m.wanted & shown
	m.wanted &^= shown
	if lost := m.held &^ shown; lost != 0 {
		if a.claims.mine(b.validity, uid, a.account) {
			t.found(ruleFlags, a.flagNames(lost)+" on UID "+decimal(uid)+", which only this account's users have changed", "flags (%s)", strings.Join(flags, " "))
		}
		m.held &^= lost
	}
}

// claims remember which account's users store flags on a message: a shared mailbox has many. Accounts share a place by chance
// now and then, and are then taken for two that share the message, which only means that less is checked.
type claims struct {
	slot [1 << 20]atomic.Uint32 // 0: nobody; several: more than one account
}

const several = ^uint32(0)

func (c *claims) at(validity, uid uint32) *atomic.Uint32 {
	h := (uint64(validity)<<32 | uint64(uid)) * 0x9e3779b97f4a7c15
	return &c.slot[h>>44]
}

// claim enters an account; false where another one has been there.
func (c *claims) claim(validity, uid, account uint32) bool {
	c.touch(validity, uid, account)
	return c.mine(validity, uid, account)
}

func (c *claims) touch(validity, uid, account uint32) {
	if slot := c.at(validity, uid); !slot.CompareAndSwap(0, account) && slot.Load() != account {
		slot.Store(several)
	}
}

func (c *claims) mine(validity, uid, account uint32) bool {
	return c.at(validity, uid).Load() == account
}
