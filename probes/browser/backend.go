package browser

import (
	"context"
	"strings"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"

	"pegel/probes/probe"
)

// backendWait is how long Chromium may take to tell a cookie.
const backendWait = 2 * time.Second

// label tells the turn which backend answered last, where the site says how that is known: by a header of the documents and
// data that the page has asked for, or by a route cookie.
func (s *tab) label(t *probe.Turn) {
	b := &s.site.Backend
	name := ""
	if b.Header != "" {
		name = s.tally.answeredBy()
	}
	if name == "" && b.Cookie != "" {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), backendWait)
		defer cancel()
		got, err := cdp.Call(ctx, s.session, network.GetCookies, network.GetCookiesParams{URLs: []string{s.base.JoinPath("/").String()}})
		if err != nil {
			return // of a page that does not answer nothing is known
		}
		for _, c := range got.Cookies {
			if c.Name == b.Cookie {
				name = c.Value
			}
		}
	}
	if name = b.Named(name); name != "" {
		t.LabelBackend(name)
	}
}

// note keeps the header that names the backend, of an answer that did not come from a cache. Static files do not count: a
// cache of the platform may have answered.
func (y *tally) note(e *network.EventResponseReceived) {
	if y.header == "" || e.Response.FromDiskCache {
		return
	}
	switch e.Type {
	case network.ResourceTypeDocument, network.ResourceTypeXHR, network.ResourceTypeFetch:
	default:
		return
	}
	for name, value := range e.Response.Headers {
		if text, ok := value.(string); ok && strings.EqualFold(name, y.header) {
			y.backend = text
		}
	}
}

// answeredBy is what the header said last, and forgets it.
func (y *tally) answeredBy() string {
	y.mu.Lock()
	defer y.mu.Unlock()
	name := y.backend
	y.backend = ""
	return name
}
