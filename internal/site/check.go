package site

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Fault is something wrong in a site, with the way to it through the file: keys, and numbers of elements.
type Fault struct {
	Path       []string
	Text, Hint string

	Word  string   // that is unknown; "" where it is something else
	Among []string // the words that are known instead
	OfKey bool     // the fault is the last key of Path, not its value
}

// ErrorClasses are the classes that a failure may have; the same words as those of results.
var ErrorClasses = []string{"auth", "denied", "limited", "overload", "content"}

var (
	nameForm   = regexp.MustCompile(`^[a-z][a-z0-9-]{0,63}$`)
	varForm    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)
	headerForm = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$")
	methods    = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
)

// checker walks a site, and readies it on its way.
type checker struct {
	s      *Site
	faults []Fault
	at     []string
}

// Check says what is wrong with a site that has just been read, and readies it for use where nothing is.
func (s *Site) Check() []Fault {
	c := &checker{s: s}
	if !nameForm.MatchString(s.Name) {
		c.fail("begin with name: my-webmail", "a site has a name of small letters, digits and dashes", "name")
	}
	c.variables()
	c.values()
	s.headers = c.lines(s.Headers, "headers")
	if strings.ContainsAny(s.Agent, "\r\n") {
		c.fail("", "the agent must be one line", "agent")
	}
	c.backend()
	for i := range s.Errors {
		c.rule(&s.Errors[i], "errors", strconv.Itoa(i))
	}
	if len(s.Actions) == 0 {
		c.fail("write actions: {login: {web: [{path: /}]}}", "the site has no actions", "actions")
	}
	for _, verb := range slices.Sorted(maps.Keys(s.Actions)) {
		if !slices.Contains(Verbs, verb) {
			c.unknown(verb, Verbs, "known here: "+strings.Join(Verbs, ", "), fmt.Sprintf("unknown action %q", verb), "actions", verb).OfKey = true
			continue
		}
		action := s.Actions[verb]
		c.within(func() { c.action(verb, &action) }, "actions", verb)
		s.Actions[verb] = action
	}
	if s.Push != nil {
		c.within(c.push, "push")
	}
	for i, alert := range s.Browser.Errors {
		at := strconv.Itoa(i)
		if alert.Shown == "" {
			c.fail("write {shown: '#error'}", "shown is missing", "browser", "errors", at)
		}
		c.selectorText(alert.Shown, "browser", "errors", at, "shown")
		c.class(alert.Class, "browser", "errors", at, "class")
	}
	c.selectorText(s.Browser.Form, "browser", "form")
	return c.faults
}

func (c *checker) fail(hint, text string, way ...string) {
	c.faults = append(c.faults, Fault{Path: slices.Concat(c.at, way), Text: text, Hint: hint})
}

// unknown is a fault of a word that is none of those that are known, which the hint names where none of them is near.
func (c *checker) unknown(word string, among []string, hint, text string, way ...string) *Fault {
	c.fail(hint, text, way...)
	fault := &c.faults[len(c.faults)-1]
	fault.Word, fault.Among = word, among
	return fault
}

func (c *checker) within(do func(), way ...string) {
	before := c.at
	c.at = slices.Concat(c.at, way)
	do()
	c.at = before
}

func (c *checker) backend() {
	b := c.s.Backend
	if b.Header != "" && !headerForm.MatchString(b.Header) {
		c.fail("", fmt.Sprintf("%q is no name of a header", b.Header), "backend", "header")
	}
	if b.Cookie != "" && !headerForm.MatchString(b.Cookie) {
		c.fail("", fmt.Sprintf("%q is no name of a cookie", b.Cookie), "backend", "cookie")
	}
	if b.After != "" && b.Header == "" && b.Cookie == "" {
		c.fail("write cookie: JSESSIONID beside it", "after needs a header or a cookie", "backend", "after")
	}
}

func (c *checker) class(name string, way ...string) {
	if name != "" && !slices.Contains(ErrorClasses, name) {
		c.unknown(name, ErrorClasses, "write one of "+strings.Join(ErrorClasses, ", "), fmt.Sprintf("unknown class %q", name), way...)
	}
}

func (c *checker) rule(r *Rule, way ...string) {
	c.within(func() {
		switch {
		case (r.JSON == "") == (r.Regexp == ""):
			c.fail("write {json: error, code: code} or {regexp: 'error: (.*)'}", "an error is recognised by exactly one of json and regexp")
		case r.Regexp != "":
			var err error
			if r.match, err = regexp.Compile(r.Regexp); err != nil {
				c.fail("patterns are RE2", err.Error(), "regexp")
			}
			if r.Code != "" || r.Ignore != nil || len(r.Classes) > 0 {
				c.fail("use json", "code, ignore and classes need an answer of JSON")
			}
		default:
			r.path = c.path(r.JSON, "json")
			if r.Code != "" {
				r.code = c.path(r.Code, "code")
			}
		}
		if r.Ignore != nil {
			c.path(r.Ignore.JSON, "ignore", "json")
		}
		c.class(r.Class, "class")
		for i, one := range r.Classes {
			if _, err := path.Match(one.Code, ""); err != nil || one.Code == "" {
				c.fail("write SES-*", fmt.Sprintf("%q is no pattern", one.Code), "classes", strconv.Itoa(i), "code")
			}
			if one.Class == "" {
				c.fail("write one of "+strings.Join(ErrorClasses, ", "), "class is missing", "classes", strconv.Itoa(i))
			}
			c.class(one.Class, "classes", strconv.Itoa(i), "class")
		}
	}, way...)
}

// path is a path of JSON in its parts.
func (c *checker) path(text string, way ...string) []string {
	parts := strings.Split(text, ".")
	switch {
	case len(text) > 512 || len(parts) > 32:
		c.fail("", "the path is too long: at most 512 bytes and 32 parts", way...)
	case slices.Contains(parts, ""):
		c.fail("write session.id, data.0.name or items.*.id", "the path has an empty part", way...)
	}
	return parts
}

func (c *checker) push() {
	p := c.s.Push
	if p.Path.Empty() {
		c.fail("write path: /socket.io/", "path is missing")
		return
	}
	c.within(func() { c.address(p.Path) }, "path")
	p.query = c.texts(p.Query, "query")
	switch p.Protocol {
	case "":
		p.Protocol = "plain"
	case "plain", "engine.io":
	default:
		c.fail("write plain or engine.io", fmt.Sprintf("unknown protocol %q", p.Protocol), "protocol")
	}
	p.Back.defaults()
	if p.Back.First < 0 || p.Back.Most < p.Back.First || p.Back.Jitter < 0 || p.Back.Jitter > 1 {
		c.fail("write {first: 1s, most: 10m, jitter: 50%}", "first lies above 0 and not above most, jitter between 0 and 100%", "back")
	}
}
