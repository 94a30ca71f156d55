package caldav

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"pegel/probes/probe"
)

// ownCalendar is the calendar that pegel makes in a home without one.
const ownCalendar = "pegel"

const (
	askHome = `<propfind xmlns="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><prop><resourcetype/>` +
		`<current-user-principal/><c:calendar-home-set/></prop></propfind>`
	askCalendars = `<propfind xmlns="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><prop><resourcetype/>` +
		`<displayname/><c:supported-calendar-component-set/></prop></propfind>`
	makeCalendar = `<c:mkcalendar xmlns="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><set><prop>` +
		`<displayname>%s</displayname></prop></set></c:mkcalendar>`
	makeCollection = `<mkcol xmlns="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><set><prop>` +
		`<resourcetype><collection/><c:calendar/></resourcetype><displayname>%s</displayname></prop></set></mkcol>`
)

// discover finds the user's calendar anew, as a client does that has just been set up.
func discover(decode func(any) error) (probe.Step, error) {
	if err := probe.NoParams(decode); err != nil {
		return nil, err
	}
	return func(t *probe.Turn) error {
		s, err := probe.SessionAs[*Session](t)
		if err != nil {
			return err
		}
		return s.discover(t)
	}, nil
}

// session is the user's session with a known calendar.
func session(t *probe.Turn) (*Session, error) {
	s, err := probe.SessionAs[*Session](t)
	if err != nil {
		return nil, err
	}
	if s.calendar == nil {
		if err := s.discover(t); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// discover follows RFC 6764: from the well-known address (or the target's own path) to the principal, to its calendar
// home, to a calendar. It takes pegel's own calendar, else the first in the server's order that takes events and is not
// where migrated events go, and makes one where there is none.
func (s *Session) discover(t *probe.Turn) error {
	const doing = "discover the calendar"
	s.home, s.calendar, s.calendars = nil, nil, nil
	props, at, err := s.entry(t)
	if err != nil {
		return err
	}
	if props.Type.Calendar != nil {
		s.calendar = at
		s.home = at.JoinPath("..", "/")
		return nil
	}
	if props.Home.Href == "" {
		if props.Principal.Href == "" {
			return probe.Failf(probe.Content, doing, "%s tells neither principal nor calendar home", at.Path)
		}
		principal, err := at.Parse(props.Principal.Href)
		if err != nil {
			return probe.Fail(probe.Content, doing, fmt.Errorf("principal: %w", err))
		}
		if props, at, err = s.properties(t, principal); err != nil {
			return err
		}
		if props.Home.Href == "" {
			return probe.Failf(probe.Content, doing, "the principal %s tells no calendar home", at.Path)
		}
	}
	home, err := at.Parse(props.Home.Href)
	if err != nil {
		return probe.Fail(probe.Content, doing, fmt.Errorf("calendar home: %w", err))
	}
	if err := s.list(t, home); err != nil {
		return err
	}
	if c, ok := s.known(ownCalendar); ok {
		s.calendar = c
		return nil
	}
	for _, c := range s.calendars {
		if !c.is(copyTarget) {
			s.calendar = c.url
			return nil
		}
	}
	s.calendar, err = s.make(t, ownCalendar)
	return err
}

// entry asks where everything begins. A server without a well-known address is asked at its root.
func (s *Session) entry(t *probe.Turn) (*properties, *url.URL, error) {
	base := s.client.Base()
	if base.Path != "/" {
		return s.properties(t, base)
	}
	props, at, err := s.properties(t, base.JoinPath("/.well-known/caldav"))
	if err == nil && (props.Principal.Href != "" || props.Home.Href != "") {
		return props, at, nil
	}
	var own *probe.Error
	if errors.As(err, &own) && own.Class != probe.Content && own.Class != probe.BadProtocol && own.Class != probe.Denied || t.Context().Err() != nil {
		return nil, nil, err
	}
	return s.properties(t, base)
}

// properties asks one resource for what leads to the calendars.
func (s *Session) properties(t *probe.Turn, u *url.URL) (*properties, *url.URL, error) {
	m, at, err := s.ask(t, "ask "+u.Path+" for the calendars", "PROPFIND", u, "0", askHome)
	if err != nil {
		return nil, nil, err
	}
	if len(m.Responses) == 0 {
		return new(properties), at, nil
	}
	return m.Responses[0].found(), at, nil
}

// list reads the calendars of the home.
func (s *Session) list(t *probe.Turn, home *url.URL) error {
	m, at, err := s.ask(t, "list the calendars", "PROPFIND", home, "1", askCalendars)
	if err != nil {
		return err
	}
	s.home, s.calendars = at, nil
	for i := range m.Responses {
		props := m.Responses[i].found()
		if props.Type.Calendar == nil || !props.holdsEvents() {
			continue
		}
		u, err := at.Parse(m.Responses[i].Href)
		if err != nil {
			return probe.Fail(probe.Content, "list the calendars", err)
		}
		s.calendars = append(s.calendars, collection{name: props.Name, url: u})
	}
	return nil
}

// is tells whether a name means this calendar: by what is displayed or by the last part of its address.
func (c collection) is(name string) bool {
	return strings.EqualFold(c.name, name) || strings.EqualFold(path.Base(c.url.Path), name)
}

func (s *Session) known(name string) (*url.URL, bool) {
	i := slices.IndexFunc(s.calendars, func(c collection) bool { return c.is(name) })
	if i < 0 {
		return nil, false
	}
	return s.calendars[i].url, true
}

// make creates a calendar in the home: by MKCALENDAR, by extended MKCOL (RFC 5689) where the server has only that. If
// another session has just made it, that is as good.
func (s *Session) make(t *probe.Turn, name string) (*url.URL, error) {
	u := s.home.JoinPath(name, "/")
	doing := "make the calendar " + name
	response, err := s.request(t, "MKCALENDAR", u, "", fmt.Sprintf(makeCalendar, name))
	if err != nil {
		return nil, err
	}
	if response.Status == http.StatusMethodNotAllowed || response.Status == http.StatusNotImplemented {
		if response, err = s.request(t, "MKCOL", u, "", fmt.Sprintf(makeCollection, name)); err != nil {
			return nil, err
		}
	}
	if failed := response.Check(doing); failed != nil {
		switch response.Status {
		case http.StatusMethodNotAllowed, http.StatusConflict, http.StatusForbidden:
		default:
			return nil, failed
		}
		if err := s.list(t, s.home); err != nil {
			return nil, err
		}
		if existing, ok := s.known(name); ok {
			return existing, nil
		}
		return nil, failed
	}
	s.calendars = append(s.calendars, collection{name: name, url: u})
	return u, nil
}
