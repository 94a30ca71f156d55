package testenv

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
)

// mailStore holds the mail of all accounts. IMAP, SMTP and the web page share one, so that a message that came in by one
// way is seen by all others. An account takes no memory before its first touch; the bodies of the seeded messages are
// shared between all accounts.
type mailStore struct {
	domain     string
	password   string
	auth       Auth
	accounts   int
	perAccount int
	seed       uint64
	pool       []*mailContent // oldest first

	mu      sync.Mutex
	touched map[int]*mailAccount
	shared  map[int]*mailbox // by team
}

func newMailStore(domain, password string, accounts, perAccount int, seed uint64, now time.Time) *mailStore {
	return &mailStore{
		domain:     domain,
		password:   password,
		accounts:   accounts,
		perAccount: perAccount,
		seed:       seed,
		pool:       seedContents(seed, domain, now),
		touched:    make(map[int]*mailAccount),
		shared:     make(map[int]*mailbox),
	}
}

// login is the name under which account i logs in.
func (s *mailStore) login(i int) string { return fmt.Sprintf("u%05d@%s", i, s.domain) }

// index finds the account of a login or an address: u00017@domain, or u00017 alone. Account lists may count from 0 or
// from 1, so both u00000 and the one after the last exist.
func (s *mailStore) index(login string) (int, bool) {
	user, domain, full := strings.Cut(login, "@")
	if full && !strings.EqualFold(domain, s.domain) {
		return 0, false
	}
	user = strings.ToLower(user)
	digits, ok := strings.CutPrefix(user, "u")
	if !ok {
		return 0, false
	}
	i, err := strconv.Atoi(digits)
	if err != nil || i < 0 || i > s.accounts || fmt.Sprintf("u%05d", i) != user {
		return 0, false
	}
	return i, true
}

// local tells whether the address is of the platform's own domain.
func (s *mailStore) local(address string) bool {
	_, domain, ok := strings.Cut(address, "@")
	return !ok || strings.EqualFold(domain, s.domain)
}

// authenticate finds the account of a login if the password is right.
func (s *mailStore) authenticate(login, password string) (int, bool) {
	i, ok := s.index(login)
	return i, ok && same(password, s.password)
}

// account returns the mail of account i, making and filling it on the first touch.
func (s *mailStore) account(i int) *mailAccount {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.touched[i]
	if a == nil {
		a = newMailAccount(seedItems(s.pool, s.seed, i, s.perAccount))
		s.touched[i] = a
	}
	return a
}

// deliver puts a message into the INBOX of account i.
func (s *mailStore) deliver(i int, c *mailContent, at time.Time) {
	// INBOX cannot be deleted, so it is always there.
	box, _ := s.account(i).find("INBOX")
	box.add(mailItem{date: at, content: c})
}

const (
	mailboxDelim = '/'
	// copyTarget is the mailbox and the calendar into which migrators copy. It comes into being on its first use.
	copyTarget = "Migrated"
)

// mailAccount is the set of mailboxes of one account.
type mailAccount struct {
	mu       sync.Mutex
	boxes    map[string]*mailbox
	validity uint32 // UIDVALIDITY of the mailbox made last; grows, so that it changes when a name is used again
}

func newMailAccount(inbox []mailItem) *mailAccount {
	a := &mailAccount{boxes: make(map[string]*mailbox, 6)}
	a.make("INBOX", "", inbox)
	a.make("Drafts", imap.MailboxAttrDrafts, nil)
	a.make("Sent", imap.MailboxAttrSent, nil)
	a.make("Junk", imap.MailboxAttrJunk, nil)
	a.make("Trash", imap.MailboxAttrTrash, nil)
	a.make("Archive", imap.MailboxAttrArchive, nil)
	return a
}

// make adds a mailbox. The caller holds the lock or is the only one to know the account.
func (a *mailAccount) make(name string, use imap.MailboxAttr, items []mailItem) *mailbox {
	a.validity++
	box := newMailbox(name, a.validity, items)
	box.subscribed = true
	if use != "" {
		box.uses = []imap.MailboxAttr{use}
	}
	a.boxes[name] = box
	return box
}

// boxName is the name under which a mailbox is kept: INBOX is the same in any case of letters.
func boxName(name string) string {
	name = strings.TrimRight(name, string(mailboxDelim))
	if strings.EqualFold(name, "INBOX") {
		return "INBOX"
	}
	return name
}

func (a *mailAccount) find(name string) (*mailbox, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	name = boxName(name)
	box, ok := a.boxes[name]
	if !ok && name == copyTarget {
		return a.make(name, "", nil), true
	}
	return box, ok
}

func (a *mailAccount) create(name string, uses []imap.MailboxAttr) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	name = boxName(name)
	if _, ok := a.boxes[name]; ok || name == "" {
		return false
	}
	a.make(name, "", nil).uses = uses
	return true
}

func (a *mailAccount) remove(name string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	name = boxName(name)
	if _, ok := a.boxes[name]; !ok || name == "INBOX" {
		return false
	}
	delete(a.boxes, name)
	return true
}

func (a *mailAccount) rename(from, to string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	from, to = boxName(from), boxName(to)
	box, ok := a.boxes[from]
	if _, taken := a.boxes[to]; !ok || taken || from == "INBOX" || to == "" {
		return false
	}
	box.setName(to)
	a.boxes[to] = box
	delete(a.boxes, from)
	return true
}

// all returns the mailboxes in no particular order.
func (a *mailAccount) all() []*mailbox {
	a.mu.Lock()
	defer a.mu.Unlock()
	boxes := make([]*mailbox, 0, len(a.boxes))
	for _, box := range a.boxes {
		boxes = append(boxes, box)
	}
	return boxes
}
