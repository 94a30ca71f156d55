package httpconn

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/publicsuffix"

	"pegel/probes/probe"
)

// Bounds of one user's cookies. Browsers keep about 180 of one site; a platform that needs half of that is out of order.
const (
	maxCookies     = 100
	maxCookieBytes = 128 << 10 // names and values of all together
)

// jar holds one user's cookies. It takes some hundred bytes where net/http's takes several KiB, and a value may have any
// length: the login cookie of SOGo has 4,050 bytes.
type jar struct {
	mu   sync.Mutex
	list []cookie
}

type cookie struct {
	name, value  string
	domain, path string
	hostOnly     bool
	secure       bool
	expires      time.Time // zero: with the session
}

// set takes in what an answer from u sets. More cookies than the bounds allow are a failure of class protocol.
func (j *jar) set(u *url.URL, lines []string, now time.Time) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, line := range lines {
		parsed, err := http.ParseSetCookie(line)
		if err != nil {
			continue // as browsers do
		}
		c, ok := from(u, parsed, now)
		if !ok {
			continue
		}
		at := slices.IndexFunc(j.list, func(o cookie) bool { return o.name == c.name && o.domain == c.domain && o.path == c.path })
		gone := !c.expires.IsZero() && !c.expires.After(now)
		switch {
		case at >= 0 && gone:
			j.list = slices.Delete(j.list, at, at+1)
		case at >= 0:
			j.list[at] = c
		case !gone:
			j.list = append(j.list, c)
		}
	}
	size := 0
	for i := range j.list {
		size += len(j.list[i].name) + len(j.list[i].value) + len(j.list[i].path) + len(j.list[i].domain)
	}
	if len(j.list) > maxCookies || size > maxCookieBytes {
		n := len(j.list)
		j.list = nil
		return probe.Failf(probe.BadProtocol, "keep cookies", "the server has set %d cookies of %d bytes, more than %d or %d KiB", n, size, maxCookies, maxCookieBytes>>10)
	}
	return nil
}

// longestPath is how long the path of a cookie may be; browsers drop longer ones (RFC 6265bis, section 5.6).
const longestPath = 1024

// from is a cookie as it is kept (RFC 6265, section 5.3), if it may be set from u.
func from(u *url.URL, c *http.Cookie, now time.Time) (cookie, bool) {
	host := strings.ToLower(u.Hostname())
	out := cookie{name: c.Name, value: c.Value, domain: host, path: c.Path, hostOnly: true, secure: c.Secure}
	if domain := strings.ToLower(strings.TrimPrefix(c.Domain, ".")); domain != "" && domain != host {
		if !strings.HasSuffix(host, "."+domain) {
			return out, false
		}
		if suffix, _ := publicsuffix.PublicSuffix(domain); suffix == domain {
			return out, false
		}
		out.domain, out.hostOnly = domain, false
	}
	if !strings.HasPrefix(out.path, "/") {
		out.path = "/"
		if at := strings.LastIndexByte(u.Path, '/'); at > 0 {
			out.path = u.Path[:at]
		}
	}
	switch {
	case c.MaxAge < 0, len(out.path) > longestPath:
		out.expires = now
	case c.MaxAge > 0:
		out.expires = now.Add(time.Duration(c.MaxAge) * time.Second)
	default:
		out.expires = c.Expires
	}
	return out, true
}

// goes says whether a cookie is sent to u.
func (c *cookie) goes(u *url.URL, host string, now time.Time) bool {
	switch {
	case !c.expires.IsZero() && !c.expires.After(now):
		return false
	case c.domain != host && (c.hostOnly || !strings.HasSuffix(host, "."+c.domain)):
		return false
	case c.secure && u.Scheme != "https":
		return false
	}
	path := u.Path
	if path == "" {
		path = "/"
	}
	return path == c.path || strings.HasPrefix(path, c.path) && (strings.HasSuffix(c.path, "/") || path[len(c.path)] == '/')
}

// write appends the cookies for u as the value of a header, longer paths first; none are nothing.
func (j *jar) write(to []byte, u *url.URL) []byte {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.list) == 0 {
		return to
	}
	now := time.Now()
	host, first := strings.ToLower(u.Hostname()), true
	deepest := 0
	for i := range j.list {
		deepest = max(deepest, len(j.list[i].path))
	}
	for depth := deepest; depth > 0; depth-- {
		for i := range j.list {
			c := &j.list[i]
			if len(c.path) != depth || !c.goes(u, host, now) {
				continue
			}
			if !first {
				to = append(to, "; "...)
			}
			first = false
			to = append(append(append(to, c.name...), '='), c.value...)
		}
	}
	return to
}

// value is a cookie that would be sent to u.
func (j *jar) value(u *url.URL, name string, now time.Time) (string, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	host := strings.ToLower(u.Hostname())
	for i := range j.list {
		if c := &j.list[i]; c.name == name && c.goes(u, host, now) {
			return c.value, true
		}
	}
	return "", false
}
