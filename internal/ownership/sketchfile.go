package ownership

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"
)

// A file of fingerprints has one line of JSON for its head, one for each account, and one for its end with a signature over
// all before it, so that a file that was cut off or changed is refused. It names no account, only labels that take the key.
type fileHead struct {
	Format int       `json:"format"`
	Kind   string    `json:"kind"`
	Made   time.Time `json:"made"`
	Days   float64   `json:"days"`  // age at which the passes part
	Check  string    `json:"check"` // tells another key from a changed file
}

type fileAccount struct {
	Account  string `json:"account"`
	Complete bool   `json:"complete"`
	Hashes   string `json:"hashes"` // base64 of big-endian 64-bit numbers, ascending
	Ages     string `json:"ages"`   // base64 of one byte for each
}

type fileEnd struct {
	Accounts int    `json:"accounts"`
	Mac      string `json:"mac"`
}

const fileKind = "pegel fingerprints"

// Bounds of a file of fingerprints.
const (
	mostAccounts = 200_000
	mostKept     = 1 << 20  // messages of one account
	mostLine     = 16 << 20 // bytes
	mostFile     = 4 << 30
)

// Fingerprints is what a file holds.
type Fingerprints struct {
	Made     time.Time
	Limit    time.Duration
	Sketches map[string]*Sketch // by label of the account
}

// Of is an account's sketch; ok is false where there is none.
func (f *Fingerprints) Of(key Key, account string) (*Sketch, bool) {
	s, ok := f.Sketches[key.label(account)]
	return s, ok
}

// ErrOtherKey is what ReadFingerprints answers for a file that was made with another key.
var ErrOtherKey = errors.New("the fingerprints were made with another key")

// WriteFingerprints writes a file.
func WriteFingerprints(w io.Writer, key Key, f *Fingerprints) error {
	var mac bytes.Buffer
	chain := key.sum("file")
	line := func(v any) error {
		mac.Reset()
		e := json.NewEncoder(&mac)
		if err := e.Encode(v); err != nil {
			return err
		}
		chain = key.sum("line", string(chain), mac.String())
		_, err := w.Write(mac.Bytes())
		return err
	}
	err := line(fileHead{1, fileKind, f.Made.UTC().Truncate(time.Second), f.Limit.Hours() / 24, hex.EncodeToString(key.sum("check")[:8])})
	for _, label := range slices.Sorted(maps.Keys(f.Sketches)) {
		if err != nil {
			break
		}
		s := f.Sketches[label]
		raw, ages := make([]byte, 0, 8*len(s.Hashes)), make([]byte, len(s.Ages))
		for i, h := range s.Hashes {
			raw = binary.BigEndian.AppendUint64(raw, h)
			ages[i] = byte(s.Ages[i])
		}
		err = line(fileAccount{label, s.Complete, base64.StdEncoding.EncodeToString(raw), base64.StdEncoding.EncodeToString(ages)})
	}
	if err == nil {
		_, err = fmt.Fprintf(w, "{\"accounts\":%d,\"mac\":%q}\n", len(f.Sketches), hex.EncodeToString(chain))
	}
	if err != nil {
		return fmt.Errorf("writing fingerprints: %w", err)
	}
	return nil
}

// ReadFingerprints reads a file; name stands for it in errors. A file that was cut off, changed or made with another key is refused,
// the last with ErrOtherKey.
func ReadFingerprints(name string, r io.Reader, key Key) (*Fingerprints, error) {
	lines := bufio.NewScanner(io.LimitReader(r, mostFile))
	lines.Buffer(nil, mostLine)
	chain := key.sum("file")
	number := 0
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("%s:%d:1: %s", name, number, fmt.Sprintf(format, args...))
	}
	f := &Fingerprints{Sketches: map[string]*Sketch{}}
	for lines.Scan() {
		number++
		line := lines.Bytes()
		if number == 1 {
			if err := f.head(line, key); err != nil {
				return nil, fmt.Errorf("%s:1:1: %w", name, err)
			}
		} else if bytes.Contains(line, []byte(`"mac"`)) {
			var end fileEnd
			if err := json.Unmarshal(line, &end); err != nil {
				return nil, wrong("the last line cannot be read")
			}
			mac, err := hex.DecodeString(end.Mac)
			switch {
			case err != nil, !hmac.Equal(mac, chain), end.Accounts != len(f.Sketches):
				return nil, wrong("the signature is wrong: the file was changed; take the fingerprints again")
			case lines.Scan():
				number++
				return nil, wrong("there is something behind the end")
			}
			return f, nil
		} else if len(f.Sketches) == mostAccounts {
			return nil, wrong("there are more than %d accounts", mostAccounts)
		} else if err := f.account(line); err != nil {
			return nil, wrong("%v", err)
		}
		chain = key.sum("line", string(chain), string(line)+"\n")
	}
	number++
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return nil, wrong("the line is longer than %d MiB", mostLine>>20)
	} else if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return nil, wrong("the file has no end: it was cut off; take the fingerprints again")
}

func (f *Fingerprints) head(line []byte, key Key) error {
	var head fileHead
	if err := json.Unmarshal(line, &head); err != nil || head.Kind != fileKind {
		return errors.New("this is no file of fingerprints; pegel canary fingerprint makes one")
	}
	switch {
	case head.Format != 1:
		return fmt.Errorf("format %d is not known", head.Format)
	case head.Check != hex.EncodeToString(key.sum("check")[:8]):
		return ErrOtherKey
	case !(head.Days > 0 && head.Days < 100_000):
		return errors.New("the age at which the passes part cannot be")
	}
	f.Made, f.Limit = head.Made, time.Duration(head.Days*24*float64(time.Hour))
	return nil
}

func (f *Fingerprints) account(line []byte) error {
	var a fileAccount
	if err := json.Unmarshal(line, &a); err != nil || a.Account == "" {
		return errors.New("the account cannot be read")
	}
	raw, err := base64.StdEncoding.DecodeString(a.Hashes)
	ages, errAges := base64.StdEncoding.DecodeString(a.Ages)
	if err != nil || errAges != nil || len(raw) != 8*len(ages) || len(ages) > mostKept {
		return errors.New("the hashes cannot be read")
	}
	if _, twice := f.Sketches[a.Account]; twice {
		return errors.New("the account is there twice")
	}
	s := &Sketch{Complete: a.Complete, Hashes: make([]uint64, len(ages)), Ages: make([]age, len(ages))}
	for i := range ages {
		s.Hashes[i], s.Ages[i] = binary.BigEndian.Uint64(raw[8*i:]), age(ages[i])
		if s.Ages[i] >= numAges || i > 0 && s.Hashes[i] <= s.Hashes[i-1] {
			return errors.New("the hashes are out of order")
		}
	}
	f.Sketches[a.Account] = s
	return nil
}
