package expect

import (
	"strings"
	"time"

	"pegel/internal/corpus"
	"pegel/scenarios"
)

// Payload of the actions in bytes, towards the generator and towards the platform, without TLS and TCP. A message is that of
// the mix or of the size given; the other figures are rounded from what the probes' own messages take (a login some hundred
// bytes, an envelope about 400, one entry of the web UI's list about 300) and meant for the order of magnitude: what a
// mailbox holds is the platform's matter.
const (
	small        = 300.0 // a command and its answer
	envelope     = 400.0
	listed       = 300.0
	flags        = 45.0 // a message's flags and UID
	event        = 700.0
	page         = 20_000.0
	mailbox      = 2500.0 // messages of an account: at least, over 100 million items in 40,000 accounts (Umdruck 20/5355)
	defaultLast  = 50.0
	defaultQuery = 20.0 // events answered
	browserPage  = 1_500_000.0
	phoneBody    = 1024.0 // of each text
)

// meanMessage is the mean size of the mix in bytes.
func meanMessage() float64 {
	const n = 1 << 12
	var sum float64
	for i := range uint64(n) {
		sum += float64(corpus.Size((2*i + 1) << 51)) // the middles of n equal parts of all of uint64
	}
	return sum / n
}

// given are the parameters that decide sizes, of whatever action.
type given struct {
	Size       string `yaml:"size"`
	Recipients int    `yaml:"recipients"`
	To         string `yaml:"to"`
	Mailbox    string `yaml:"mailbox"`
	Last       int    `yaml:"last"`
	Limit      int    `yaml:"limit"`
	Which      string `yaml:"which"`
	Chunk      int    `yaml:"chunk"`
	Days       int    `yaml:"days"`
	Older      int    `yaml:"older"`
	Source     string `yaml:"source"`
	Into       string `yaml:"into"`
	Back       int    `yaml:"back"`
	Ahead      int    `yaml:"ahead"`
	Carries    string `yaml:"carries"`

	Heartbeat time.Duration `yaml:"heartbeat"`
	Folder    string        `yaml:"folder"`
	Folders   []string      `yaml:"folders"`
	Initial   bool          `yaml:"initial"`
	Window    int           `yaml:"window"`
	Filter    string        `yaml:"filter"`
	Body      int           `yaml:"body"`
	Invites   bool          `yaml:"invites"`
	Keep      bool          `yaml:"keep"`
}

// phoneHeartbeat is how long an eas.ping waits that does not say.
const phoneHeartbeat = 8 * time.Minute

// measure fills in the leaf's bytes, mails and copied items; message is the mean size of a message of the mix.
func (l *leaf) measure(with scenarios.Params, message float64) {
	var g given
	_ = with.Decode(&g) // strict: parameters of other actions are not among these, and their sizes are the default ones
	if sizes, err := corpus.ParseSizes(g.Size); err == nil && g.Size != "" && sizes.String() != "mix" {
		message = sizes.Mean()
	}
	protocol, verb, _ := strings.Cut(l.name, ".")
	l.in, l.out = small, small
	switch verb {
	case "ping":
		l.held = phoneHeartbeat
		if g.Heartbeat > 0 {
			l.held = g.Heartbeat
		}
	case "fetch", "read", "open":
		l.in = message
	case "resync":
		l.in = mailbox * flags
	case "fetch_headers":
		l.in = or(g.Last, defaultLast) * envelope
	case "list":
		if protocol == "web" {
			l.in = or(g.Limit, defaultLast) * listed
		}
	case "send", "append":
		l.out += message
	case "sync":
		switch {
		case protocol == "caldav" || protocol == "carddav":
			l.in = defaultQuery * event
		case protocol != "eas":
			l.in = mailbox * message
		case g.Initial: // of a text only the beginning
			l.in = mailbox * (envelope + or(g.Body, phoneBody))
		default:
			l.in = envelope + or(g.Body, phoneBody) // what has come since the last time: about one
		}
	case "copy", "migrate":
		item := message
		if protocol == "caldav" || protocol == "carddav" {
			item = event
		}
		l.in, l.out, l.copied = item, item, 1
	case "query":
		l.in = defaultQuery * event
	case "create", "update":
		l.out += event
	case "page":
		l.in = page
	}
	if protocol == "browser" {
		l.in = browserPage
	}
	if verb == "send" {
		l.mails = 1
	}
}

func or(n int, otherwise float64) float64 {
	if n > 0 {
		return float64(n)
	}
	return otherwise
}
