package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"pegel/probes/probe"
	"pegel/probes/probe/httpconn"
)

// requestParams are the parameters of request.
type requestParams struct {
	Method  string                `yaml:"method"` // default GET, or POST where there is something to send
	Path    probe.Text            `yaml:"path"`   // below the target's URL, perhaps with a query; default /
	Headers map[string]probe.Text `yaml:"headers"`
	Form    map[string]probe.Text `yaml:"form"`   // sent as a form of a web page
	JSON    map[string]probe.Text `yaml:"json"`   // sent as an object of texts
	Body    probe.Text            `yaml:"body"`   // sent as it is; its Content-Type stands in headers
	Status  int                   `yaml:"status"` // wanted; default: any of 200 to 299
	Expect  probe.Text            `yaml:"expect"` // text that the answer must contain; default: none
}

var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

// request asks any web server anything, without logging in.
func request(decode func(any) error) (probe.Step, error) {
	params := requestParams{Path: probe.Literal("/")}
	if err := decode(&params); err != nil {
		return nil, err
	}
	if err := params.check(); err != nil {
		return nil, err
	}
	doing := params.Method + " " + params.Path.String()
	return func(t *probe.Turn) error {
		s, err := probe.SessionAs[*Session](t)
		if err != nil {
			return err
		}
		u, err := s.below(t, params.Path)
		if err != nil {
			return err
		}
		r := httpconn.Request{Method: params.Method, URL: u}
		if err := params.fill(t, &r); err != nil {
			return err
		}
		response, err := s.client.Do(t, r)
		if err != nil {
			return err
		}
		defer release(t, response)
		s.label(t, response)
		var wanted []int
		if params.Status != 0 {
			wanted = []int{params.Status}
		}
		if err := response.Check(doing, wanted...); err != nil {
			return err
		}
		return expected(t, doing, response, params.Expect)
	}, nil
}

func (p *requestParams) check() error {
	sends := 0
	for _, given := range []bool{len(p.Form) > 0, len(p.JSON) > 0, p.Body.String() != ""} {
		if given {
			sends++
		}
	}
	switch {
	case sends > 1:
		return fmt.Errorf("form, json and body exclude each other")
	case p.Method == "" && sends > 0:
		p.Method = http.MethodPost
	case p.Method == "":
		p.Method = http.MethodGet
	case !slices.Contains(methods, p.Method):
		return fmt.Errorf("method %q: must be one of %s", p.Method, strings.Join(methods, ", "))
	}
	if p.Status != 0 && (p.Status < 200 || p.Status > 599) {
		return fmt.Errorf("status %d: must lie between 200 and 599", p.Status)
	}
	for name, value := range p.Headers {
		if !token(name) {
			return fmt.Errorf("headers: %q is no name of a header", name)
		}
		if strings.ContainsAny(value.String(), "\r\n\x00") {
			return fmt.Errorf("headers: the value of %s must be one line", name)
		}
	}
	return checkPath(p.Path)
}

// anything is what a request accepts that says nothing else.
var anything = []httpconn.Field{{Name: "Accept", Value: "*/*"}}

// fill writes headers and body.
func (p *requestParams) fill(t *probe.Turn, r *httpconn.Request) error {
	if len(p.Headers) == 0 && len(p.Form) == 0 && len(p.JSON) == 0 { // most requests, which share this
		r.Fields = anything
		if p.Body.String() != "" {
			r.Body = []byte(p.Body.In(t))
		}
		return nil
	}
	r.Header = http.Header{"Accept": {"*/*"}}
	for name, value := range p.Headers {
		text := value.In(t)
		if strings.ContainsAny(text, "\r\n\x00") {
			return probe.Failf(probe.Content, "write the header "+name, "what was put in is more than one line")
		}
		r.Header.Set(name, text)
	}
	switch {
	case len(p.Form) > 0:
		form := url.Values{}
		for name, value := range p.Form {
			form.Set(name, value.In(t))
		}
		r.Body = []byte(form.Encode())
		ifMissing(r.Header, "Content-Type", "application/x-www-form-urlencoded")
	case len(p.JSON) > 0:
		object := make(map[string]string, len(p.JSON))
		for name, value := range p.JSON {
			object[name] = value.In(t)
		}
		var err error
		if r.Body, err = json.Marshal(object); err != nil {
			return probe.Fail(probe.Content, "write the object", err)
		}
		ifMissing(r.Header, "Content-Type", "application/json")
	case p.Body.String() != "":
		r.Body = []byte(p.Body.In(t))
	}
	return nil
}

func ifMissing(h http.Header, name, value string) {
	if h.Get(name) == "" {
		h.Set(name, value)
	}
}

// token says whether a text can be the name of a header (RFC 9110, section 5.6.2).
func token(name string) bool {
	for _, r := range name {
		if !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("!#$%&'*+-.^_`|~", r)) {
			return false
		}
	}
	return name != ""
}
