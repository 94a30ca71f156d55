// Package site describes a web application as data: what its pages do, for a client that sends the requests and for a
// browser that is led by selectors. It knows neither HTTP nor browsers; probes walk what is written here.
//
// A Site comes from a site file (see docs/sites.md), which package scenarios reads strictly. After Check it is complete
// and is not changed any more, so that all users share it.
package site

import (
	"regexp"
	"slices"
	"time"
)

// Verbs are what can be done on a site. Those that a site leaves out it does not offer.
var Verbs = []string{"login", "list", "read", "compose", "send", "search", "poll", "logout"}

// Site is one web application.
type Site struct {
	Name        string            `yaml:"name"`
	Description string            `yaml:"description"`
	Agent       string            `yaml:"agent"`   // User-Agent; default: a current Chromium
	Headers     map[string]Text   `yaml:"headers"` // of every request that is no asset
	Backend     Backend           `yaml:"backend"`
	Errors      []Rule            `yaml:"errors"` // what is an error although the status says otherwise
	Actions     map[string]Action `yaml:"actions"`
	Push        *Push             `yaml:"push"`
	Browser     Browser           `yaml:"browser"`

	headers []Field

	names []string // of the values in templates, by their numbers
	vars  []string // variables that captures and picks set, by their numbers
	kinds []kind   // of names
	at    []int    // number of the variable, where a name is one
	Asset int      // how many places for assets the site has; Request.Asset numbers them
}

// Backend says where an answer tells which backend made it. The first of header and cookie that is there counts.
type Backend struct {
	Header string `yaml:"header"`
	Cookie string `yaml:"cookie"` // a route cookie, or one such as JSESSIONID
	After  string `yaml:"after"`  // only what stands after its last occurrence: the suffix of a JSESSIONID; without it there is no name
}

// Rule recognises an answer that reports an error of the application. Exactly one of JSON and Regexp is set.
type Rule struct {
	JSON    string  `yaml:"json"`   // path of a text that is there in case of an error: error
	Regexp  string  `yaml:"regexp"` // RE2 on the answer; its first group, if any, is the error's text
	Code    string  `yaml:"code"`   // path of the error's code, where there is one
	Ignore  *Value  `yaml:"ignore"` // no error where this is so: a warning
	Class   string  `yaml:"class"`  // default content
	Classes []Class `yaml:"classes"`

	path, code []string
	match      *regexp.Regexp
}

// Value is a value in an answer of JSON.
type Value struct {
	JSON   string `yaml:"json"`
	Equals string `yaml:"equals"`
}

// Class gives errors whose code has this form a class. Code is a pattern with *.
type Class struct {
	Code  string `yaml:"code"`
	Class string `yaml:"class"`
}

// Action is one thing that a user does, in both ways.
type Action struct {
	Anonymous bool      `yaml:"anonymous"` // does not need a login
	Web       []Step    `yaml:"web"`
	Browser   []Gesture `yaml:"browser"`
}

// Step is one part of an action at HTTP level: a request, requests at the same time, assets, a pause, or a choice among what
// was captured.
type Step struct {
	Request  `yaml:",inline"`
	Parallel []Request       `yaml:"parallel"` // at most six at a time, as a browser does it
	Assets   []string        `yaml:"assets"`   // paths of static files, parallel and cached
	Pick     map[string]Pick `yaml:"pick"`
	Think    time.Duration   `yaml:"think"` // counts in the response time: it is the page's script that is busy

	assets []Request
}

// Request is one request and what its answer must be. Exactly one of Form, JSON, Multipart and Body may be set.
type Request struct {
	Method    string             `yaml:"method"` // default GET, or POST where there is something to send
	Path      Text               `yaml:"path"`   // below the target's address
	Query     map[string]Text    `yaml:"query"`
	Headers   map[string]Text    `yaml:"headers"`
	Form      map[string]Text    `yaml:"form"`
	JSON      Text               `yaml:"json"` // as it is written, with values escaped as parts of texts
	Multipart map[string]Text    `yaml:"multipart"`
	Body      Text               `yaml:"body"`
	Status    []int              `yaml:"status"` // default: any of 200 to 299
	Stay      bool               `yaml:"stay"`   // does not follow redirects
	Checks    []Check            `yaml:"checks"`
	Save      map[string]Capture `yaml:"save"`
	Cache     bool               `yaml:"cache"` // a static file, which browsers keep
	Shape     Shape              `yaml:"shape"` // of the answer when it was recorded; nothing but pegel record --check looks at it

	// Place is the number of an asset among those of the site.
	Place int `yaml:"-"`

	saves   []Saved
	headers []Field
	query   []Field
	form    []Field
	parts   []Field
}

// Shape is what an answer looks like, whatever it holds.
type Shape struct {
	Type   string   `yaml:"type"`   // Content-Type without parameters
	JSON   []string `yaml:"json"`   // paths that lead to values, with * for the elements of lists
	Title  string   `yaml:"title"`  // of HTML
	Fields []string `yaml:"fields"` // names of the fields of its forms
}

// Field is one name with its value.
type Field struct {
	Name  string
	Value Text
}

// Saved is what goes into a variable.
type Saved struct {
	Variable int
	Capture
}

// Check is what must hold for an answer. Exactly one of Contains, Lacks and JSON is set.
type Check struct {
	Contains Text   `yaml:"contains"`
	Lacks    Text   `yaml:"lacks"`
	JSON     string `yaml:"json"`   // path that must lead to a value
	Equals   Text   `yaml:"equals"` // the value that it must have
	Most     Text   `yaml:"most"`   // at most so many values, a number
	Class    string `yaml:"class"`  // of the failure; default content

	path []string
}

// Capture takes a value from an answer. Exactly one of JSON, Regexp, Header and Cookie is set.
type Capture struct {
	JSON    string  `yaml:"json"`
	Regexp  string  `yaml:"regexp"` // RE2; its first group
	Header  string  `yaml:"header"`
	Cookie  string  `yaml:"cookie"`
	Each    bool    `yaml:"each"`    // all values, for a pick; at most MostValues
	Add     bool    `yaml:"add"`     // with Each: before those that the variable has already, which stay where the answer has none
	Default *string `yaml:"default"` // where the answer does not have it; without one that is a failure

	path  []string
	match *regexp.Regexp
}

// Pick chooses one of the values that a capture with each has saved, at random or the first.
type Pick struct {
	Of    string `yaml:"of"`
	After string `yaml:"after"` // the action to do first where nothing has been saved yet
	Once  bool   `yaml:"once"`  // uses up what was saved: the next pick does After again

	variable, of int
}

// Browser says how a page in a browser looks that does not show what an action waits for. Selectors are as in gestures.
type Browser struct {
	Form   string  `yaml:"form"`   // is shown where the user has to sign in again
	Errors []Alert `yaml:"errors"` // are shown, with a text, where something went wrong
}

// Alert is an element that shows an error.
type Alert struct {
	Shown string `yaml:"shown"`
	Class string `yaml:"class"` // default auth for the login, else content
}

// Gesture is one thing that a user does in a browser. Exactly one of Open, Click, Type, Press, Wait, Gone and Read is set; all
// but Open and Press are CSS selectors, or several joined by InFrame, of which each but the last leads to a frame.
type Gesture struct {
	Open    Text          `yaml:"open"` // path below the target's address
	Click   Text          `yaml:"click"`
	Any     bool          `yaml:"any"`   // of Click: one drawn from all that are shown instead of the first
	Type    Text          `yaml:"type"`  // the field
	Text    Text          `yaml:"text"`  // what is typed into it
	Press   string        `yaml:"press"` // one of Keys, or a small letter
	Wait    Text          `yaml:"wait"`  // until it is shown
	Anew    bool          `yaml:"anew"`  // of Wait: not what was shown before the action's first input
	Gone    Text          `yaml:"gone"`  // until it is not shown any more
	Read    Text          `yaml:"read"`  // its text, into the variable Save
	Save    string        `yaml:"save"`
	Timeout time.Duration `yaml:"timeout"` // default: 10 s for an input, else the action's
}

// InFrame stands between the selector of a frame and one within it.
const InFrame = ">>>"

// Keys are the keys that can be pressed beside small letters.
var Keys = []string{"Enter", "Tab", "Escape"}

// Key says whether there is such a key.
func Key(name string) bool {
	return slices.Contains(Keys, name) || len(name) == 1 && name[0] >= 'a' && name[0] <= 'z'
}

// Push is a websocket that is held open.
type Push struct {
	Path     Text            `yaml:"path"`
	Query    map[string]Text `yaml:"query"`
	Protocol string          `yaml:"protocol"` // plain (default) or engine.io: the framing of socket.io, with its pings
	Back     Back            `yaml:"back"`

	query []Field
}

// Back is when a client comes back that has lost its connection: after First, then twice as long each time up to Most. A
// client without Jitter comes back in lockstep with all others after a restart.
type Back struct {
	First  time.Duration `yaml:"first"`               // default 1 s
	Most   time.Duration `yaml:"most"`                // default 5 s
	Jitter float64       `yaml:"jitter" unit:"share"` // each pause is up to so much shorter or longer
}

// Bounds of a site.
const (
	MostSteps    = 100 // of an action
	MostRequests = 64  // at the same time, by one step
	MostAssets   = 200 // of one step
	MostValues   = 500 // of a capture with each
	MostValue    = 8 << 10
	MostPause    = time.Minute
	mostVars     = 64
)

// Variables is how many variables a user of the site has.
func (s *Site) Variables() int { return len(s.vars) }

// Variable is the number of a variable, or -1.
func (s *Site) Variable(name string) int {
	for i, v := range s.vars {
		if v == name {
			return i
		}
	}
	return -1
}
