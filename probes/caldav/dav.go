package caldav

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"pegel/probes/probe"
	"pegel/probes/probe/httpconn"
)

// multistatus is the answer to PROPFIND and REPORT (RFC 4918, section 14.16), with the properties that are asked for here.
type multistatus struct {
	XMLName   xml.Name   `xml:"DAV: multistatus"`
	Responses []resource `xml:"DAV: response"`
}

type resource struct {
	Href      string     `xml:"DAV: href"`
	Status    string     `xml:"DAV: status"`
	Propstats []propstat `xml:"DAV: propstat"`
}

type propstat struct {
	Status string     `xml:"DAV: status"`
	Prop   properties `xml:"DAV: prop"`
}

type properties struct {
	Type struct {
		Calendar *struct{} `xml:"urn:ietf:params:xml:ns:caldav calendar"`
	} `xml:"DAV: resourcetype"`
	Name       string `xml:"DAV: displayname"`
	Principal  href   `xml:"DAV: current-user-principal"`
	Home       href   `xml:"urn:ietf:params:xml:ns:caldav calendar-home-set"`
	Components *struct {
		List []struct {
			Name string `xml:"name,attr"`
		} `xml:"urn:ietf:params:xml:ns:caldav comp"`
	} `xml:"urn:ietf:params:xml:ns:caldav supported-calendar-component-set"`
	ETag string `xml:"DAV: getetag"`
	Data string `xml:"urn:ietf:params:xml:ns:caldav calendar-data"`
}

type href struct {
	Href string `xml:"DAV: href"`
}

// holdsEvents tells whether a calendar takes events; one that does not say takes everything.
func (p *properties) holdsEvents() bool {
	if p.Components == nil {
		return true
	}
	for _, c := range p.Components.List {
		if strings.EqualFold(c.Name, "VEVENT") {
			return true
		}
	}
	return false
}

// parse reads a multistatus document.
func parse(body []byte) (*multistatus, error) {
	var m multistatus
	if err := xml.Unmarshal(body, &m); err != nil {
		return nil, err
	}
	return &m, nil
}

// found returns the properties that the server had for a resource, those of propstats with a 2xx.
func (r *resource) found() *properties {
	for i := range r.Propstats {
		if code, err := statusCode(r.Propstats[i].Status); err == nil && code/100 == 2 {
			return &r.Propstats[i].Prop
		}
	}
	return new(properties)
}

// failure is the status of a resource as a whole where that is not a success, else 0.
func (r *resource) failure() int {
	if code, err := statusCode(r.Status); err == nil && code/100 != 2 {
		return code
	}
	return 0
}

// statusCode reads "HTTP/1.1 200 OK".
func statusCode(line string) (int, error) {
	fields := strings.Fields(line)
	if len(fields) < 2 {
		return 0, fmt.Errorf("status line %q", line)
	}
	return strconv.Atoi(fields[1])
}

// ask sends PROPFIND or REPORT and returns the answer and the URL it came from.
func (s *Session) ask(t *probe.Turn, doing, method string, u *url.URL, depth, body string) (*multistatus, *url.URL, error) {
	response, err := s.request(t, method, u, depth, body)
	if err != nil {
		return nil, nil, err
	}
	if err := response.Check(doing, http.StatusMultiStatus); err != nil {
		return nil, nil, err
	}
	m, err := parse(response.Body)
	if err != nil {
		return nil, nil, probe.Fail(probe.Content, doing, fmt.Errorf("the answer is not a multistatus: %w", err))
	}
	return m, response.URL, nil
}

// request sends a request with an XML body.
func (s *Session) request(t *probe.Turn, method string, u *url.URL, depth, body string) (*httpconn.Response, error) {
	header := http.Header{"Content-Type": {"application/xml; charset=utf-8"}}
	if depth != "" {
		header.Set("Depth", depth)
	}
	response, err := s.client.Do(t, httpconn.Request{
		Method: method, URL: u, Header: header, Body: []byte(xml.Header + body), KeepMethod: true,
	})
	if err == nil {
		label(t, response)
	}
	return response, err
}

// label notes which backend has answered, where the platform tells.
func label(t *probe.Turn, response *httpconn.Response) {
	if backend := response.Header.Get("X-Backend"); backend != "" {
		t.LabelBackend(backend)
	}
}
