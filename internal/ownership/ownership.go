// Package ownership finds mail that lies in another person's mailbox, before, while and after a batch is migrated.
//
// Before the batch, CheckMap holds the migration's map against the directory. Around it, two kinds of evidence say whose
// an item is: canaries, small signed messages that Plant puts into the source accounts, and fingerprints, keyed hashes of
// the Message-IDs that people's own mail has, taken read-only by Fingerprint. Verify looks for both in the target accounts.
//
// Nothing of people's mail is changed, kept or printed: mailboxes are opened with EXAMINE, only the fields Message-ID and
// pegel's own are fetched (BODY.PEEK), and of a Message-ID only 64 bits of an HMAC ever leave the process. What a finding
// names is an account, a mailbox and a UID.
//
// Accounts are named by their address or login as the batch file has it, compared without regard to case.
package ownership

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
	"strings"
)

// Key is the secret with which canaries are signed and Message-IDs hashed. Who has it can make canaries and can tell from
// a file of fingerprints whether an account holds a message with a known Message-ID; nobody else can do either.
type Key struct{ secret []byte }

// leastKey is how many bytes a key has at least.
const leastKey = 16

// NewKey makes a key of a secret of at least 16 bytes.
func NewKey(secret string) (Key, error) {
	if len(secret) < leastKey {
		return Key{}, errors.New("the key is shorter than 16 characters")
	}
	return Key{[]byte(secret)}, nil
}

// String keeps the secret.
func (Key) String() string { return "(secret)" }

// GoString keeps the secret.
func (Key) GoString() string { return "(secret)" }

// sum is the keyed hash of parts for one purpose. Lengths are hashed as well, so that no two lists of parts collide.
func (k Key) sum(purpose string, parts ...string) []byte {
	h := hmac.New(sha256.New, k.secret)
	for _, part := range append([]string{purpose}, parts...) {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		h.Write(length[:])
		h.Write([]byte(part))
	}
	return h.Sum(nil)
}

// hasher hashes Message-IDs one after the other. It belongs to one goroutine.
type hasher struct {
	mac hash.Hash
	out [sha256.Size]byte
}

func (k Key) hasher() *hasher {
	// A key of its own, so that a hash is of use for nothing else.
	return &hasher{mac: hmac.New(sha256.New, k.sum("message-id"))}
}

func (h *hasher) hash(messageID string) uint64 {
	h.mac.Reset()
	h.mac.Write([]byte(messageID))
	return binary.BigEndian.Uint64(h.mac.Sum(h.out[:0]))
}

// canonical is an account's name as it is compared.
func canonical(name string) string { return strings.ToLower(strings.TrimSpace(name)) }
