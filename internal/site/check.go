package site

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
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
			c.fail("known here: "+strings.Join(Verbs, ", "), fmt.Sprintf("unknown action %q", verb), "actions", verb)
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
		c.class(alert.Class, "browser", "errors", at, "class")
	}
	return c.faults
}

func (c *checker) fail(hint, text string, way ...string) {
	c.faults = append(c.faults, Fault{slices.Concat(c.at, way), text, hint})
}

func (c *checker) within(do func(), way ...string) {
	before := c.at
	c.at = slices.Concat(c.at, way)
	do()
	c.at = before
}

// variables collects what captures, picks and gestures set.
func (c *checker) variables() {
	add := func(name string) {
		if !slices.Contains(c.s.vars, name) {
			c.s.vars = append(c.s.vars, name)
		}
	}
	for _, verb := range slices.Sorted(maps.Keys(c.s.Actions)) {
		action := c.s.Actions[verb]
		for i := range action.Web {
			step := &action.Web[i]
			for _, r := range append([]Request{step.Request}, step.Parallel...) {
				for _, name := range slices.Sorted(maps.Keys(r.Save)) {
					add(name)
				}
			}
			for _, name := range slices.Sorted(maps.Keys(step.Pick)) {
				add(name)
			}
		}
		for _, g := range action.Browser {
			if g.Save != "" {
				add(g.Save)
			}
		}
	}
	for _, name := range c.s.vars {
		if _, taken := builtins[name]; taken || !varForm.MatchString(name) {
			c.fail("use letters, digits and underscore", fmt.Sprintf("%q cannot be the name of a variable", name), "actions")
		}
	}
	if len(c.s.vars) > mostVars {
		c.fail("", fmt.Sprintf("more than %d variables", mostVars), "actions")
	}
}

// values finds out what the names in templates stand for.
func (c *checker) values() {
	c.s.kinds, c.s.at = make([]kind, len(c.s.names)), make([]int, len(c.s.names))
	for i, name := range c.s.names {
		if k, ok := builtins[name]; ok {
			c.s.kinds[i] = k
			continue
		}
		c.s.at[i] = c.s.Variable(name) // -1 is found where it is used
	}
}

// text checks that all names of a template are known. They are the same wherever the template stands.
func (c *checker) text(x Text, way ...string) {
	for _, v := range x.values {
		if c.s.kinds[v] == Variable && c.s.at[v] < 0 {
			known := slices.Concat(slices.Sorted(maps.Keys(builtins)), c.s.vars)
			c.fail("known are "+strings.Join(known, ", "), fmt.Sprintf("nothing sets {{%s}}", c.s.names[v]), way...)
		}
	}
}

func (c *checker) texts(m map[string]Text, way ...string) []Field {
	list := fields(m)
	for _, f := range list {
		c.text(f.Value, append(slices.Clone(way), f.Name)...)
	}
	return list
}

// lines are headers.
func (c *checker) lines(m map[string]Text, way ...string) []Field {
	list := c.texts(m, way...)
	for _, f := range list {
		switch {
		case !headerForm.MatchString(f.Name):
			c.fail("", fmt.Sprintf("%q is no name of a header", f.Name), append(slices.Clone(way), f.Name)...)
		case strings.ContainsAny(f.Value.source, "\r\n\x00"):
			c.fail("", "the value of a header must be one line", append(slices.Clone(way), f.Name)...)
		case slices.Contains([]string{"cookie", "content-length", "transfer-encoding", "connection", "accept-encoding", "host", "user-agent"}, strings.ToLower(f.Name)):
			c.fail("leave it out; the user agent is the key agent", "the client writes this header by itself", append(slices.Clone(way), f.Name)...)
		}
	}
	return list
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
		c.fail("write one of "+strings.Join(ErrorClasses, ", "), fmt.Sprintf("unknown class %q", name), way...)
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
