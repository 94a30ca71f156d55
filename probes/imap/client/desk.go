package client

import (
	"hash/maphash"
	"io"
	"sync"
)

// desk is what a connection needs only while it works.
type desk struct {
	in   []byte // what has arrived and is not yet used: in[r:w]; small, or large while much comes
	r, w int
	mark int // up to here the bytes are in the accounts

	// The accounts, see bounds.go.
	line, spent int64

	text     []byte // a token that had to be put together
	flags    []byte // of the message that is being read
	id       []byte // its Message-ID
	headline []byte
	shown    []byte // of the response, for an observer
	out      []byte // the command that is being written
	plain    []byte // the same for an observer, without secrets
	breaks   []int  // where in out a literal begins that the server must allow first

	said maphash.Hash // of the string that is being read

	ask ask

	small [4 << 10]byte
	large *[16 << 10]byte // nil until it was needed; as large as a record of TLS
}

// ask is what the command under way wants to know.
type ask struct {
	first         func() // called once when the first bytes of the answer are there
	listed        func(*Listed)
	message       func(*Message) error
	body          io.Writer
	headline      bool
	much          bool // the answer is likely to be more than the small buffer takes
	found         []uint32
	spaces        *Namespaces
	rights        string
	validity, uid uint32 // by APPENDUID
	copied        bool   // by COPYUID: at least one message
	caps          bool   // the server told what it offers
	m             Message
}

var (
	desks = sync.Pool{New: func() any {
		d := new(desk)
		d.said.SetSeed(digestSeed)
		return d
	}}
	larges = sync.Pool{New: func() any { return new([16 << 10]byte) }}
)

// enlarge makes room where more comes at a time than the small buffer takes, or is likely to: each read is a system call. Nothing may
// lie in it.
func (d *desk) enlarge() {
	if d.large == nil && (d.ask.much || d.w == len(d.small)) {
		d.large = larges.Get().(*[16 << 10]byte)
		d.in = d.large[:]
	}
}

// mostKept is how large a buffer may be that goes back to the pool.
const mostKept = 32 << 10

// work takes a desk where there is none.
func (c *Conn) work() *desk {
	if c.desk == nil {
		c.desk = desks.Get().(*desk)
		c.desk.in = c.desk.small[:]
	}
	return c.desk
}

// release gives the desk back unless something lies on it that has not been read.
func (c *Conn) release() {
	d := c.desk
	if d == nil || d.r < d.w && c.err == nil {
		return
	}
	c.desk = nil
	d.r, d.w, d.mark, d.line, d.spent = 0, 0, 0, 0, 0
	d.ask = ask{}
	if d.large != nil {
		larges.Put(d.large)
		d.large = nil
	}
	if cap(d.text) > mostKept {
		d.text = nil
	}
	if cap(d.out) > mostKept {
		d.out = nil
	}
	d.shown, d.plain = d.shown[:0], d.plain[:0]
	desks.Put(d)
}

// Begin readies the connection for an action: the limits of what the server may answer are counted anew.
func (c *Conn) Begin() {
	d := c.work()
	d.spent = 0
	d.ask.first = nil
}

// First has f called once, when the first bytes arrive after the command that comes next.
func (c *Conn) First(f func()) { c.work().ask.first = f }

// Rest ends an action: what is not needed until the next one is given back.
func (c *Conn) Rest() { c.release() }
