package imap

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"time"

	"pegel/probes/probe"
)

// The rules that a server must keep (RFC 3501 and 9051, sections 2.3.1, 5.2, 7.3.1, 7.4.1; RFC 7162, section 3.1).
const (
	ruleUIDOrder    = "uid-order"   // UIDs ascend strictly with the sequence numbers, and a sequence number keeps its UID
	ruleUIDValidity = "uidvalidity" // a mailbox keeps its UIDVALIDITY
	ruleUIDNext     = "uidnext"     // UIDNEXT is above every UID that was seen
	ruleExists      = "exists"      // EXISTS never falls without EXPUNGE
	ruleSequence    = "sequence"    // no message has a number beyond EXISTS
	ruleExpunge     = "expunge"     // only what is there is expunged, and not while FETCH, STORE or SEARCH is answered
	ruleMessage     = "message"     // a UID keeps its envelope and its size
	ruleModSeq      = "modseq"      // MODSEQ and HIGHESTMODSEQ never fall
	ruleFlags       = "flags"       // a flag stays that the account's own users have set on a message of their own
	ruleCheckpoint  = "checkpoint"  // two connections are told the same, see checkpoint.go
)

// violation is a rule that was broken.
type violation struct {
	rule, mailbox  string
	expected, came string
}

// tracker holds what one connection is told against what it was told before, and against what all connections of the account
// were (accountMemory). It reports the first violation of each action; after one it takes the server's word as the new
// truth, so that one mistake is not counted twice.
type tracker struct {
	memory *accountMemory
	id     uint64 // of the connection, within the account
	born   time.Time

	mu    sync.Mutex
	lines transcript
	first *violation

	commands commands
	view     view
	store    storeUnderWay
}

func newTracker(memory *accountMemory) *tracker {
	return &tracker{memory: memory, id: memory.now(), born: time.Now()}
}

// found notes a violation. t.mu is held.
func (t *tracker) found(rule, expected, came string, args ...any) {
	if t.first == nil {
		t.first = &violation{rule: rule, mailbox: t.view.mailbox, expected: expected, came: fmt.Sprintf(came, args...)}
	}
}

// take returns the first violation since it was called last, with the transcript; nil where there was none.
func (t *tracker) take(account probe.Account) *probe.Violation {
	t.mu.Lock()
	defer t.mu.Unlock()
	v := t.first
	if v == nil {
		return nil
	}
	t.first = nil
	return t.report(*v, account)
}

// report makes what is told of a violation. t.mu is held.
func (t *tracker) report(v violation, account probe.Account) *probe.Violation {
	return &probe.Violation{
		Rule: v.rule, Mailbox: account.Redact(v.mailbox), Expected: account.Redact(v.expected), Came: account.Redact(v.came),
		Transcript: t.lines.text(account),
	}
}

// Sent implements client.Observer.
func (t *tracker) Sent(line []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	kept := t.commands.sent(line, t.memory.now)
	t.lines.add(time.Since(t.born), 'C', kept)
}

// Received implements client.Observer.
func (t *tracker) Received(line []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines.add(time.Since(t.born), 'S', line)
	if t.first != nil && t.first.rule == ruleMessage && bytes.Contains(line, expungeIssued) {
		t.first = nil
	}
	t.commands.received(line)
}

// expungeIssued is how a server says that of what it has just told some was made up, because the messages are gone (RFC 5530).
var expungeIssued = []byte("[EXPUNGEISSUED]")

// Closed says that the connection has ended.
func (t *tracker) Closed() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.endStore(false)
	t.view = view{}
}

// commands are those that have been sent and not yet answered.
type commands struct {
	done    command   // the one that was answered last
	waiting []command // at most mostWaiting; beyond, nothing is concluded from them
	beyond  bool
	proving bool // AUTHENTICATE is under way: what is sent are secrets
}

const mostWaiting = 16

type command struct {
	tag, verb string // verb in upper case, "UID FETCH" for the forms with UIDs
	at        uint64 // on the account's clock
}

// secretLine stands for what was sent to prove who the user is.
var secretLine = []byte("(secret)")

// sent takes note of a command, or of what is said within one, and returns what of it may be kept.
func (c *commands) sent(line []byte, now func() uint64) []byte {
	if c.proving {
		return secretLine
	}
	if bytes.EqualFold(line, []byte("DONE")) {
		return line
	}
	tag, after, _ := bytes.Cut(line, []byte(" "))
	verb, args, _ := bytes.Cut(after, []byte(" "))
	name := strings.ToUpper(string(verb))
	if name == "UID" {
		verb, _, _ = bytes.Cut(args, []byte(" "))
		name += " " + strings.ToUpper(string(verb))
	}
	if len(c.waiting) < mostWaiting {
		c.waiting = append(c.waiting, command{string(tag), name, now()})
	} else {
		c.beyond = true
	}
	switch name {
	case "AUTHENTICATE":
		c.proving = true
		fallthrough
	case "LOGIN":
		return []byte(string(tag) + " " + name + " " + string(secretLine))
	}
	return line
}

// received takes note of the answer to a command.
func (c *commands) received(line []byte) {
	if len(line) == 0 || line[0] == '*' || line[0] == '+' {
		return
	}
	tag, _, _ := bytes.Cut(line, []byte(" "))
	for i := range c.waiting {
		if c.waiting[i].tag == string(tag) {
			if c.waiting[i].verb == "AUTHENTICATE" {
				c.proving = false
			}
			c.done = c.waiting[i]
			c.waiting = append(c.waiting[:i], c.waiting[i+1:]...)
			break
		}
	}
	if len(c.waiting) == 0 {
		c.beyond = false
	}
}

// only is the command under way where there is exactly one.
func (c *commands) only() (command, bool) {
	if len(c.waiting) != 1 || c.beyond {
		return command{}, false
	}
	return c.waiting[0], true
}
