// Package caldav is a calendar client: it finds a user's calendar, asks what is in a span of days, and creates, changes
// and deletes events (RFC 4791), with the conditions on entity tags that keep clients from overwriting one another.
//
// Of what it finds on a platform it only ever changes events that pegel has made. A session discovers its calendar once;
// where an action needs it before discover was called, the discovery is part of that action.
package caldav

import (
	"encoding/base64"
	"net/url"

	"pegel/probes/probe"
	"pegel/probes/probe/httpconn"
)

const userAgent = "pegel (CalDAV)"

// maxOwn is how many of its own events a session remembers; the oldest are forgotten first.
const maxOwn = 64

// Protocol returns the protocol caldav: discover, query, create, update, delete, copy.
func Protocol() probe.Protocol {
	return probe.Protocol{
		Name: "caldav", Schemes: []string{"http", "https"},
		Open: open,
		Actions: map[string]probe.Action{
			"discover": discover,
			"query":    query,
			"create":   create,
			"update":   update,
			"delete":   remove,
			"copy":     copyEvent,
		},
		Answers: []string{"query", "create", "update"},
	}
}

// Session is one calendar client of one user.
type Session struct {
	client    *httpconn.Client
	home      *url.URL     // the collection that holds the user's calendars
	calendar  *url.URL     // the calendar in use; nil before discovery
	calendars []collection // all that are known
	own       []event      // made by pegel, oldest first
}

// collection is one calendar of the user.
type collection struct {
	name string // displayed name, perhaps empty
	url  *url.URL
}

// event is where an event of pegel's lies, and its entity tag as of the last time it was seen ("" where not told).
type event struct {
	url  *url.URL
	etag string
}

var _ probe.Session = (*Session)(nil)

func open(t *probe.Turn, target probe.Target, account probe.Account) (probe.Session, error) {
	client, err := httpconn.Open(t, target, httpconn.Options{UserAgent: userAgent, Authorization: authorization(account)})
	if err != nil {
		return nil, err
	}
	return &Session{client: client}, nil
}

// authorization is the header by which an account proves itself: its token as Bearer (RFC 6750), else its app password or
// password as Basic (RFC 7617).
func authorization(a probe.Account) string {
	if a.Token != "" {
		return "Bearer " + a.Token
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(a.Login+":"+a.Secret()))
}

// Close closes the connections.
func (s *Session) Close() error { return s.client.Close() }

// remember notes an event of pegel's own.
func (s *Session) remember(e event) {
	if len(s.own) == maxOwn {
		s.own = append(s.own[:0], s.own[1:]...)
	}
	s.own = append(s.own, e)
}

// forget drops the i-th own event.
func (s *Session) forget(i int) { s.own = append(s.own[:i], s.own[i+1:]...) }
