package eas

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"pegel/probes/probe"
	"pegel/probes/probe/httpconn"
)

const wbxmlType = "application/vnd.ms-sync.wbxml"

// errProvision is what a command ends with that the server wants a policy key for first: HTTP status 449, or one of the common
// statuses 141 to 144 (MS-ASCMD, section 2.2.2).
var errProvision = errors.New("the server wants the phone to be provisioned")

// address is the URL of a command (MS-ASHTTP, section 2.2.1.1.1.1); "" for OPTIONS.
func (s *Session) address(t *probe.Turn, command string) *url.URL {
	u := *s.client.Base()
	if u.Path == "/" {
		u.Path = endpoint
	}
	if command != "" {
		// The order is that of the specification's example.
		u.RawQuery = "Cmd=" + command + "&User=" + url.QueryEscape(t.Account().Login) + "&DeviceId=" + s.device.id + "&DeviceType=" + deviceType
	}
	return &u
}

// command sends a command and visits its answer. The server may ask for provisioning first: that is done once, as the phase auth.
// visit nil: the answer is expected to be empty, and anything else is read as a document with a status.
func (s *Session) command(t *probe.Turn, name string, d *document, visit func(*element) error) error {
	err := s.try(t, name, d, visit)
	if !errors.Is(err, errProvision) {
		return err
	}
	if err := s.provision(t, true); err != nil {
		return err
	}
	if err = s.try(t, name, d, visit); errors.Is(err, errProvision) {
		return probe.Fail(probe.Denied, name, errors.New("the server wants the phone to be provisioned, and it has just been"))
	}
	return err
}

func (s *Session) try(t *probe.Turn, name string, d *document, visit func(*element) error) error {
	response, err := s.post(t, name, d, httpconn.Request{})
	if err != nil {
		return err
	}
	return read(name, response, visit)
}

// post sends a command and checks the status of HTTP. r says how it is to be clocked.
func (s *Session) post(t *probe.Turn, name string, d *document, r httpconn.Request) (*httpconn.Response, error) {
	s.device.mu.Lock()
	version, policy := s.device.version, s.device.policy
	s.device.mu.Unlock()
	r.Method, r.URL, r.Body, r.KeepMethod = http.MethodPost, s.address(t, name), d.bytes, true
	r.Header = http.Header{"Content-Type": {wbxmlType}, "Ms-Asprotocolversion": {version}, "Accept": {wbxmlType}}
	if policy != "" && name != "Provision" {
		r.Header.Set("X-MS-PolicyKey", policy)
	}
	response, err := s.client.Do(t, r)
	if err != nil {
		return nil, err
	}
	if backend := response.Header.Get("X-Backend"); backend != "" {
		t.LabelBackend(clip(backend))
	}
	return response, checkHTTP(name, response)
}

// checkHTTP classifies the status of HTTP (MS-ASHTTP, section 2.2.2.1.1).
func checkHTTP(name string, response *httpconn.Response) error {
	switch response.Status {
	case http.StatusOK:
		return nil
	case 449: // Retry With
		return probe.Fail(probe.Denied, name, fmt.Errorf("status 449: %w", errProvision))
	case 451: // another server is the account's
		return probe.Failf(probe.Content, name, "status 451: the account is on another server, %s", clip(response.Header.Get("X-MS-Location")))
	case http.StatusServiceUnavailable:
		if why := response.Header.Get("X-MS-ASThrottle"); why != "" {
			return probe.Failf(probe.Limited, name, "status 503: throttled (%s)", clip(why))
		}
	}
	return gateway(response.Status, response.Check(name))
}

// read visits an answer. An empty one is no failure: it says that nothing has changed, or that all is well.
func read(name string, response *httpconn.Response, visit func(*element) error) error {
	if len(response.Body) == 0 {
		return nil
	}
	if kind, _, _ := strings.Cut(response.Header.Get("Content-Type"), ";"); !strings.EqualFold(strings.TrimSpace(kind), wbxmlType) && kind != "application/vnd.ms-sync" {
		return probe.Failf(probe.BadProtocol, name, "the answer is of the type %q and not WBXML", clip(kind))
	}
	err := decode(bytes.NewReader(response.Body), func(e *element) error {
		// The common statuses may come as the root's status of any command.
		if len(e.path) == 2 && e.number() > 100 && isStatus(e.path[1]) {
			return common(name, e.number())
		}
		return visit(e)
	})
	var own *probe.Error
	if err != nil && !errors.As(err, &own) {
		return probe.Fail(probe.BadProtocol, name, err)
	}
	return err
}

// clip bounds what a server may put into an error text.
func clip(s string) string {
	const most = 100
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return s
}
