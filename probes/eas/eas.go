// Package eas is Exchange ActiveSync as phones speak it: commands in WBXML over HTTP (MS-ASHTTP, MS-ASCMD, MS-ASWBXML).
//
// What a phone knows (device id, policy key, keys of synchronisation, folders) belongs to the account and outlives its
// connections, as it does in a phone; Prepare makes the place for it. Branches of one user and users of one account are the same
// phone. An action that needs what an earlier one would have brought (a policy key, the folders) fetches it first, as its phase
// auth or as a part of its time. It answers only invitations that pegel has made.
package eas

import (
	"context"
	"encoding/base64"
	"hash/fnv"
	"io"
	"strconv"
	"sync"
	"time"

	"pegel/probes/probe"
	"pegel/probes/probe/httpconn"
)

const (
	userAgent  = "pegel (ActiveSync)"
	deviceType = "pegel"
	// endpoint is the path where the target's address has none (MS-ASHTTP, section 2.2.1.1.1).
	endpoint = "/Microsoft-Server-ActiveSync"
)

// Protocol returns the protocol eas: options, provision, folders, sync, ping, send, respond.
func Protocol() probe.Protocol {
	return probe.Protocol{
		Name: "eas", Schemes: []string{"http", "https"},
		Prepare: prepare,
		Open:    open,
		Actions: map[string]probe.Action{
			"options":   options,
			"provision": provisioning,
			"folders":   folders,
			"sync":      synchronise,
			"ping":      longPoll,
			"send":      send,
			"respond":   respond,
		},
		Answers: []string{"options"},
	}
}

// phones are the devices of all accounts of one target.
type phones struct {
	mu sync.Mutex
	of map[string]*device // by login
}

func prepare(context.Context, probe.Target) (io.Closer, error) {
	return &phones{of: make(map[string]*device)}, nil
}

// Close implements io.Closer.
func (*phones) Close() error { return nil }

func (p *phones) device(login string) *device {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := p.of[login]
	if d == nil {
		d = newDevice(login)
		p.of[login] = d
	}
	return d
}

// device is what a phone knows. turn is held by whoever is changing it by a command: a phone does one at a time, but for Ping.
type device struct {
	id   string
	turn chan struct{}

	mu        sync.Mutex
	policy    string // policy key; "" before provisioning
	version   string // of the protocol
	heartbeat time.Duration
	folderKey string
	folders   []folder
	keys      map[string]string // of synchronisation, by folder
	invited   []invitation      // pegel's own, not yet answered, oldest first
	vain      int               // Pings in a row that were answered with changes of which a Sync found none
}

// folder is one of the phone's folders.
type folder struct {
	id, name string
	kind     int
}

// invitation is a message in a folder that asks for an answer.
type invitation struct{ folder, id string }

// maxInvited is how many invitations a phone remembers; the oldest are forgotten first.
const maxInvited = 64

func newDevice(login string) *device {
	h := fnv.New64a()
	io.WriteString(h, login)
	return &device{id: "pegel" + strconv.FormatUint(h.Sum64(), 16), turn: make(chan struct{}, 1), version: "14.1", folderKey: "0", keys: map[string]string{}}
}

// enter waits until the phone does nothing else. That is the generator's own time and no latency.
func (d *device) enter(t *probe.Turn) error {
	select {
	case d.turn <- struct{}{}:
		return nil
	default:
	}
	from := time.Now()
	select {
	case d.turn <- struct{}{}:
		t.Awaited(time.Since(from))
		return nil
	case <-t.Context().Done():
		return probe.Fail(probe.ClassOf(t.Context().Err()), "wait for the phone's other command", t.Context().Err())
	}
}

func (d *device) leave() { <-d.turn }

// Session is a phone's connections.
type Session struct {
	client *httpconn.Client
	device *device
}

var _ probe.Session = (*Session)(nil)

func open(t *probe.Turn, target probe.Target, account probe.Account) (probe.Session, error) {
	client, err := httpconn.Open(t, target, httpconn.Options{UserAgent: userAgent, Authorization: authorization(account)})
	if err != nil {
		return nil, err
	}
	s := &Session{client: client}
	if shared, ok := target.Shared.(*phones); ok {
		s.device = shared.device(account.Login)
	} else {
		s.device = newDevice(account.Login)
	}
	return s, nil
}

// Close closes the connections. A server may go on waiting for a Ping whose phone is gone.
func (s *Session) Close() error { return s.client.Close() }

// authorization is the header by which an account proves itself: its token as Bearer (RFC 6750), else its app password or
// password as Basic (RFC 7617).
func authorization(a probe.Account) string {
	if a.Token != "" {
		return "Bearer " + a.Token
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(a.Login+":"+a.Secret()))
}

// step makes a step of what is to be done by the phone, which does nothing else meanwhile.
func step(do func(t *probe.Turn, s *Session) error) probe.Step {
	return func(t *probe.Turn) error {
		s, err := probe.SessionAs[*Session](t)
		if err != nil {
			return err
		}
		if err := s.device.enter(t); err != nil {
			return err
		}
		defer s.device.leave()
		return do(t, s)
	}
}
