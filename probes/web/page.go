package web

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"pegel/probes/probe"
	"pegel/probes/probe/httpconn"
)

// pageParams are the parameters of page.
type pageParams struct {
	Path   probe.Text `yaml:"path"`   // below the target's URL, perhaps with a query; default /
	Expect probe.Text `yaml:"expect"` // text that the page must contain; default: none
}

// page fetches one page as it is, without what it embeds, and without logging in.
func page(decode func(any) error) (probe.Step, error) {
	params := pageParams{Path: probe.Literal("/")}
	if err := decode(&params); err != nil {
		return nil, err
	}
	if err := checkPath(params.Path); err != nil {
		return nil, err
	}
	doing := "get the page " + params.Path.String()
	return func(t *probe.Turn) error {
		s, err := probe.SessionAs[*Session](t)
		if err != nil {
			return err
		}
		u, err := s.below(t, params.Path)
		if err != nil {
			return err
		}
		response, err := s.client.Do(t, httpconn.Request{
			Method: http.MethodGet,
			URL:    u,
			Header: http.Header{
				"Accept":          {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"},
				"Accept-Language": {"en-US,en;q=0.9"},
			},
		})
		if err != nil {
			return err
		}
		defer release(t, response)
		s.label(t, response)
		if err := response.Check(doing, http.StatusOK); err != nil {
			return err
		}
		return expected(t, doing, response, params.Expect)
	}, nil
}

// release gives an answer's memory to others, unless the scenario saves from it: then it is looked at after the action.
func release(t *probe.Turn, response *httpconn.Response) {
	if !t.Wants() {
		response.Release()
	}
}

// expected is the failure of an answer that does not contain a text.
func expected(t *probe.Turn, doing string, response *httpconn.Response, text probe.Text) error {
	if !bytes.Contains(response.Body, []byte(text.In(t))) {
		return probe.Failf(probe.Content, doing, "the page does not contain %q", text.String())
	}
	return nil
}

// checkPath checks a path as far as it is known before the run.
func checkPath(path probe.Text) error {
	if !path.Fixed() && path.Prefix() == "" {
		return nil // a whole path that was saved
	}
	if !strings.HasPrefix(path.Prefix(), "/") {
		return fmt.Errorf("path %q: must begin with /", path.String())
	}
	if path.Fixed() {
		if _, err := url.Parse(path.String()); err != nil {
			return fmt.Errorf("path %q: %w", path.String(), err)
		}
	}
	return nil
}

// below is the address of a path below the target's. A value with which the path begins is taken as it is: a link that was
// saved, of which only path and query count. Values further on are escaped, as a part of the path or of the query.
func (s *Session) below(t *probe.Turn, path probe.Text) (*url.URL, error) {
	if path.Fixed() {
		if s.path != path.String() || s.at == nil { // else it is the one asked for before, as in a journey that repeats one request
			s.path, s.at = path.String(), s.resolve(path.String())
		}
		return s.at, nil
	}
	text := path.Escaped(t, func(before, value string) string {
		switch {
		case before == "":
			return value
		case strings.Contains(before, "?"):
			return url.QueryEscape(value)
		}
		return url.PathEscape(value)
	})
	if u, err := url.Parse(text); err != nil || !strings.HasPrefix(u.Path, "/") {
		return nil, probe.Failf(probe.Content, "get "+path.String(), "what was put in makes no path that begins with /")
	}
	return s.resolve(text), nil
}
