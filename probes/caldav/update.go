package caldav

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"pegel/probes/probe"
	"pegel/probes/probe/httpconn"
)

// update fetches one of pegel's own events, changes it, and writes it back on the condition that nobody else has. That
// somebody has is a failure of class content.
func update(decode func(any) error) (probe.Step, error) {
	if err := probe.NoParams(decode); err != nil {
		return nil, err
	}
	return func(t *probe.Turn) error {
		s, err := session(t)
		if err != nil {
			return err
		}
		i, err := s.pick(t)
		if err != nil {
			return err
		}
		e := &s.own[i]
		data, err := s.fetch(t, i)
		if err != nil {
			return err
		}
		changed, err := revise(data, time.Now())
		if err != nil {
			return probe.Fail(probe.Content, "change an event", err)
		}
		response, err := s.write(t, e.url, changed, "If-Match", e.etag)
		if err != nil {
			return err
		}
		if err := response.Check("update an event", http.StatusNoContent, http.StatusCreated, http.StatusOK); err != nil {
			s.gone(i, response.Status)
			return err
		}
		e.etag = response.Header.Get("ETag")
		return nil
	}, nil
}

// fetch reads the i-th own event and notes its entity tag. It refuses to go on with an event that is not pegel's.
func (s *Session) fetch(t *probe.Turn, i int) ([]byte, error) {
	const doing = "get an event"
	response, err := s.client.Do(t, httpconn.Request{
		Method: http.MethodGet, URL: s.own[i].url, KeepMethod: true, Header: http.Header{"Accept": {"text/calendar"}},
	})
	if err != nil {
		return nil, err
	}
	label(t, response)
	if err := response.Check(doing, http.StatusOK); err != nil {
		s.gone(i, response.Status)
		return nil, err
	}
	etag := response.Header.Get("ETag")
	if etag == "" {
		return nil, probe.Failf(probe.Content, doing, "the answer has no entity tag")
	}
	if !isOwn(response.Body) {
		path := s.own[i].url.Path
		s.forget(i)
		return nil, probe.Failf(probe.Content, doing, "%s is not an event that pegel made", path)
	}
	s.own[i].etag = etag
	return response.Body, nil
}

// gone forgets the i-th own event where a status says that it is not what the session believes.
func (s *Session) gone(i, status int) {
	switch status {
	case http.StatusNotFound, http.StatusGone, http.StatusPreconditionFailed:
		s.forget(i)
	}
}

// revise is a change of an event as a client makes it: the next revision, stamped now.
func revise(data []byte, now time.Time) ([]byte, error) {
	var (
		out       []string
		depth     []string // open components
		sequenced bool
		events    int
	)
	stamp := now.UTC().Format("20060102T150405Z")
	for _, line := range lines(data) {
		name, value, ok := property(line)
		inEvent := len(depth) == 2 && depth[1] == "VEVENT"
		switch name = strings.ToUpper(name); {
		case ok && name == "BEGIN":
			depth = append(depth, strings.ToUpper(value))
			if len(depth) == 2 && depth[1] == "VEVENT" {
				sequenced = false
				events++
			}
		case ok && name == "END":
			if len(depth) == 0 || depth[len(depth)-1] != strings.ToUpper(value) {
				return nil, fmt.Errorf("END:%s closes nothing", value)
			}
			if inEvent && !sequenced {
				out = append(out, "SEQUENCE:1")
			}
			depth = depth[:len(depth)-1]
		case ok && inEvent && name == "SEQUENCE":
			n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 31)
			if err != nil {
				return nil, fmt.Errorf("sequence: %w", err)
			}
			line = "SEQUENCE:" + strconv.FormatUint(n+1, 10)
			sequenced = true
		case ok && inEvent && name == "DTSTAMP":
			line = "DTSTAMP:" + stamp
		}
		out = append(out, line)
	}
	if len(depth) != 0 || events == 0 {
		return nil, fmt.Errorf("%d events, %d components left open", events, len(depth))
	}
	return join(out), nil
}
