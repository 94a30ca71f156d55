package testenv

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
)

// systemFlags are the flags kept as one bit each, in the order of the bits.
func systemFlags() [5]imap.Flag {
	return [...]imap.Flag{imap.FlagSeen, imap.FlagAnswered, imap.FlagFlagged, imap.FlagDeleted, imap.FlagDraft}
}

const (
	bitSeen    = 1 << 0
	bitDeleted = 1 << 3
)

// mailFlags is the set of flags of one message. Keywords are never changed in place: copies of a mailFlags stay valid.
type mailFlags struct {
	bits     uint8
	keywords []imap.Flag
}

func (f *mailFlags) set(flag imap.Flag, on bool) {
	for i, system := range systemFlags() {
		if strings.EqualFold(string(flag), string(system)) {
			if on {
				f.bits |= 1 << i
			} else {
				f.bits &^= 1 << i
			}
			return
		}
	}
	same := func(k imap.Flag) bool { return strings.EqualFold(string(k), string(flag)) }
	at := slices.IndexFunc(f.keywords, same)
	switch {
	case on && at < 0:
		f.keywords = append(slices.Clip(f.keywords), flag)
	case !on && at >= 0:
		f.keywords = slices.Delete(slices.Clone(f.keywords), at, at+1)
	}
}

func (f mailFlags) has(flag imap.Flag) bool {
	return slices.ContainsFunc(f.list(), func(k imap.Flag) bool { return strings.EqualFold(string(k), string(flag)) })
}

func (f mailFlags) list() []imap.Flag {
	list := make([]imap.Flag, 0, 2+len(f.keywords))
	for i, system := range systemFlags() {
		if f.bits&(1<<i) != 0 {
			list = append(list, system)
		}
	}
	return append(list, f.keywords...)
}

// mailItem is one message in one mailbox. The content is shared between all mailboxes that hold the same message.
type mailItem struct {
	uid     imap.UID
	flags   mailFlags
	date    time.Time
	content *mailContent
}

// mailbox is an ordered set of messages that any number of sessions look at.
//
// Sessions see changes with delay: a tracker keeps for each of them the updates that its client has not been told yet.
// Every change is queued while the lock is held, so that all trackers see the same order.
type mailbox struct {
	validity uint32
	tracker  *imapserver.MailboxTracker

	mu         sync.Mutex
	name       string
	subscribed bool
	uses       []imap.MailboxAttr
	items      []mailItem
	uidNext    imap.UID
	views      map[*boxView]struct{}
}

func newMailbox(name string, validity uint32, items []mailItem) *mailbox {
	for i := range items {
		items[i].uid = imap.UID(i + 1)
	}
	return &mailbox{
		validity: validity,
		tracker:  imapserver.NewMailboxTracker(uint32(len(items))),
		name:     name,
		items:    items,
		uidNext:  imap.UID(len(items) + 1),
	}
}

func (b *mailbox) setName(name string) {
	b.mu.Lock()
	b.name = name
	b.mu.Unlock()
}

func (b *mailbox) subscribe(on bool) {
	b.mu.Lock()
	b.subscribed = on
	b.mu.Unlock()
}

// wake tells idling sessions that there is something to say. The caller holds the lock.
func (b *mailbox) wake() {
	for v := range b.views {
		select {
		case v.changed <- struct{}{}:
		default: // already told
		}
	}
}

// add appends a message and returns its UID.
func (b *mailbox) add(item mailItem) imap.UID {
	b.mu.Lock()
	defer b.mu.Unlock()
	item.uid = b.uidNext
	b.uidNext++
	b.items = append(b.items, item)
	b.tracker.QueueNumMessages(uint32(len(b.items)))
	b.wake()
	return item.uid
}

// take removes the messages that drop chooses and returns them in order.
func (b *mailbox) take(drop func(mailItem) bool) []mailItem {
	b.mu.Lock()
	defer b.mu.Unlock()
	var taken []mailItem
	kept := make([]mailItem, 0, len(b.items))
	for _, item := range b.items {
		if drop(item) {
			// The sequence number counts what is still there: those kept so far, then this one.
			b.tracker.QueueExpunge(uint32(len(kept)) + 1)
			taken = append(taken, item)
		} else {
			kept = append(kept, item)
		}
	}
	if len(taken) > 0 {
		b.items = kept
		b.wake()
	}
	return taken
}

// change applies edit to the flags of the messages with these UIDs. All sessions but source are told.
func (b *mailbox) change(uids map[imap.UID]bool, source *imapserver.SessionTracker, edit func(*mailFlags)) map[imap.UID]mailFlags {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := make(map[imap.UID]mailFlags, len(uids))
	for i := range b.items {
		item := &b.items[i]
		if !uids[item.uid] {
			continue
		}
		edit(&item.flags)
		now[item.uid] = item.flags
		b.tracker.QueueMessageFlags(uint32(i)+1, item.uid, item.flags.list(), source)
	}
	if len(now) > 0 {
		b.wake()
	}
	return now
}

// newest returns up to limit messages, newest first, and how many there are and how many of them are unread.
func (b *mailbox) newest(limit int) (items []mailItem, total, unread int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, item := range b.items {
		if item.flags.bits&bitSeen == 0 {
			unread++
		}
	}
	items = slices.Clone(b.items[max(0, len(b.items)-limit):])
	slices.Reverse(items)
	return items, len(b.items), unread
}

// byUID finds one message.
func (b *mailbox) byUID(uid imap.UID) (mailItem, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	at, ok := slices.BinarySearchFunc(b.items, uid, func(item mailItem, uid imap.UID) int { return int(item.uid) - int(uid) })
	if !ok {
		return mailItem{}, false
	}
	return b.items[at], true
}

// status answers STATUS. The list of options says which fields are wanted.
func (b *mailbox) status(options *imap.StatusOptions) *imap.StatusData {
	b.mu.Lock()
	defer b.mu.Unlock()
	var unseen, deleted, recent uint32
	var size int64
	for _, item := range b.items {
		if item.flags.bits&bitSeen == 0 {
			unseen++
		}
		if item.flags.bits&bitDeleted != 0 {
			deleted++
		}
		size += int64(len(item.content.raw))
	}
	total := uint32(len(b.items))
	data := &imap.StatusData{Mailbox: b.name}
	if options.NumMessages {
		data.NumMessages = &total
	}
	if options.UIDNext {
		data.UIDNext = b.uidNext
	}
	if options.UIDValidity {
		data.UIDValidity = b.validity
	}
	if options.NumUnseen {
		data.NumUnseen = &unseen
	}
	if options.NumDeleted {
		data.NumDeleted = &deleted
	}
	if options.Size {
		data.Size = &size
	}
	if options.NumRecent {
		data.NumRecent = &recent
	}
	if options.DeletedStorage {
		var none int64
		data.DeletedStorage = &none
	}
	return data
}

// listData answers LIST for this mailbox; nil if the options leave it out.
func (b *mailbox) listData(options *imap.ListOptions) *imap.ListData {
	b.mu.Lock()
	name, subscribed, uses := b.name, b.subscribed, b.uses
	b.mu.Unlock()
	if options.SelectSubscribed && !subscribed || options.SelectSpecialUse && len(uses) == 0 {
		return nil
	}
	data := &imap.ListData{Mailbox: name, Delim: mailboxDelim}
	if subscribed && (options.SelectSubscribed || options.ReturnSubscribed) {
		data.Attrs = append(data.Attrs, imap.MailboxAttrSubscribed)
	}
	// Special uses are told unasked as well: RFC 6154 section 2 allows it, and clients look for them.
	data.Attrs = append(data.Attrs, uses...)
	if options.ReturnStatus != nil {
		data.Status = b.status(options.ReturnStatus)
	}
	return data
}
