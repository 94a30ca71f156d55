package engine

import (
	"errors"
	"fmt"
	"syscall"

	"pegel/internal/plan"
)

// outOfSockets tells a failure that is this machine's own: it had no free port, no descriptor or no memory for a
// connection, and the platform never saw it.
func outOfSockets(err error) bool {
	for _, own := range []error{syscall.EADDRNOTAVAIL, syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM} {
		if errors.Is(err, own) {
			return true
		}
	}
	return false
}

// unopenedText is recognised when the archive is judged.
const unopenedText = "%d connections could not be opened in stage %d: the generator's own machine had no port, descriptor or memory left for them"

// reportUnopened says how many connections failed on this machine in a stage, and begins to count anew.
func (e *engine) reportUnopened(st *plan.Stage) {
	if n := e.unopened.Swap(0); n > 0 {
		e.event(Event{Kind: Note, Text: fmt.Sprintf(unopenedText, n, st.Index+1)})
	}
}
