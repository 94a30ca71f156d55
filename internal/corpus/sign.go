package corpus

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// SignField is the header field with the signature over a message's mark.
const SignField = "X-Pegel-Sign"

// SignProp is the property with the signature in calendar objects; OwnerProp says whose the object is.
const (
	SignProp  = "X-PEGEL-SIGN"
	OwnerProp = "X-PEGEL-OWNER"
)

// Secret is the key of signatures. The zero value signs nothing.
type Secret struct{ key []byte }

// NewSecret makes the key of a run: from the operator's secret and the seed, or from the seed alone where the operator has
// none. A key made from a seed alone tells pegel's content from other people's by mistake, not by malice: whoever knows the
// scenario can sign as well.
func NewSecret(operator string, seed uint64) Secret {
	mac := hmac.New(sha256.New, []byte(operator))
	mac.Write([]byte("pegel corpus 1"))
	var raw [8]byte
	binary.BigEndian.PutUint64(raw[:], seed)
	mac.Write(raw[:])
	return Secret{mac.Sum(nil)}
}

// IsZero tells whether there is no key.
func (s Secret) IsZero() bool { return len(s.key) == 0 }

// String keeps the secret.
func (s Secret) String() string { return "(secret)" }

// GoString keeps the secret.
func (s Secret) GoString() string { return s.String() }

// Mark says of a piece of content that it is pegel's: which run made it, in whose account it belongs, and which it is.
type Mark struct {
	Run   string
	Owner string // mail address
	ID    string // its Message-ID with angle brackets, or the UID of an event
	Sign  string // as it was found; Sign makes it, Verify checks it
}

const signVersion = "1:"

// Sign is the signature over run, owner and identifier: the value of SignField. Without a key it is empty.
func (s Secret) Sign(m Mark) string {
	if s.IsZero() {
		return ""
	}
	mac := hmac.New(sha256.New, s.key)
	for _, part := range [...]string{m.Run, strings.ToLower(m.Owner), m.ID} {
		var n [4]byte // lengths keep "ab"+"c" apart from "a"+"bc"
		binary.BigEndian.PutUint32(n[:], uint32(len(part)))
		mac.Write(n[:])
		mac.Write([]byte(part))
	}
	return signVersion + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}

// Verify tells whether the mark carries the signature that this key gives. Without a key nothing is verified.
func (s Secret) Verify(m Mark) bool {
	return !s.IsZero() && hmac.Equal([]byte(s.Sign(m)), []byte(m.Sign))
}

// ErrNoMark is the error of content that says nothing of pegel.
var ErrNoMark = errors.New("no mark of pegel")

// maxMarkHeader is how much of a header is searched for a mark, in bytes.
const maxMarkHeader = 64 << 10

// ParseMark reads the mark from a message's header, or from the fields of it that MarkFields names. What is read is not
// verified. A header with a field of the mark twice is refused, because which one was signed could be disputed.
func ParseMark(header []byte) (Mark, error) {
	var m Mark
	header = header[:min(len(header), maxMarkHeader)]
	var last *string
	for line := range bytes.Lines(header) {
		text := string(bytes.TrimRight(line, "\r\n"))
		if text == "" {
			break
		}
		if text[0] == ' ' || text[0] == '\t' {
			if last != nil { // servers may fold what they answer
				*last = strings.TrimSpace(*last + " " + strings.TrimSpace(text))
			}
			continue
		}
		last = nil
		name, value, ok := strings.Cut(text, ":")
		if !ok {
			continue
		}
		for field, into := range m.fields() {
			if !strings.EqualFold(strings.TrimSpace(name), field) {
				continue
			}
			if *into != "" {
				return Mark{}, fmt.Errorf("%s stands twice in the header", field)
			}
			*into, last = strings.TrimSpace(value), into
		}
	}
	if m.Run == "" {
		return Mark{}, ErrNoMark
	}
	return m, nil
}

// MarkFields are the header fields that a mark is made of, for a FETCH of nothing else.
func MarkFields() []string { return []string{"Message-ID", RunField, OwnerField, SignField} }

func (m *Mark) fields() func(yield func(string, *string) bool) {
	return func(yield func(string, *string) bool) {
		into := [...]*string{&m.ID, &m.Run, &m.Owner, &m.Sign}
		for i, name := range MarkFields() {
			if !yield(name, into[i]) {
				return
			}
		}
	}
}
