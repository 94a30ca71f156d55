package eas

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"time"

	"pegel/internal/corpus"
	"pegel/probes/probe"
)

// sendParams are the parameters of send.
type sendParams struct {
	Size    probe.Text `yaml:"size"`    // "mix" (default), or a size such as 4KiB
	To      string     `yaml:"to"`      // peer: another account of the scenario; self: the user's own
	Invites bool       `yaml:"invites"` // the mail invites to an event
	Keep    bool       `yaml:"keep"`    // a copy is to lie in the folder of sent mail
}

// The random numbers of send.
const (
	drawKey = iota
	drawSize
	drawPeer
)

// send hands a mail over (MS-ASCMD, section 2.2.1.17). It is not repeated when the answer stays out: the mail may have been sent.
func send(decode func(any) error) (probe.Step, error) {
	params := sendParams{Size: probe.Literal("mix"), To: "peer", Keep: true}
	if err := decode(&params); err != nil {
		return nil, err
	}
	if params.To != "peer" && params.To != "self" {
		return nil, fmt.Errorf("to %q: must be peer or self", params.To)
	}
	sizes, err := probe.Parsed(params.Size, corpus.ParseSizes)
	if err != nil {
		return nil, err
	}
	return step(func(t *probe.Turn, s *Session) error {
		size, err := sizes(t)
		if err != nil {
			return err
		}
		from := t.Account().Address
		to := from
		if params.To == "peer" {
			to = t.Peer(drawPeer).Address
		}
		run, key := t.RunID(), t.Draw(drawKey)
		content := corpus.Compose(corpus.MessageSpec{
			Run: run, Key: key, Size: size.Draw(t.Draw(drawSize)), Date: time.Now(), From: from, To: []string{to}, Owner: to, Invites: params.Invites,
		})
		raw := bytes.NewBuffer(make([]byte, 0, content.Size()))
		if _, err := content.WriteTo(raw); err != nil {
			return fmt.Errorf("write a mail: %w", err)
		}
		d := newDocument().open(composeSendMail).text(composeClientID, fmt.Sprintf("%016x", key))
		if params.Keep {
			d.empty(composeSaveInSent)
		}
		d.opaque(composeMime, raw.Bytes()).end()
		raw = nil
		const name = "SendMail"
		status := 1
		err = s.command(t, name, d, func(e *element) error {
			if e.is(composeStatus) {
				status = e.number()
			}
			return nil
		})
		if err == nil {
			err = judge(nil, name, status)
		} else if uncertain(err) {
			err = probe.Fail(probe.ClassOf(err), "", fmt.Errorf("%w; %w", err, probe.ErrMayBeTaken))
		}
		if t.FollowsMail() && (err == nil || probe.MayBeTaken(err)) {
			t.Sent(corpus.MessageID(run, key), []string{to}, err == nil)
		}
		return err
	}), nil
}

// uncertain tells whether the server may have taken the mail although the action failed: its answer never came or was no answer, or
// a gateway had none.
func uncertain(err error) bool {
	if errors.Is(err, errNoAnswer) {
		return true
	}
	switch probe.ClassOf(err) {
	case probe.Timeout, probe.Reset, probe.Canceled, probe.BadProtocol:
		return true
	}
	return false
}

// errNoAnswer is within the failure of a request to which a gateway got no answer.
var errNoAnswer = errors.New("a gateway has no answer")

// gateway marks the statuses of a gateway that has heard nothing, or not in time.
func gateway(status int, err error) error {
	if status == http.StatusBadGateway || status == http.StatusGatewayTimeout {
		return probe.Fail(probe.ClassOf(err), "", fmt.Errorf("%w; %w", err, errNoAnswer))
	}
	return err
}
