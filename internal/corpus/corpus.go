// Package corpus makes the mail and calendar content that pegel puts on a platform.
//
// Content is a pure function of a specification: the same run, key and size give the same bytes on every generator, so
// that a message can be recognised later without having been stored. Nothing here keeps state or reads a clock. All
// content carries the run it belongs to, which is how a clean-up finds it and how probes know that it is theirs to change.
package corpus

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// The header fields and the calendar property that mark content as pegel's own.
const (
	RunField = "X-Pegel-Run"
	// CanaryField marks the canaries of a migration, with pass, number and signature.
	CanaryField = "X-Pegel-Canary"
	OwnerField  = "X-Pegel-Owner"
	RunProp     = "X-PEGEL-RUN"
	// RevisionProp says how often pegel has changed an object, with a number of the last change's own.
	RevisionProp = "X-PEGEL-REVISION"
)

// domain is the right half of every identifier; "invalid" is reserved so that it can never be somebody's (RFC 2606).
const domain = "pegel.invalid"

// MessageID names the message of a run with the given key, with its angle brackets.
func MessageID(run string, key uint64) string {
	b := make([]byte, 0, 96)
	b = appendKey(append(b, '<'), key)
	b = append(append(append(b, '.'), token(run)...), '@')
	return string(append(append(b, domain...), '>'))
}

// appendKey appends a key as 16 hexadecimal digits. There is one in every message, and fmt would take a tenth of its making.
func appendKey(b []byte, key uint64) []byte {
	for shift := 60; shift >= 0; shift -= 4 {
		b = append(b, "0123456789abcdef"[key>>shift&15])
	}
	return b
}

// EventUID names the event of a run with the given key.
func EventUID(run string, key uint64) string {
	return fmt.Sprintf("%016x.%s@%s", key, token(run), domain)
}

// token keeps what may stand in the left half of an identifier (RFC 5322 atext without the rarely accepted part) and
// replaces everything else by a hyphen.
func token(s string) string {
	if s == "" {
		return "none"
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9', r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r == '-', r == '_':
			return r
		}
		return '-'
	}, s)
}

// line makes a text safe to stand in one header or property line.
func line(s string) string {
	if strings.IndexByte(s, '\r') < 0 && strings.IndexByte(s, '\n') < 0 && strings.IndexByte(s, 0) < 0 {
		return s
	}
	return strings.NewReplacer("\r", " ", "\n", " ", "\x00", "").Replace(s)
}

// stream is the sequence of random numbers that belongs to one piece of content.
func stream(run string, key uint64) *rand.Rand { return rand.New(source(run, key)) }

// source is what stream draws from.
func source(run string, key uint64) *rand.PCG { return rand.NewPCG(hash(run), key) }

// hash is FNV-1a, so that two runs with the same seed do not send identical text.
func hash(text string) uint64 {
	h := uint64(14695981039346656037)
	for i := 0; i < len(text); i++ {
		h = (h ^ uint64(text[i])) * 1099511628211
	}
	return h
}
