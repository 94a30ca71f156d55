package imap

import (
	"bytes"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"pegel/probes/probe"
)

// idle is the action IDLE. It is over as soon as the server has said that it waits, because how long the user then waits
// is no latency: the think time after it is the waiting. The next step on the session ends the IDLE with DONE and waits
// for the server's answer to that before it does its own work. So a loop of idle with a think time of 29 minutes is what
// RFC 2177 asks of a program that must not be logged out: IDLE, issued again before half an hour is over.
func idle(decode func(any) error) (probe.Step, error) {
	var params inMailbox
	if err := decode(&params); err != nil {
		return nil, err
	}
	return step(func(t *probe.Turn, s *session) error {
		if err := s.use(t, params.Mailbox.In(t), false); err != nil {
			return err
		}
		doing := "idle in " + s.mailbox
		caps := s.client.Caps()
		if !caps.Has(imap.CapIdle) {
			return probe.Failf(probe.Content, doing, "the server offers no IDLE")
		}
		waiting := newIdling()
		waiting.heard = announced{since: time.Now(), base: s.count()}
		s.wire.watch(waiting)
		if _, err := s.wire.Write([]byte(idleTag + " IDLE\r\n")); err != nil {
			return s.fail(doing, err)
		}
		answer, err := s.await(doing, waiting)
		if err != nil {
			return err
		}
		if answer.kind != "+" {
			if answer.kind == "OK" {
				return probe.Failf(probe.BadProtocol, doing, "the server ended IDLE before it had begun")
			}
			return s.refusal(doing, answer)
		}
		s.idling = waiting
		t.Mark(probe.PhaseFirstByte)
		return nil
	}), nil
}

// endIdle says DONE if the session is in IDLE.
func (s *session) endIdle() error {
	waiting := s.idling
	if waiting == nil {
		return nil
	}
	s.idling = nil
	const doing = "end idle"
	if _, err := s.wire.Write([]byte("DONE\r\n")); err != nil {
		return s.fail(doing, err)
	}
	answer, err := s.await(doing, waiting)
	switch {
	case err != nil:
		return err
	case answer.kind == "+":
		return probe.Failf(probe.BadProtocol, doing, "the server consented to IDLE twice")
	case answer.kind != "OK":
		return s.refusal(doing, answer)
	}
	s.heard.after(&waiting.heard)
	return nil
}

// await waits for the next answer that concerns an IDLE, or for the end of the connection.
func (s *session) await(doing string, waiting *idling) (statusLine, error) {
	select {
	case answer := <-waiting.answers:
		return answer, nil
	case <-s.client.Closed():
		return statusLine{}, s.fail(doing, errLost)
	}
}

// idleTag is the tag of IDLE commands, unlike any of the client library's.
const idleTag = "PIDLE"

// idling is an IDLE command under way. The library's own one has a goroutine and a timer for each user, and issues IDLE
// again on that timer, which nobody would measure. So the wire takes the two answers that concern IDLE out of what the
// library reads, which goes on reading what the server says meanwhile.
type idling struct {
	answers chan statusLine // consent (kind "+") and the answer to DONE
	held    []byte          // a line that has not arrived whole
	heard   announced       // what came meanwhile; the reader's until the answer to DONE
}

func newIdling() *idling { return &idling{answers: make(chan statusLine, 2)} }

// filter returns what of the arrived bytes is for the library, and whether the IDLE is over.
func (x *idling) filter(p []byte) (pass []byte, over bool, err error) {
	p = append(x.held, p...)
	x.held = nil
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			if len(p) > maxLine {
				return pass, false, probe.Failf(probe.BadProtocol, "idle", "line of more than %d bytes", maxLine)
			}
			x.held = bytes.Clone(p)
			return pass, false, nil
		}
		line := p[:i+1]
		p = p[i+1:]
		switch {
		case line[0] == '+':
			if !x.tell(statusLine{kind: "+"}) {
				return pass, false, probe.Failf(probe.BadProtocol, "idle", "the server consents without end")
			}
		case strings.HasPrefix(string(line), idleTag+" "):
			st := parseStatus(string(line), idleTag)
			if st.kind == "" || !x.tell(st) {
				return pass, true, probe.Failf(probe.BadProtocol, "idle", "%.60q is no answer", line)
			}
			return append(pass, p...), true, nil
		default:
			x.heard.hear(line)
			pass = append(pass, line...)
		}
	}
	return pass, false, nil
}

// tell hands an answer over; false if nobody will ever take it.
func (x *idling) tell(answer statusLine) bool {
	select {
	case x.answers <- answer:
		return true
	default:
		return false
	}
}
