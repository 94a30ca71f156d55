package imap

import (
	"bytes"

	"pegel/probes/imap/client"
)

// opened is what a server said of a mailbox when it was selected; 0 is what it did not say.
type opened struct {
	validity, uidNext, exists uint32
	highestModSeq             uint64
	permanent                 []string // PERMANENTFLAGS; nil: not told, then all are
}

// fetchedMessage is one FETCH response; 0 is what it did not tell.
type fetchedMessage struct {
	seq, uid  uint32
	size      int64 // RFC822.SIZE, negative where not told
	modSeq    uint64
	envelope  uint64   // a digest of the ENVELOPE, never 0 where it was told
	flags     []string // in the server's spelling
	flagsTold bool
}

// listener tells a tracker what a connection's client is told, in the tracker's terms.
type listener struct {
	*tracker
	names map[string]string // of flags, so that each is one string
	flags []string
}

var _ client.Observer = (*listener)(nil)

func newListener(to *tracker) *listener { return &listener{tracker: to, names: map[string]string{}} }

// Selected implements client.Observer.
func (l *listener) Selected(box client.Box) {
	l.tracker.Selected(opened{box.Validity, box.Next, box.Exists, box.ModSeq, box.Permanent})
}

// Fetched implements client.Observer.
func (l *listener) Fetched(m *client.Message) {
	told := fetchedMessage{seq: m.Number, uid: m.UID, size: -1, modSeq: m.ModSeq, envelope: m.Envelope, flagsTold: m.Flagged}
	if m.Sized {
		told.size = m.Size
	}
	l.flags = l.flags[:0]
	for name := range bytes.FieldsSeq(m.Flags) {
		l.flags = append(l.flags, l.name(name))
	}
	told.flags = l.flags
	l.tracker.Fetched(&told)
}

// mostNames bounds the names of flags that are remembered.
const mostNames = 256

func (l *listener) name(flag []byte) string {
	name, known := l.names[string(flag)]
	if !known {
		name = string(flag)
		if len(l.names) < mostNames {
			l.names[name] = name
		}
	}
	return name
}
