package corpus

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Mailbox is the content of one account: any number of messages, each a pure function of its number, so that message 17 is the
// same whether the mailbox is to have 20 or 2,000.
type Mailbox struct {
	Run     string
	Seed    uint64
	Owner   string   // address of the account
	Folders []string // INBOX has half of the messages if it is among them, the others share the rest; none: INBOX
	Until   time.Time
	Sizes   Sizes
	Secret  Secret
}

// Shares and ages of stored mail. Without a published source: placeholders.
const (
	mailboxYears  = 10
	replyShare    = 0.4  // of the messages answer one of the replyReach before
	inviteShare   = 0.05 // of the messages are invitations
	seenShare     = 0.85
	answeredShare = 0.15
	flaggedShare  = 0.04
	replyReach    = 8
)

// Item is a message of a mailbox, with where and how it lies there.
type Item struct {
	Number                  int // from 0
	Folder                  string
	Seen, Answered, Flagged bool
	Message                 MessageSpec // its Date is that of arrival as well
}

// draw is the random number of a message for a purpose.
func (m *Mailbox) draw(number int, purpose uint64) uint64 {
	h := hash(m.Owner) ^ m.Seed*0x9e3779b97f4a7c15 ^ uint64(number+1)*0xd1342543de82ef95 ^ purpose*0xaf251af3b0f025b5
	// The finaliser of SplitMix64 (Steele, Lea, Flood 2014): each bit of h decides about each bit of the result.
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// unit makes a random number one in [0, 1).
func unit(u uint64) float64 { return float64(u>>11) / (1 << 53) }

// What the random numbers of a message are for.
const (
	forKey uint64 = iota
	forParent
	forDate
	forSize
	forFolder
	forPerson
	forFlags
	forInvite
)

// Key is the key of a message within the run.
func (m *Mailbox) Key(number int) uint64 { return m.draw(number, forKey) | 1 } // never 0, which stands for "no thread"

// MessageID is that of a message.
func (m *Mailbox) MessageID(number int) string { return MessageID(m.Run, m.Key(number)) }

// Size is about how large a message is, in bytes.
func (m *Mailbox) Size(number int) int { return m.Sizes.Draw(m.draw(number, forSize)) }

// Count is how many messages make up so many bytes, at least one.
func (m *Mailbox) Count(bytes int64) int {
	n := 0
	for bytes > 0 || n == 0 {
		bytes -= int64(max(m.Size(n), mixMin))
		n++
	}
	return n
}

// parent is the message that a message answers, or itself.
func (m *Mailbox) parent(number int) int {
	u := m.draw(number, forParent)
	if number == 0 || unit(u) >= replyShare {
		return number
	}
	return max(number-1-int(u%replyReach), 0)
}

// date is when a message was written. A thread begins at a time drawn from ten years, of which the last days have the most; an
// answer comes within three days.
func (m *Mailbox) date(number int) time.Time {
	u := unit(m.draw(number, forDate))
	if p := m.parent(number); p != number {
		at := m.date(p).Add(5*time.Minute + time.Duration(u*float64(72*time.Hour))).Truncate(time.Second)
		if at.After(m.Until) {
			return m.Until
		}
		return at
	}
	age := u * u * u * mailboxYears * 365.25 * 24 * float64(time.Hour)
	return m.Until.Add(-time.Duration(age)).Truncate(time.Second)
}

// Item is the message with this number, from 0.
func (m *Mailbox) Item(number int) Item {
	item := Item{Number: number, Folder: m.folder(m.draw(number, forFolder))}
	spec := MessageSpec{
		Run: m.Run, Key: m.Key(number), Owner: m.Owner, Date: m.date(number), Size: m.Size(number), Varied: true, Secret: m.Secret,
		Invites: unit(m.draw(number, forInvite)) < inviteShare,
	}
	root := number
	for p := m.parent(root); p != root; p = m.parent(root) {
		root = p
		spec.Replies = append(spec.Replies, m.MessageID(root))
	}
	slices.Reverse(spec.Replies)
	if root != number {
		spec.Thread = m.Key(root)
	}
	person := m.draw(root, forPerson) // a thread is between two people
	name, address := Value("name", person), Value("address", person)
	spec.From, spec.FromName, spec.To = address, name, []string{m.Owner}
	if sentFolder(item.Folder) {
		spec.From, spec.FromName, spec.To = m.Owner, "", []string{address}
	}
	flags := m.draw(number, forFlags)
	item.Seen = unit(flags) < seenShare || sentFolder(item.Folder)
	item.Answered = item.Seen && unit(flags*0x9e3779b97f4a7c15) < answeredShare
	item.Flagged = unit(flags*0xd1342543de82ef95) < flaggedShare
	item.Message = spec
	return item
}

func (m *Mailbox) folder(u uint64) string {
	var others []string
	inbox := ""
	for _, f := range m.Folders {
		if strings.EqualFold(f, "INBOX") {
			inbox = f
		} else {
			others = append(others, f)
		}
	}
	switch {
	case len(others) == 0:
		return "INBOX"
	case inbox != "" && unit(u) < 0.5:
		return inbox
	}
	return others[u%uint64(len(others))]
}

// sentFolder tells whether a folder holds what its owner has written.
func sentFolder(name string) bool {
	name = strings.ToLower(name[strings.LastIndexAny(name, "/.")+1:])
	switch name {
	case "sent", "sent items", "sent messages", "gesendet", "gesendete objekte", "gesendete elemente":
		return true
	}
	return false
}

// RunPrefix is what the names of the corpora of a scenario begin with, whatever their date.
func RunPrefix(scenario string, seed uint64) string {
	return "corpus-" + token(scenario) + "-" + strconv.FormatUint(seed, 10) + "."
}

const runDate = "20060102"

// RunUntil is the name of a corpus whose youngest message may be of the end of that day, in UTC.
func RunUntil(prefix string, until time.Time) string { return prefix + until.UTC().Format(runDate) }

// UntilOf is the time up to which the messages of a corpus with this name reach.
func UntilOf(prefix, run string) (time.Time, bool) {
	day, ok := strings.CutPrefix(run, prefix)
	if !ok {
		return time.Time{}, false
	}
	at, err := time.Parse(runDate, day)
	return at.Add(24*time.Hour - time.Second), err == nil
}
