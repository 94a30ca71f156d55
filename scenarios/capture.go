package scenarios

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Bounds of captures.
const (
	mostCaptures = 32 // of one step
	longestPath  = 512
	deepestPath  = 32
)

var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$")

// ways are the ways to take something from an answer, by their keys.
func (c Capture) ways() map[string]string {
	return map[string]string{"json": c.JSON, "regexp": c.Regexp, "header": c.Header, "cookie": c.Cookie, "xml": c.XML}
}

// captures checks what the step at pos saves.
func (c *checker) captures(save map[string]Capture, pos Pos) {
	if len(save) == 0 {
		c.fail("write save: {token: {json: session.token}}", "save has no variables", pos, "save")
	}
	if len(save) > mostCaptures {
		c.fail("", fmt.Sprintf("more than %d variables", mostCaptures), pos, "save")
	}
	for name, capture := range save {
		switch {
		case slices.Contains(reserved, name):
			c.failKey("choose another name", fmt.Sprintf("%q is a word of the language and no name of a variable", name), pos, "save", name)
		case !feederName.MatchString(name):
			c.failKey("use letters, digits and underscore", fmt.Sprintf("variable name %q", name), pos, "save", name)
		}
		c.capture(capture, pos, name)
	}
}

func (c *checker) capture(capture Capture, pos Pos, name string) {
	var given []string
	for _, key := range []string{"json", "regexp", "header", "cookie", "xml"} {
		if c.has(capture.Pos, key) {
			given = append(given, key)
		}
	}
	if len(given) != 1 {
		c.fail("write {json: session.token}, {regexp: 'token=(\\w+)'}, {header: ETag}, {cookie: sid} or {xml: multistatus/response/href}",
			"a variable is taken by exactly one of json, regexp, header, cookie and xml", pos, "save", name)
		return
	}
	way := given[0]
	text := capture.ways()[way]
	problem, hint := "", ""
	switch way {
	case "json":
		problem, hint = checkPath(text, "."), "write session.id, folders.0.name or items.*.id"
	case "xml":
		problem, hint = checkPath(strings.TrimPrefix(text, "/"), "/"), "write multistatus/response/href"
		if problem == "" && strings.Contains(text, ":") {
			problem = "a path of XML holds local names, without prefixes"
		}
	case "regexp":
		if re, err := regexp.Compile(text); err != nil {
			problem, hint = err.Error(), "patterns are RE2"
		} else if re.NumSubexp() == 0 {
			problem, hint = "the pattern has no group", "put what is to be saved in parentheses: 'token=(\\w+)'"
		}
	case "header", "cookie":
		if !headerName.MatchString(text) {
			problem = fmt.Sprintf("%q is no name of a %s", text, way)
		}
	}
	if problem != "" {
		c.fail(hint, problem, capture.Pos, way)
	}
	if capture.Default != nil && len(*capture.Default) > MostSaved {
		c.fail("", "the default is longer than 4 KiB", capture.Pos, "default")
	}
}

// MostSaved is the longest value of a variable in bytes.
const MostSaved = 4 << 10

// checkPath says what is wrong with a path.
func checkPath(path, separator string) string {
	parts := strings.Split(path, separator)
	switch {
	case len(path) > longestPath || len(parts) > deepestPath:
		return fmt.Sprintf("the path is too long: at most %d bytes and %d parts", longestPath, deepestPath)
	case slices.Contains(parts, ""):
		return "the path has an empty part"
	}
	for _, part := range parts {
		if n, err := strconv.Atoi(part); err == nil && n < 0 {
			return "elements of a list are counted from 0"
		}
		if strings.Contains(part, "*") && part != "*" {
			return "* stands for a whole part of the path"
		}
	}
	return ""
}

// Path is the JSON or XML path in its parts.
func (c Capture) Path() []string {
	if c.XML != "" {
		return strings.Split(strings.TrimPrefix(c.XML, "/"), "/")
	}
	return strings.Split(c.JSON, ".")
}

// HeaderName is the canonical name of Header.
func (c Capture) HeaderName() string { return http.CanonicalHeaderKey(c.Header) }
