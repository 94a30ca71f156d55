// Package client is one IMAP connection of a load generator (RFC 3501, RFC 9051): synchronous, without a goroutine of its
// own, and small while nothing happens on it.
//
// A command is written in one piece and its answers are read by whoever called; what the server said in between is read
// along with them. Responses are taken apart as they arrive and are never kept whole: handlers get the fields they ask
// for, message texts go to a writer or nowhere. Everything a connection needs only while it works lies in a pooled desk
// that Rest gives back.
//
// The package knows no contexts: whoever calls closes the connection from outside when an action must end (Cut is the
// one method that may be called at any time, by anybody). After any error but a Refused the connection is of no more use.
package client

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"

	"pegel/probes/probe"
)

// Conn is a connection.
type Conn struct {
	network net.Conn
	secure  *tls.Conn     // nil in plain text
	deflate io.ReadCloser // nil where nothing is compressed
	in, out int64         // bytes on the network

	desk *desk // nil while at rest
	tag  uint32

	// Can is what the server offers, None if it has not told.
	Can Caps
	// LoggedIn is true after a login, or where the greeting said so.
	LoggedIn bool
	// Box is the selected mailbox; its zero value says that none is.
	Box Box

	// News, where it is not nil, is told of messages that come and go in the selected mailbox.
	News News

	observer Observer
	redact   func(string) string

	idling bool
	bye    Status // the server's farewell
	err    error  // why the connection is of no more use

	mu      sync.Mutex // between the lookout and the owner
	resting bool       // the lookout may read
	poll    bool       // the lookout is reading: no waiting
	watch   *watch     // nil: the lookout does not know the connection
}

// News is told of what happens in the selected mailbox. While a connection rests, the lookout's goroutine calls.
type News interface {
	// Exists is told how many messages there are now.
	Exists(messages uint32)
	// Expunged is told the sequence number of a message that has gone.
	Expunged(number uint32)
}

// Box is what is known of a selected mailbox.
type Box struct {
	Name           string // "": none is selected
	ReadOnly       bool   // it was EXAMINEd
	Exists         uint32 // messages
	Validity, Next uint32 // UIDVALIDITY, UIDNEXT
	ModSeq         uint64 // HIGHESTMODSEQ when it was selected, 0 if the server did not tell

	// Permanent are PERMANENTFLAGS, nil if the server did not tell. They are kept for observers only.
	Permanent []string
}

// New makes a connection on top of one of the network. observer may be nil; redact takes the user's secrets out of what an
// observer is shown of the server's words, and is not needed without one.
func New(network net.Conn, observer Observer, redact func(string) string) *Conn {
	return &Conn{network: network, observer: observer, redact: redact}
}

// Cut closes the network connection without any farewell, which could block. It may be called at any time, by anybody.
func (c *Conn) Cut() {
	_ = c.network.Close() // what cannot be closed is gone already
}

// Close ends the connection for its owner: it is cut, and forgotten by whoever watches it.
func (c *Conn) Close() {
	c.Cut()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.resting = false
	if c.watch != nil {
		c.watch.forget()
	}
	c.lost(net.ErrClosed)
	c.release()
}

// Transferred returns the bytes that went over the network, TLS included.
func (c *Conn) Transferred() (in, out int64) { return c.in, c.out }

// Err is why the connection is of no more use, nil while it is.
func (c *Conn) Err() error { return c.err }

// Bye is the server's farewell, or the zero value.
func (c *Conn) Bye() Status { return c.bye }

// Idling tells whether the connection is in IDLE.
func (c *Conn) Idling() bool { return c.idling }

// StartTLS puts TLS on the connection. config must name the server.
func (c *Conn) StartTLS(config *tls.Config) error {
	if d := c.desk; d != nil && d.r < d.w {
		// Whatever a third party puts in before TLS would be taken for the server's word after it.
		return c.lost(probe.Failf(probe.BadProtocol, "start TLS", "the server spoke out of turn"))
	}
	conn := tls.Client(counted{c}, config)
	if err := conn.Handshake(); err != nil {
		return c.lost(err)
	}
	c.secure = conn
	c.Can = 0
	return nil
}

// lost notes why the connection is of no more use. The first reason counts.
func (c *Conn) lost(err error) error {
	if c.err == nil {
		c.err = err
	}
	return err
}

// counted is the network below a Conn, with its bytes counted.
type counted struct{ *Conn }

func (c counted) Read(p []byte) (n int, err error) {
	if c.poll {
		n, err = c.watch.read(p)
	} else {
		n, err = c.network.Read(p)
	}
	c.in += int64(n)
	return n, err
}

func (c counted) Write(p []byte) (int, error) {
	n, err := c.network.Write(p)
	c.out += int64(n)
	return n, err
}

// The rest of net.Conn, for TLS.
func (c counted) Close() error { return c.network.Close() }

// arrive reads what the server says next, below lines.
func (c *Conn) arrive(p []byte) (int, error) {
	switch {
	case c.deflate != nil:
		return c.deflate.Read(p)
	case c.secure != nil:
		return c.secure.Read(p)
	}
	return counted{c}.Read(p)
}

// send writes what the server is to read at once: one write, one segment if it fits.
func (c *Conn) send(p []byte) error {
	var err error
	switch {
	case c.deflate != nil:
		err = c.sendStored(p)
	case c.secure != nil:
		_, err = c.secure.Write(p)
	default:
		_, err = counted{c}.Write(p)
	}
	if err == nil {
		return nil
	}
	// The server may have said why before it hung up.
	for c.bye.Kind == "" && !errors.Is(err, net.ErrClosed) {
		if _, _, readErr := c.response(); readErr != nil {
			break
		}
	}
	if c.bye.Kind != "" {
		err = &Farewell{c.bye}
	}
	c.err = err
	return err
}
