package site

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

func (c *checker) action(verb string, a *Action) {
	if verb == "login" {
		a.Anonymous = true
	}
	if len(a.Web) == 0 && len(a.Browser) == 0 {
		c.fail("write web: [{path: /}], browser: [{open: /}], or both", "the action does nothing")
	}
	if len(a.Web) > MostSteps || len(a.Browser) > MostSteps {
		c.fail("", fmt.Sprintf("more than %d steps", MostSteps))
	}
	for i := range a.Web {
		c.within(func() { c.step(&a.Web[i]) }, "web", strconv.Itoa(i))
	}
	for i := range a.Browser {
		c.within(func() { c.gesture(&a.Browser[i]) }, "browser", strconv.Itoa(i))
	}
}

func (c *checker) step(s *Step) {
	given := 0
	for _, is := range []bool{!s.Path.Empty(), s.Parallel != nil, s.Assets != nil, s.Pick != nil, s.Think != 0} {
		if is {
			given++
		}
	}
	if given != 1 {
		c.fail("a step has one of path, parallel, assets, pick and think", "the step is none of a request, parallel, assets, pick and think, or several of them")
		return
	}
	switch {
	case s.Parallel != nil:
		if len(s.Parallel) > MostRequests || len(s.Parallel) == 0 {
			c.fail("", fmt.Sprintf("1 to %d requests are possible at the same time", MostRequests), "parallel")
		}
		for i := range s.Parallel {
			c.within(func() { c.request(&s.Parallel[i]) }, "parallel", strconv.Itoa(i))
		}
	case s.Assets != nil:
		if len(s.Assets) > MostAssets || len(s.Assets) == 0 {
			c.fail("", fmt.Sprintf("1 to %d assets are possible in one step", MostAssets), "assets")
		}
		for i, file := range s.Assets {
			r := Request{Path: Literal(file), Cache: true}
			c.within(func() { c.address(r.Path) }, "assets", strconv.Itoa(i))
			r.Method, r.Place = "GET", c.place()
			s.assets = append(s.assets, r)
		}
	case s.Pick != nil:
		for _, name := range slices.Sorted(maps.Keys(s.Pick)) {
			c.pick(name, s)
		}
	case s.Think != 0:
		if s.Think < 0 || s.Think > MostPause {
			c.fail("", "a pause lies between 0 and 1m", "think")
		}
	default:
		c.request(&s.Request)
	}
}

func (c *checker) place() int {
	c.s.Asset++
	return c.s.Asset - 1
}

func (c *checker) pick(name string, s *Step) {
	p := s.Pick[name]
	p.variable, p.of = c.s.Variable(name), c.s.Variable(p.Of)
	if p.of < 0 {
		c.fail("write {of: ids}, and save ids with each: true", fmt.Sprintf("nothing saves %q", p.Of), "pick", name)
	}
	if _, there := c.s.Actions[p.After]; p.After != "" && (!there || p.After == "read" || p.After == "login" || p.After == "logout") {
		c.fail("write after: list", fmt.Sprintf("%q is no action that saves what can be picked", p.After), "pick", name, "after")
	}
	if p.Once && p.After == "" {
		c.fail("write after: compose", "once needs an action to do again", "pick", name, "once")
	}
	s.Pick[name] = p
}

func (c *checker) address(p Text) {
	c.text(p)
	if !strings.HasPrefix(p.source, "/") && !strings.HasPrefix(p.source, "{{") {
		c.fail("write /mail", fmt.Sprintf("the path %q must begin with /", p.source))
	} else if _, err := url.Parse(p.source); p.Fixed() && err != nil {
		c.fail("", fmt.Sprintf("%q is no path", p.source))
	}
}

func (c *checker) request(r *Request) {
	if r.Path.Empty() {
		c.fail("write path: /mail", "path is missing")
		return
	}
	c.within(func() { c.address(r.Path) }, "path")
	bodies := 0
	for _, is := range []bool{len(r.Form) > 0, !r.JSON.Empty(), len(r.Multipart) > 0, !r.Body.Empty()} {
		if is {
			bodies++
		}
	}
	switch {
	case bodies > 1:
		c.fail("", "form, json, multipart and body exclude each other")
	case r.Method == "" && bodies > 0:
		r.Method = "POST"
	case r.Method == "":
		r.Method = "GET"
	case !slices.Contains(methods, r.Method):
		c.fail("", fmt.Sprintf("method %q: must be one of %s", r.Method, strings.Join(methods, ", ")), "method")
	}
	r.query, r.form, r.parts = c.texts(r.Query, "query"), c.texts(r.Form, "form"), c.texts(r.Multipart, "multipart")
	r.headers = c.lines(r.Headers, "headers")
	c.text(r.Body, "body")
	c.text(r.JSON, "json")
	if !r.JSON.Empty() && !json.Valid(r.JSON.sample()) {
		c.fail(`write json: '{"user": "{{account.login}}"}'`, "this is no JSON, whatever is put in", "json")
	}
	for i, status := range r.Status {
		if status < 200 || status > 599 {
			c.fail("", fmt.Sprintf("status %d: must lie between 200 and 599", status), "status", strconv.Itoa(i))
		}
	}
	for i := range r.Checks {
		c.within(func() { c.check(&r.Checks[i]) }, "checks", strconv.Itoa(i))
	}
	for _, name := range slices.Sorted(maps.Keys(r.Save)) {
		capture := r.Save[name]
		c.within(func() { c.capture(&capture) }, "save", name)
		r.saves = append(r.saves, Saved{c.s.Variable(name), capture})
	}
	if r.Cache {
		if r.Method != "GET" || len(r.Checks)+len(r.Save) > 0 || !r.Path.Fixed() || r.query != nil {
			c.fail("leave cache out", "a static file is fetched with GET from a fixed path, and nothing is looked for in it", "cache")
		}
		r.Place = c.place()
	}
}

// sample is a text with every value in it replaced by a digit, which is something in a text and outside of one.
func (x Text) sample() []byte {
	return x.Fill(nil, zeros{}, nil)
}

type zeros struct{}

func (zeros) Value(int) string { return "0" }

func (c *checker) check(k *Check) {
	given := 0
	for _, is := range []bool{!k.Contains.Empty(), !k.Lacks.Empty(), k.JSON != ""} {
		if is {
			given++
		}
	}
	if given != 1 {
		c.fail("write {contains: text}, {lacks: text} or {json: path}", "a check has exactly one of contains, lacks and json")
		return
	}
	c.text(k.Contains, "contains")
	c.text(k.Lacks, "lacks")
	c.text(k.Equals, "equals")
	c.text(k.Most, "most")
	if k.JSON != "" {
		k.path = c.path(k.JSON, "json")
	} else if !k.Equals.Empty() || !k.Most.Empty() {
		c.fail("", "equals and most need json")
	}
	if _, err := strconv.Atoi(k.Most.source); !k.Most.Empty() && k.Most.Fixed() && err != nil {
		c.fail("", "most is a number", "most")
	}
	c.class(k.Class, "class")
}

func (c *checker) capture(k *Capture) {
	given := 0
	for _, text := range []string{k.JSON, k.Regexp, k.Header, k.Cookie} {
		if text != "" {
			given++
		}
	}
	if given != 1 {
		c.fail("write {json: session.token}, {regexp: 'token=(\\w+)'}, {header: ETag} or {cookie: sid}", "a variable is taken by exactly one of json, regexp, header and cookie")
		return
	}
	problem := ""
	switch {
	case k.JSON != "":
		k.path = c.path(k.JSON, "json")
	case k.Regexp != "":
		if k.match, problem = group(k.Regexp); problem != "" {
			c.fail("patterns are RE2; what is to be saved stands in parentheses", problem, "regexp")
		}
	case !headerForm.MatchString(k.Header + k.Cookie):
		c.fail("", fmt.Sprintf("%q cannot be its name", k.Header+k.Cookie))
	}
	if k.Add && !k.Each {
		c.fail("write each: true beside it", "add belongs to each", "add")
	}
	if k.Default != nil && len(*k.Default) > MostValue {
		c.fail("", "the default is longer than 8 KiB", "default")
	}
}
