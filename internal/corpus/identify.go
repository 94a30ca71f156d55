package corpus

import (
	"strconv"
	"strings"
)

// KeyOf is the key of the run's message that has this Message-ID, with its angle brackets or without; ok is false for
// every other message.
func KeyOf(run, id string) (key uint64, ok bool) {
	id = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(id), "<"), ">")
	digits, rest, found := strings.Cut(id, ".")
	if !found || len(digits) != 16 {
		return 0, false
	}
	of, at, found := strings.Cut(rest, "@")
	if !found || at != domain || of != token(run) {
		return 0, false
	}
	key, err := strconv.ParseUint(digits, 16, 64)
	return key, err == nil
}
