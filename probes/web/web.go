// Package web is the browser user at HTTP level: what a webmail's page asks of its server, without the page.
//
// It speaks the JSON API of pegel's own webmail (login, list, read, send) and can fetch any page of any web server.
// Every session keeps its own connections and cookies, as a browser does. Actions other than page and logout log in first
// where this session has not done so yet, booked as their phase auth: after a lost session a user signs in again.
// A failure that the server reports inside a 200 counts as a failure. An account with an access token sends it with every
// request to the target (RFC 6750), and logs in with it where the account has no password.
package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"pegel/probes/probe"
	"pegel/probes/probe/httpconn"
)

// userAgent is that of a Chromium on Linux, because servers and balancers treat unknown agents differently.
const userAgent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"

// Protocol returns the protocol web: page, request, login, list, read, send, logout.
func Protocol() probe.Protocol {
	return probe.Protocol{
		Name: "web", Schemes: []string{"http", "https"},
		Open: open,
		Actions: map[string]probe.Action{
			"page":    page,
			"request": request,
			"login":   login,
			"list":    list,
			"read":    read,
			"send":    send,
			"logout":  logout,
		},
		Answers: []string{"page", "request", "login", "list", "read", "send"},
	}
}

// Session is one browser's cookies and connections.
type Session struct {
	client   *httpconn.Client
	loggedIn bool
	xsrf     string
	listed   []string // ids of the last list, newest first
}

var _ probe.Session = (*Session)(nil)

func open(t *probe.Turn, target probe.Target, account probe.Account) (probe.Session, error) {
	options := httpconn.Options{UserAgent: userAgent, Cookies: true}
	if account.Token != "" {
		options.Authorization = "Bearer " + account.Token
	}
	client, err := httpconn.Open(t, target, options)
	if err != nil {
		return nil, err
	}
	return &Session{client: client}, nil
}

// Close closes the connections. It does not log out, as closing a browser does not.
func (s *Session) Close() error { return s.client.Close() }

// call is one request to the API. in is sent as JSON unless nil; out is filled from the answer unless nil. auth books it
// as the phase auth. An answer of a status other than wanted is a failure, and so is an {"error"} in any answer.
func (s *Session) call(t *probe.Turn, doing, method, path string, in, out any, auth bool, wanted int) error {
	request := httpconn.Request{
		Method: method,
		URL:    s.resolve(path),
		Header: http.Header{
			"Accept":           {"application/json"},
			"X-Requested-With": {"XMLHttpRequest"},
		},
		Auth: auth,
	}
	if in != nil {
		body, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("%s: %w", doing, err)
		}
		request.Body = body
		request.Header.Set("Content-Type", "application/json")
	}
	if s.xsrf != "" {
		request.Header.Set("X-XSRF-Token", s.xsrf)
	}
	response, err := s.client.Do(t, request)
	if err != nil {
		return err
	}
	label(t, response)
	return judge(doing, response, out, wanted)
}

// judge turns an answer of the API into its content or into a failure. Its own words come before the status.
func judge(doing string, response *httpconn.Response, out any, wanted int) error {
	var fault struct {
		Error string `json:"error"`
		Code  string `json:"code"`
	}
	class := httpconn.ClassOfStatus(response.Status)
	parsed := json.Unmarshal(response.Body, &fault)
	if parsed == nil && fault.Error != "" {
		if class == probe.OK {
			class = classOfCode(fault.Code)
		}
		return probe.Failf(class, doing, "status %d: %s (code %q)", response.Status, clip(fault.Error), clip(fault.Code))
	}
	if err := response.Check(doing, wanted); err != nil {
		return err
	}
	if out == nil {
		return nil
	}
	if parsed != nil {
		return probe.Fail(probe.Content, doing, fmt.Errorf("the answer is not JSON: %w", parsed))
	}
	if err := json.Unmarshal(response.Body, out); err != nil {
		return probe.Fail(probe.Content, doing, fmt.Errorf("the answer has another shape: %w", err))
	}
	return nil
}

// clip bounds what a server may put into an error text.
func clip(s string) string {
	const most = 200
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return s
}

// label notes which backend has answered, where the platform tells.
func label(t *probe.Turn, response *httpconn.Response) {
	if backend := response.Header.Get("X-Backend"); backend != "" {
		t.LabelBackend(clip(backend))
	}
}

// resolve is a path, perhaps with a query, below the target's own path.
func (s *Session) resolve(path string) *url.URL {
	ref, err := url.Parse(path)
	if err != nil {
		ref = &url.URL{Path: path}
	}
	u := s.client.Base().JoinPath(ref.EscapedPath())
	u.RawQuery = ref.RawQuery
	return u
}
