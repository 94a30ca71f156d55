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
	Path   string `yaml:"path"`   // below the target's URL, perhaps with a query; default /
	Expect string `yaml:"expect"` // text that the page must contain; default: none
}

// page fetches one page as it is, without what it embeds, and without logging in.
func page(decode func(any) error) (probe.Step, error) {
	params := pageParams{Path: "/"}
	if err := decode(&params); err != nil {
		return nil, err
	}
	if !strings.HasPrefix(params.Path, "/") {
		return nil, fmt.Errorf("path %q: must begin with /", params.Path)
	}
	if _, err := url.Parse(params.Path); err != nil {
		return nil, fmt.Errorf("path %q: %w", params.Path, err)
	}
	expect := []byte(params.Expect)
	return func(t *probe.Turn) error {
		s, err := probe.SessionAs[*Session](t)
		if err != nil {
			return err
		}
		response, err := s.client.Do(t, httpconn.Request{
			Method: http.MethodGet,
			URL:    s.resolve(params.Path),
			Header: http.Header{
				"Accept":          {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"},
				"Accept-Language": {"en-US,en;q=0.9"},
			},
		})
		if err != nil {
			return err
		}
		label(t, response)
		doing := "get the page " + params.Path
		if err := response.Check(doing, http.StatusOK); err != nil {
			return err
		}
		if !bytes.Contains(response.Body, expect) {
			return probe.Failf(probe.Content, doing, "the page does not contain %q", params.Expect)
		}
		return nil
	}, nil
}
