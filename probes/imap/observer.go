package imap

// observer is told what goes over one connection, in the order of the wire: what is sent before it is written, what arrives
// before whoever waits for it goes on. Sent is called by whoever sends, all that arrives by one reader. Slices are only valid
// during the call.
//
// A literal is never part of a line: the line ends with its size in braces, what follows the literal is a line of its own.
type observer interface {
	// Sent and Received are told each line without its end. The arguments of LOGIN and the answers within AUTHENTICATE may be
	// left in; they are cut out.
	Sent(line []byte)
	Received(line []byte)

	// Selecting says that SELECT or EXAMINE of a mailbox, by its decoded name, is about to be sent: from here on the mailbox
	// before is closed, and EXISTS is that of this one. Selected says what came of it, Unselected that none is selected: the
	// server refused, or CLOSE or UNSELECT.
	Selecting(mailbox string)
	Selected(box opened)
	Unselected()

	// What the server says of the selected mailbox, whether asked or of its own accord.
	Exists(n uint32)
	Expunged(seq uint32)
	Vanished(set []byte, earlier bool) // UIDs, as in "1:3,7"
	Fetched(m *fetchedMessage)

	// Closed says that the connection has ended.
	Closed()
}

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

var _ observer = (*tracker)(nil)
