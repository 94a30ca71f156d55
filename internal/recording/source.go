package recording

import (
	"bytes"
	"encoding/json"
	"html"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"pegel/probes/probe/jsonpath"
)

// capture is a way to take a value out of an answer; what a site's save says.
type capture struct {
	kind string // json, regexp, header, cookie
	what string
	each bool
}

// take takes the values of a capture out of an answer.
func (c capture) take(x *Exchange, cookies map[string]string) (values []string) {
	most := 1
	if c.each {
		most = 500
	}
	switch c.kind {
	case "json":
		return jsonpath.Values(x.Text, strings.Split(c.what, "."), most)
	case "regexp":
		re, err := regexp.Compile(c.what)
		if err != nil {
			return nil
		}
		for _, m := range re.FindAllSubmatch(x.Text, most) {
			values = append(values, string(m[1]))
		}
	case "header":
		if v := x.Got(c.what); v != "" {
			values = []string{v}
		}
	case "cookie":
		if v, ok := cookies[c.what]; ok {
			values = []string{v}
		}
	}
	return values
}

// found says whether the capture leads to the value, or with each to some that has it among them.
func (c capture) found(x *Exchange, cookies map[string]string, value string) bool {
	values := c.take(x, cookies)
	if c.each {
		return slices.Contains(values, value)
	}
	return len(values) > 0 && values[0] == value
}

// idName is how the names of keys end whose values stand for something: id, messageId, request_token.
var idName = regexp.MustCompile(`(?i)(?:^|[a-z_.-])(?:u?id|uuid|uids|ids|token|csrf|xsrf|nonce|sid|key)$`)

// captures are the ways to take a value out of the answer of a row, the best first, as far as they lead to the value in every
// recording. Patterns in its text are tried with inText only.
func (c *correlator) captures(at int, values []string, inText bool) (list []capture) {
	r := &c.rows[at]
	x := r.x[0]
	var tries []capture
	for _, leaf := range c.leaves(x)[values[0]] {
		// In lists of lists the inner place may say what a value is: first only the outer list counts as one.
		parts := strings.Split(leaf, ".")
		each := false
		for i, part := range parts {
			if _, err := strconv.Atoi(part); err == nil {
				parts[i], each = "*", true
				tries = append(tries, capture{"json", strings.Join(parts, "."), true})
			}
		}
		if !each {
			tries = append(tries, capture{"json", leaf, false})
		}
	}
	for _, f := range x.cookies() {
		if f.Value == values[0] {
			tries = append(tries, capture{"cookie", f.Name, false})
		}
	}
	for _, f := range x.Answer {
		if f.Value == values[0] && !strings.EqualFold(f.Name, "Set-Cookie") && !strings.EqualFold(f.Name, "Location") {
			tries = append(tries, capture{"header", f.Name, false})
		}
	}
	if !inText {
		x = new(Exchange)
	}
	for _, p := range patterns(string(x.Text), values[0]) {
		// Where the context itself is not in the other answers there is no need to search for the pattern.
		all := true
		for n := 1; all && n < len(r.x); n++ {
			all = bytes.Contains(r.x[n].Text, []byte(p.before+values[n]+p.after))
		}
		if all {
			tries = append(tries, p.capture)
		}
	}
	for _, try := range tries {
		all := !slices.Contains(list, try) && !c.secret(try.what)
		for n := 0; all && n < len(r.x); n++ {
			all = try.found(r.x[n], c.jar(at, n), values[n])
		}
		if all {
			list = append(list, try)
		}
	}
	return list
}

// leaves are the plain values of an answer of JSON with their paths, at most so many.
func (c *correlator) leaves(x *Exchange) map[string][]string {
	const most = 20000
	if known, ok := c.known[x]; ok {
		return known
	}
	found := map[string][]string{}
	count := 0
	var walk func(v any, way []string)
	walk = func(v any, way []string) {
		if count > most || len(way) > 30 {
			return
		}
		switch v := v.(type) {
		case map[string]any:
			keys := make([]string, 0, len(v))
			for key := range v {
				keys = append(keys, key)
			}
			slices.Sort(keys)
			for _, key := range keys {
				if key != "" && !strings.Contains(key, ".") && key != "*" { // else no path leads there
					walk(v[key], append(way, key))
				}
			}
		case []any:
			for i, e := range v {
				walk(e, append(way, strconv.Itoa(i)))
			}
		case nil:
		default:
			if len(way) == 0 {
				return
			}
			count++
			text, ok := v.(string)
			if !ok {
				raw, _ := json.Marshal(v) // a number or a truth value
				text = string(raw)
			}
			if text != "" && len(text) <= 8<<10 {
				found[text] = append(found[text], strings.Join(way, "."))
			}
		}
	}
	d := json.NewDecoder(strings.NewReader(string(x.Text)))
	d.UseNumber()
	var v any
	if len(x.Text) > 0 && (x.Text[0] == '{' || x.Text[0] == '[') && d.Decode(&v) == nil {
		walk(v, nil)
	}
	c.known[x] = found
	return found
}

const (
	mostPlaces  = 300 // of a value in a text that are looked at
	longContext = 64  // bytes before a value that make a pattern
)

// pattern is a capture by a pattern, with what stands around the value.
type pattern struct {
	capture
	before, after string
}

// patterns are those that find a value in a text by what stands before or after it.
func patterns(text, value string) (list []pattern) {
	if len(value) < 1 || len(value) > 4096 || html.UnescapeString(value) != value {
		return nil
	}
	group := `([^"'<>&\s\\,;(){}\[\]]+)`
	if digits(value) {
		group = `([0-9]+)`
	}
	if m := regexp.MustCompile(`^` + group + `$`); !m.MatchString(value) {
		return nil
	}
	from := 0
	for places := 0; places < mostPlaces; {
		at := strings.Index(text[from:], value)
		if at < 0 {
			break
		}
		at += from
		from = at + len(value)
		if at > 0 && wordByte(text[at-1]) || from < len(text) && wordByte(text[from]) {
			continue // a part of something else
		}
		places++
		before := text[max(0, at-longContext):at]
		after := text[from:min(len(text), from+longContext)]
		add := func(before, after string, each bool) {
			list = append(list, pattern{capture{"regexp", regexp.QuoteMeta(before) + group + regexp.QuoteMeta(after), each}, before, after})
		}
		// The shortest context that has words in it says what the value is; longer ones tell it from others.
		mark := ""
		if digits(value) && after != "" {
			mark = after[:1]
		}
		for _, long := range cuts(before) {
			add(long, mark, false)
		}
		if end := strings.IndexAny(after, "=>\n"); end > 3 { // <option value="7" selected
			for _, long := range cuts(before) {
				add(long, after[:end], false)
			}
		}
		if end := strings.IndexAny(after, ">\n"); end > 8 {
			add("", after[:end], false)
		}
		for _, long := range cuts(before) {
			add(long, "", true)
		}
	}
	return list
}

// anyValue are words that say nothing of what stands behind them.
var anyValue = []string{"value", "option", "content", "href", "name", "type", "input", "hidden", "class", "data", "span", "true", "null"}

// cuts are ends of a text that begin at a word and have four letters or more: those first that say what stands behind them, and
// of them the shorter ones.
func cuts(text string) (list []string) {
	letters := 0
	var empty []string
	for i := len(text) - 1; i >= 0; i-- {
		if wordByte(text[i]) {
			letters++
			if letters >= 4 && (i == 0 || !wordByte(text[i-1])) {
				words := strings.FieldsFunc(text[i:], func(r rune) bool { return r > 127 || !wordByte(byte(r)) })
				if slices.ContainsFunc(words, func(w string) bool { return len(w) > 2 && !digits(w) && !slices.Contains(anyValue, w) }) {
					list = append(list, text[i:])
				} else {
					empty = append(empty, text[i:])
				}
			}
		}
	}
	return append(list, empty...)
}

func wordByte(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b == '_'
}

func digits(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return text != ""
}
