package dav

import (
	"errors"
	"net/http"
	"time"

	"pegel/probes/probe"
	"pegel/probes/probe/httpconn"
)

// Race changes one of pegel's own objects twice at once, from two connections of the user's, under the same entity tag. Exactly
// one of them must win, the other must be told 412, and what is read afterwards must be what the winner wrote; anything else
// means that conditions do not guard against lost updates, and is a failure of class content.
func (s *Session) Race(t *probe.Turn) error {
	doing := "race for " + s.kind.one()
	const rounds = 3 // another program of the account may have won against both
	for round := 0; ; round++ {
		o, err := s.pick(t)
		if err != nil {
			return err
		}
		data, err := s.get(t, o)
		if err != nil {
			return err
		}
		revisions := [2]revision{
			{o.seen.count + 1, uint32(t.Draw(drawMark + 10*round))},
			{o.seen.count + 1, uint32(t.Draw(drawRival + 10*round))},
		}
		var requests [2]httpconn.Request
		for i, r := range revisions {
			changed, err := s.kind.revise(data, r, time.Now())
			if err != nil {
				return probe.Fail(probe.Content, "change "+s.kind.one(), err)
			}
			requests[i] = s.put(s.url(o), changed, "If-Match", o.etag)
		}
		responses, err := s.both(t, requests)
		if err != nil {
			return err
		}
		winner, won := 0, 0
		for i, response := range responses {
			switch {
			case response.Status/100 == 2:
				winner = i
				won++
			case response.Status != http.StatusPreconditionFailed:
				return Check(response, doing, http.StatusPreconditionFailed)
			}
		}
		switch {
		case won == 2:
			return probe.Failf(probe.Content, doing, "lost update: two writes under the same entity tag were both acknowledged")
		case won == 0 && round+1 < rounds:
			continue
		case won == 0:
			return probe.Failf(probe.Content, doing, "of two writes under the entity tag just read, none was taken, %d times", rounds)
		}
		o.acknowledged(revisions[winner], responses[winner])
		_, err = s.get(t, o)
		return err
	}
}

// both sends two requests at once. The second goes over connections of its own, opened before.
func (s *Session) both(t *probe.Turn, requests [2]httpconn.Request) (responses [2]*httpconn.Response, err error) {
	second := probe.NewTurn(rivalHost{account: s.account, run: t.RunID(), began: time.Now()})
	second.Begin(t.Context(), "", 0)
	defer func() { t.Transferred(second.Bytes()) }()
	if s.rival == nil {
		if s.rival, err = s.connect(second); err != nil {
			return responses, err
		}
	}
	var (
		failed  error
		waiting = make(chan struct{})
	)
	go func() {
		defer close(waiting)
		responses[1], failed = s.rival.Do(second, requests[1])
	}()
	responses[0], err = s.send(t, requests[0])
	<-waiting // ends with the context of the action at the latest
	if failed != nil && probe.ClassOf(failed).EndsSession() {
		s.rival.Close()
		s.rival = nil
	}
	if err == nil {
		err = failed
	}
	return responses, err
}

// rivalHost drives the Turn of the second program: its marks are nobody's.
type rivalHost struct {
	account probe.Account
	run     string
	began   time.Time
}

var _ probe.Host = rivalHost{}

func (h rivalHost) OpenSession(string) (probe.Session, error) {
	return nil, errors.New("the second program of a race has no sessions")
}
func (h rivalHost) Elapsed() time.Duration    { return time.Since(h.began) }
func (h rivalHost) Account() probe.Account    { return h.account }
func (h rivalHost) Peer(uint64) probe.Account { return h.account }
func (h rivalHost) RunID() string             { return h.run }
