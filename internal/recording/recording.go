// Package recording turns what browsers said to a web application into a site that can be played at HTTP level.
//
// A recording is one journey of one account: page actions with their exchanges, from a browser that pegel led or from a HAR
// file. One recording says what was sent; only several, of different accounts, say what of it is the application's and what
// is the account's, the session's or the moment's. Correlate holds them against each other: what differs between them and stood
// in an earlier answer becomes a capture, what is the account's own a template, and the rest is literal.
//
// Assumed is that all recordings went the same way. A request that not all of them have is left out and said. Passwords are
// never written, nor is a value that differs and has no source, unless it is short: it may be a secret.
package recording

import (
	"net/url"
	"strings"
	"time"
)

// Bounds of a recording.
const (
	MostExchanges = 2000    // of a journey
	MostBody      = 4 << 20 // bytes of a body that are kept
	MostBodies    = 96 << 20
	mostHeader    = 16 << 10 // bytes of one field
	mostFields    = 200      // of one header
)

// Recording is one journey of one account.
type Recording struct {
	Source  string  // what to call it in messages: the file, or "account 1 of 2"; no login
	Known   []Known // what is known of the account and of what was typed
	Actions []Action
}

// Known is a value that stands for itself wherever it occurs: account.login, peer.address, mail.subject.
type Known struct {
	Name, Value string
	Secret      bool // also where it is part of something longer, and never to be written
}

// Action is one page action.
type Action struct {
	Verb      string
	Exchanges []*Exchange
}

// Began is when its first request was sent; zero where it sent none.
func (a *Action) Began() time.Time {
	if len(a.Exchanges) == 0 {
		return time.Time{}
	}
	return a.Exchanges[0].Began
}

// Ended is when its last answer was there.
func (a *Action) Ended() (last time.Time) {
	for _, x := range a.Exchanges {
		if x.Ended.After(last) {
			last = x.Ended
		}
	}
	return last
}

// Field is one name with its value, of a header or of a form.
type Field struct{ Name, Value string }

// Exchange is one request and its answer. Where the answer was a redirect that the browser followed, Status and Text are
// those of the end of the way, and Answer has the fields of all answers on it.
type Exchange struct {
	Method string
	URL    *url.URL
	Kind   string // what the browser took it for, in small letters: document, xhr, script; "" where that is not known
	Header []Field
	Type   string // Content-Type of Body
	Body   []byte
	Parts  []Field // of a form, where the body itself is not known

	Began, Ended time.Time

	Status     int
	Answer     []Field
	AnswerType string
	Text       []byte
	Cut        bool // Text or Body is not whole
}

// Sent is a field of the request's header.
func (x *Exchange) Sent(name string) string { return field(x.Header, name) }

// Got is a field of the answer's header, the last one on the way.
func (x *Exchange) Got(name string) (value string) {
	for _, f := range x.Answer {
		if strings.EqualFold(f.Name, name) {
			value = f.Value
		}
	}
	return value
}

func field(list []Field, name string) string {
	for _, f := range list {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// cookies are those that the answer sets.
func (x *Exchange) cookies() (list []Field) {
	for _, f := range x.Answer {
		if !strings.EqualFold(f.Name, "Set-Cookie") {
			continue
		}
		pair, _, _ := strings.Cut(f.Value, ";")
		if name, value, ok := strings.Cut(strings.TrimSpace(pair), "="); ok && value != "" {
			list = append(list, Field{name, strings.Trim(value, `"`)})
		}
	}
	return list
}

// origin is scheme and host of an address, with the port that it has anyway.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port
}

// Follow joins redirects to what the browser fetched next, as the client at HTTP level follows them, and leaves out what goes
// elsewhere than to base. It returns how many requests went elsewhere.
func Follow(list []*Exchange, base *url.URL) (kept []*Exchange, elsewhere int) {
	for i := 0; i < len(list); i++ {
		x := list[i]
		if x == nil {
			continue
		}
		if origin(x.URL) != origin(base) {
			elsewhere++
			continue
		}
		for hops := 0; x.Status >= 301 && x.Status <= 308 && hops < 10; hops++ {
			to, err := x.URL.Parse(x.Got("Location"))
			if err != nil || x.Got("Location") == "" {
				break
			}
			next := -1
			for j := i + 1; j < len(list) && next < 0; j++ {
				if list[j] != nil && sameAddress(list[j].URL, to) && !list[j].Began.Before(x.Began) {
					next = j
				}
			}
			if next < 0 || origin(to) != origin(base) {
				break
			}
			y := list[next]
			list[next] = nil
			joined := *x
			joined.Answer = append(append([]Field(nil), x.Answer...), y.Answer...)
			joined.Status, joined.Text, joined.AnswerType, joined.Ended, joined.Cut = y.Status, y.Text, y.AnswerType, y.Ended, x.Cut || y.Cut
			x = &joined
			if x.Status >= 301 && x.Status <= 308 { // the next hop counts from there
				if further, err := to.Parse(y.Got("Location")); err == nil {
					x.Answer = append(x.Answer, Field{"Location", further.String()})
				}
			}
		}
		kept = append(kept, x)
	}
	return kept, elsewhere
}

func sameAddress(a, b *url.URL) bool {
	path := func(u *url.URL) string {
		if p := u.Path; p != "" { // whatever is escaped in it: servers and browsers differ
			return p
		}
		return "/"
	}
	return origin(a) == origin(b) && path(a) == path(b) && a.RawQuery == b.RawQuery
}
