package learn

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"strings"
	"time"
)

// entry is what one line of a log says, without a name in it.
type entry struct {
	at    time.Time
	took  time.Duration // response time, 0 where the log has none
	exact time.Duration // resolution of at

	user  uint64 // keyed hash of the name, else of the address; 0: nobody's
	named bool   // user is a name, not an address

	kind   kind
	way    way
	action string  // of kinds login and act
	times  float64 // how often the action took place; 0 means once
	what   string  // of kinds unmapped and ignored: what it was, in words of ours
	failed bool

	bytes      int64 // of a mail
	recipients int
}

// kind says what an entry is to a scenario.
type kind uint8

const (
	ignored    kind = iota // known, and of no use here
	act                    // an action of the journey
	login                  // an action that begins a session
	background             // what a client does by itself: shows that its user is there
	unmapped               // a request that no rule knows
	inbound                // a mail from outside
	opened                 // beside login: a connection that stays
	closed                 // end of such a connection; action and times are what happened on it
)

// way is a way in; each becomes a persona.
type way uint8

const (
	browser way = iota
	desktop
	mobile
	calendar
	sender
	ways // how many there are
)

var wayNames = [ways]string{"browser", "desktop", "mobile", "calendar", "sender"}

func (w way) String() string { return wayNames[w] }

// pseudonyms turns names and addresses into keyed hashes. The names themselves are never kept.
type pseudonyms struct {
	mac hash.Hash
	sum [sha256.Size]byte
}

// newPseudonyms takes a random key where none is given: hashes of two runs then have nothing in common.
func newPseudonyms(key []byte) *pseudonyms {
	if len(key) == 0 {
		key = make([]byte, 32)
		_, _ = rand.Read(key) // never fails: crypto/rand ends the program instead
	}
	return &pseudonyms{mac: hmac.New(sha256.New, key)}
}

// of hashes the parts together. The result is never 0.
func (p *pseudonyms) of(parts ...string) uint64 {
	p.mac.Reset()
	for _, s := range parts {
		_, _ = p.mac.Write([]byte(s)) // a hash takes everything
		_, _ = p.mac.Write([]byte{0})
	}
	return max(1, binary.LittleEndian.Uint64(p.mac.Sum(p.sum[:0])))
}

// person sets the entry's user: by name where there is one, else by address and client.
func (p *pseudonyms) person(e *entry, name, address, agent string) {
	switch {
	case name != "" && name != "-":
		e.user, e.named = p.of("name", strings.ToLower(name)), true
	case address != "" && address != "-":
		e.user = p.of("address", address, agent)
	}
}
