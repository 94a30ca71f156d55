package learn

import (
	"net/url"
	"strings"
)

// request is what an HTTP log says of one.
type request struct {
	method, target string // as sent: path and query
	status         int
	user           string // by HTTP authentication
	address, agent string
}

// asset are the endings of what belongs to a page.
var asset = []string{".js", ".css", ".png", ".svg", ".gif", ".ico", ".jpg", ".jpeg", ".webp", ".woff", ".woff2", ".ttf", ".map", ".webmanifest", ".txt"}

// classify finds what a request is to a scenario, and whose.
func (p *pseudonyms) classify(e *entry, r request) {
	path, query, _ := strings.Cut(r.target, "?")
	if i := strings.Index(path, "://"); i >= 0 { // an absolute address, as proxies have it
		if j := strings.IndexByte(path[i+3:], '/'); j >= 0 {
			path = path[i+3+j:]
		} else {
			path = "/"
		}
	}
	path = strings.ToLower(path)
	user := r.user
	if user == "-" || user == "" {
		user = nameIn(path, query)
	} else if u, err := url.QueryUnescape(user); err == nil {
		user = u
	}
	e.failed = r.status >= 400
	switch {
	case r.status == 401:
		e.kind, e.what = ignored, "requests answered 401: the client shows its password with the next"
		return
	case hasSuffix(path, asset):
		e.kind, e.what = ignored, "parts of pages"
		return
	}
	for i := range rules {
		rule := &rules[i]
		if !rule.fits(r.method, path, query, r.status) {
			continue
		}
		e.kind, e.way, e.action = rule.kind, rule.way, rule.action
		if e.kind == ignored {
			e.what = "requests of " + rule.software
			return
		}
		if e.way == calendar {
			e.way = wayOf(r.agent)
		}
		p.person(e, user, r.address, r.agent)
		return
	}
	e.kind, e.what = unmapped, template(r.method, path, query)
}

// wayOf finds which client reads calendars.
func wayOf(agent string) way {
	for _, c := range []struct {
		part string
		way  way
	}{{"Thunderbird", desktop}, {"Lightning", desktop}, {"Evolution", desktop}, {"Outlook", desktop}, {"macOS", desktop}, {"Mac OS X", desktop}, {"Mac_OS_X", desktop},
		{"iOS", mobile}, {"DAVx5", mobile}, {"DAVdroid", mobile}, {"dataaccessd", mobile}, {"Android", mobile}} {
		if strings.Contains(agent, c.part) {
			return c.way
		}
	}
	return calendar
}

// nameIn finds the account where the address of a request has it: ActiveSync's User, and SOGo's path.
func nameIn(path, query string) string {
	if strings.Contains(path, "microsoft-server-activesync") {
		if name, ok := value(query, "user"); ok {
			if decoded, err := url.QueryUnescape(name); err == nil {
				return decoded
			}
			return name
		}
	}
	if rest, ok := strings.CutPrefix(path, "/sogo/so/"); ok {
		name, _, _ := strings.Cut(rest, "/")
		return name
	}
	return ""
}

// value finds the value of a key (in lower case) in a query.
func value(query, key string) (string, bool) {
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		k, v, _ := strings.Cut(pair, "=")
		if len(k) == len(key) && strings.EqualFold(k, key) {
			return v, true
		}
	}
	return "", false
}

func (r *rule) fits(method, path, query string, status int) bool {
	if r.query != "" && query == "" || r.status != 0 && r.status != status || !match(r.path, path) || r.method != "" && !oneOf(r.method, method) {
		return false
	}
	for conditions := r.query; conditions != ""; {
		var c string
		c, conditions, _ = strings.Cut(conditions, " ")
		key, values, _ := strings.Cut(c, "=")
		v, ok := value(query, key)
		if !ok || !oneOf(values, v) {
			return false
		}
	}
	return true
}

func oneOf(list, word string) bool {
	for list != "" {
		var one string
		one, list, _ = strings.Cut(list, "|")
		if strings.EqualFold(one, word) {
			return true
		}
	}
	return false
}

func hasSuffix(s string, endings []string) bool {
	for _, ending := range endings {
		if strings.HasSuffix(s, ending) {
			return true
		}
	}
	return false
}

// match compares a path with a pattern in which * is any characters and # one digit or more. Its time is at most the
// product of the two lengths.
func match(pattern, s string) bool {
	if n := len(pattern); n > 0 && s != "" { // most patterns fail at one of their ends
		if last := pattern[n-1]; last != '*' && last != '#' && last != s[len(s)-1] {
			return false
		}
		if inner := pattern[min(1, n-1):max(1, n-1)]; n > 2 && pattern[0] == '*' && pattern[n-1] == '*' && !strings.ContainsAny(inner, "*#") {
			return strings.Contains(s, inner)
		}
	}
	star, mark := -1, 0
	i, j := 0, 0
	for j < len(s) {
		switch {
		case i < len(pattern) && pattern[i] == '*':
			star, mark = i, j
			i++
		case i < len(pattern) && pattern[i] == '#' && digit(s[j]):
			for j < len(s) && digit(s[j]) {
				j++
			}
			i++
		case i < len(pattern) && pattern[i] == s[j] && pattern[i] != '#':
			i++
			j++
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	for i < len(pattern) && pattern[i] == '*' {
		i++
	}
	return i == len(pattern)
}

func digit(b byte) bool { return b >= '0' && b <= '9' }
