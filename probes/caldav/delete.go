package caldav

import (
	"net/http"

	"pegel/probes/probe"
	"pegel/probes/probe/httpconn"
)

// remove deletes one of pegel's own events, on the condition that nobody else has changed it.
func remove(decode func(any) error) (probe.Step, error) {
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
		if s.own[i].etag == "" { // some servers do not tell it when an event is written
			if _, err := s.fetch(t, i); err != nil {
				return err
			}
		}
		response, err := s.client.Do(t, httpconn.Request{
			Method: http.MethodDelete, URL: s.own[i].url, KeepMethod: true, Header: http.Header{"If-Match": {s.own[i].etag}},
		})
		if err != nil {
			return err
		}
		label(t, response)
		if err := response.Check("delete an event", http.StatusNoContent, http.StatusOK); err != nil {
			s.gone(i, response.Status)
			return err
		}
		s.forget(i)
		return nil
	}, nil
}
