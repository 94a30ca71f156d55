package smtp

import (
	"pegel/internal/corpus"
	"pegel/probes/probe"
)

// tell lets the ledger of mail know what became of a message: for whom the server has taken it, or may have, as it may have those
// for whom the answer to a try never came. What carries
// something that a filter is to find is not told, because a platform may do with it what it likes.
func (p *sending) tell(t *probe.Turn, spec *corpus.MessageSpec, unheard, to []string, err error) {
	if p.carries != corpus.CarriesNothing || !t.FollowsMail() {
		return
	}
	id := corpus.MessageID(spec.Run, spec.Key)
	if len(unheard) > 0 { // tries before the last one, or it
		t.Sent(id, unheard, false)
	}
	switch taken := probe.TakenFor(err); {
	case err == nil:
		t.Sent(id, to, true)
	case len(taken) > 0:
		t.Sent(id, taken, true)
	case probe.MayBeTaken(err) && len(unheard) == 0:
		t.Sent(id, to, false)
	}
}
