package imap

// observer is told what goes over one connection, in the order of the wire: what is sent before it is written, what arrives
// before whoever waits for it goes on. sent is called by whoever sends, all that arrives by one reader. Slices are only valid
// during the call.
//
// A literal is never part of a line: the line ends with its size in braces, what follows the literal is a line of its own.
type observer interface {
	// sent and received are told each line without its end. The arguments of LOGIN and the answers within AUTHENTICATE may be
	// left in; they are cut out.
	sent(line []byte)
	received(line []byte)

	// selecting says that SELECT or EXAMINE of a mailbox, by its decoded name, is about to be sent: from here on the mailbox
	// before is closed, and EXISTS is that of this one. selected says what came of it, unselected that none is selected: the
	// server refused, or CLOSE or UNSELECT.
	selecting(mailbox string)
	selected(box opened)
	unselected()

	// What the server says of the selected mailbox, whether asked or of its own accord.
	exists(n uint32)
	expunged(seq uint32)
	vanished(uids []uidRange, earlier bool)
	fetched(m *fetchedMessage)

	// closed says that the connection has ended.
	closed()
}

// opened is what a server said of a mailbox when it was selected; 0 is what it did not say.
type opened struct {
	validity, uidNext, exists uint32
	highestModSeq             uint64
	permanent                 []string // PERMANENTFLAGS; nil: not told, then all are
}

// uidRange are UIDs from first to last, both included.
type uidRange struct{ first, last uint32 }

// fetchedMessage is one FETCH response; 0 is what it did not tell.
type fetchedMessage struct {
	seq, uid  uint32
	size      int64 // RFC822.SIZE, negative where not told
	modSeq    uint64
	envelope  uint64   // a digest of the ENVELOPE, never 0 where it was told
	flags     []string // in the server's spelling
	flagsTold bool
}

var _ observer = (*tracker)(nil)
