// Package web is the protocol of a web application at HTTP level: the requests that its pages' scripts send, as a site file
// describes them, without a browser around them.
//
// A session is one browser's connections, cookies and cache. Actions that need a login log in first where this session has
// not done so yet, booked as their phase auth: after a lost session a user signs in again. A failure that the application
// reports inside a 200 counts as a failure. An account with an access token sends it with every request to the target
// (RFC 6750), and logs in with it where the account has no password.
package web

import (
	"cmp"
	"context"
	"io"
	"net/url"
	"sync"

	"pegel/internal/site"
	"pegel/probes/probe"
	"pegel/probes/probe/httpconn"
)

// userAgent is that of a Chromium on Linux, because servers and balancers treat unknown agents differently.
const userAgent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"

// Protocol returns the protocol web: page, request, push and the actions of sites.
func Protocol() probe.Protocol {
	return probe.Protocol{
		Name: "web", Schemes: []string{"http", "https"},
		Prepare: prepare,
		Open:    open,
		Actions: map[string]probe.Action{
			"page":    counted("page", page),
			"request": counted("request", request),
			"push":    push,
			"login":   counted("login", login),
			"list":    counted("list", list),
			"read":    counted("read", read),
			"compose": counted("compose", plain("compose")),
			"send":    counted("send", send),
			"search":  counted("search", search),
			"poll":    counted("poll", plain("poll")),
			"logout":  counted("logout", logout),
		},
		Answers: []string{"page", "request", "login", "list", "read", "send", "search", "poll"},
	}
}

// shared is what all users of a target have together.
type shared struct {
	site  *site.Site
	tally tally

	mu    sync.Mutex
	kept  map[int][]cached // the browser caches of accounts, which outlive their sessions
	known []cached         // what was seen last of each asset, by anybody
}

func prepare(_ context.Context, target probe.Target) (io.Closer, error) {
	return newShared(target), nil
}

func newShared(target probe.Target) *shared {
	s := &shared{site: target.Site, tally: newTally(), kept: map[int][]cached{}}
	if s.site == nil {
		s.site = new(site.Site) // page and request need none
	}
	s.known = make([]cached, s.site.Asset)
	return s
}

// Close implements io.Closer.
func (s *shared) Close() error { return nil }

// Session is one browser's cookies, connections and variables.
type Session struct {
	client   *httpconn.Client
	shared   *shared
	loggedIn bool
	values   []string // of the site's variables; those with several values hold them apart by a zero byte
	set      uint64   // which of them have one
	cache    []cached // by the place of the asset; nil: nothing was fetched yet
	push     *pushed
	heard    func(probe.Heard) // nil: nobody listens

	path string   // that a request asked for last
	at   *url.URL // its address; nil: none did
}

var _ probe.Session = (*Session)(nil)

func open(t *probe.Turn, target probe.Target, account probe.Account) (probe.Session, error) {
	s := &Session{heard: target.Heard}
	var ok bool
	if s.shared, ok = target.Shared.(*shared); !ok {
		s.shared = newShared(target)
	}
	options := httpconn.Options{UserAgent: cmp.Or(s.shared.site.Agent, userAgent), Cookies: true}
	if account.Token != "" {
		options.Authorization = "Bearer " + account.Token
	}
	var err error
	if s.client, err = httpconn.Open(t, target, options); err != nil {
		return nil, err
	}
	return s, nil
}

// Close closes the connections. It does not log out, as closing a browser does not.
func (s *Session) Close() error {
	if s.push != nil {
		s.push.close()
	}
	return s.client.Close()
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

// clip bounds what a server may put into an error text.
func clip(s string) string {
	const most = 200
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return s
}
