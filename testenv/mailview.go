package testenv

import (
	"slices"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
)

// boxView is one session's look at a mailbox: what its client has been told so far.
type boxView struct {
	box      *mailbox
	tracker  *imapserver.SessionTracker
	changed  chan struct{} // holds one token: there may be updates to tell
	readOnly bool
	saved    imap.UIDSet // result of the last SEARCH RETURN (SAVE)
}

// view opens a look at the mailbox. The caller closes it.
func (b *mailbox) view(readOnly bool) (*boxView, *imap.SelectData) {
	b.mu.Lock()
	defer b.mu.Unlock()
	v := &boxView{box: b, tracker: b.tracker.NewSession(), changed: make(chan struct{}, 1), readOnly: readOnly}
	if b.views == nil {
		b.views = make(map[*boxView]struct{})
	}
	b.views[v] = struct{}{}

	system := systemFlags()
	flags := system[:]
	var firstUnseen uint32
	for i, item := range b.items {
		if firstUnseen == 0 && item.flags.bits&bitSeen == 0 {
			firstUnseen = uint32(i) + 1
		}
		for _, keyword := range item.flags.keywords {
			if !slices.Contains(flags, keyword) {
				flags = append(flags, keyword)
			}
		}
	}
	permanent := append(slices.Clone(flags), imap.FlagWildcard)
	if readOnly {
		permanent = nil
	}
	return v, &imap.SelectData{
		Flags:             flags,
		PermanentFlags:    permanent,
		NumMessages:       uint32(len(b.items)),
		FirstUnseenSeqNum: firstUnseen,
		UIDNext:           b.uidNext,
		UIDValidity:       b.validity,
	}
}

func (v *boxView) close() {
	v.box.mu.Lock()
	delete(v.box.views, v)
	v.box.mu.Unlock()
	v.tracker.Close()
}

// seqItem is a message with the sequence number by which the client knows it.
type seqItem struct {
	seq uint32
	mailItem
}

// known returns all messages that the client has been told of, as copies.
func (v *boxView) known() []seqItem {
	v.box.mu.Lock()
	defer v.box.mu.Unlock()
	items := make([]seqItem, 0, len(v.box.items))
	for i, item := range v.box.items {
		if seq := v.tracker.EncodeSeqNum(uint32(i) + 1); seq != 0 {
			items = append(items, seqItem{seq, item})
		}
	}
	return items
}

// pick returns the messages of a set of sequence numbers or UIDs, as copies.
func (v *boxView) pick(set imap.NumSet) []seqItem {
	if imap.IsSearchRes(set) {
		set = v.saved
	}
	items := v.known()
	if len(items) == 0 {
		return nil
	}
	contains := contained(set, items[len(items)-1])
	return slices.DeleteFunc(items, func(item seqItem) bool { return !contains(item) })
}

// contained tells whether a message is in a set in which "*" means last.
func contained(set imap.NumSet, last seqItem) func(seqItem) bool {
	switch set := set.(type) {
	case imap.SeqSet:
		set = slices.Clone(set)
		for i := range set {
			set[i].Start, set[i].Stop = resolveStar(set[i].Start, set[i].Stop, last.seq)
		}
		return func(item seqItem) bool {
			return slices.ContainsFunc(set, func(r imap.SeqRange) bool { return r.Start <= item.seq && item.seq <= r.Stop })
		}
	case imap.UIDSet:
		set = slices.Clone(set)
		for i := range set {
			set[i].Start, set[i].Stop = resolveStar(set[i].Start, set[i].Stop, last.uid)
		}
		return func(item seqItem) bool {
			return slices.ContainsFunc(set, func(r imap.UIDRange) bool { return r.Start <= item.uid && item.uid <= r.Stop })
		}
	}
	return func(seqItem) bool { return false }
}

// resolveStar replaces "*" (zero) by the last number and orders the range: 5:* with three messages is 3:5.
func resolveStar[N uint32 | imap.UID](start, stop, last N) (N, N) {
	if start == 0 {
		start = last
	}
	if stop == 0 {
		stop = last
	}
	return min(start, stop), max(start, stop)
}
