package reports

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Matcher is one more condition on the series of a page, as a Prometheus server knows them: label="value".
type Matcher struct {
	Page         string // empty: of every page
	Label, Value string
}

var labelName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// ParseMatcher reads [PAGE:]LABEL=VALUE.
func ParseMatcher(text string) (Matcher, error) {
	left, value, ok := strings.Cut(text, "=")
	var m Matcher
	if at := strings.LastIndexByte(left, ':'); at >= 0 {
		m.Page, left = left[:at], left[at+1:]
	}
	m.Label, m.Value = left, value
	switch {
	case !ok || value == "":
		return m, fmt.Errorf("matcher %q: write LABEL=VALUE or PAGE:LABEL=VALUE, such as instance=lb1:8404", text)
	case !labelName.MatchString(m.Label):
		return m, fmt.Errorf("matcher %q: %q is no name of a label", text, m.Label)
	case !utf8.ValidString(value):
		return m, fmt.Errorf("matcher %q: the value is not UTF-8", text)
	}
	return m, nil
}

// selectorStart is a metric's name with what may follow it; selectorMatcher is one of its matchers.
var (
	selectorStart   = regexp.MustCompile(`^\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*`)
	selectorMatcher = regexp.MustCompile(`^\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*"((?:\\.|[^"\\])*)"\s*`)
)

// promSelector turns a selector of a scenario into one of PromQL, with further matchers. Both look alike, but a scenario's
// values are quoted as on a page (only \\, \" and \n are escapes), PromQL's as Go's strings.
func promSelector(text string, more []Matcher) (string, error) {
	m := selectorStart.FindStringSubmatch(text)
	if m == nil {
		return "", fmt.Errorf("selector %q does not begin with the name of a metric", text)
	}
	name, rest := m[1], text[len(m[0]):]
	var matchers []string
	if strings.HasPrefix(rest, "{") {
		rest = strings.TrimLeft(rest[1:], " \t")
		for !strings.HasPrefix(rest, "}") {
			m := selectorMatcher.FindStringSubmatch(rest)
			if m == nil {
				return "", fmt.Errorf("selector %q cannot be read from %q on", text, rest)
			}
			matchers = append(matchers, m[1]+m[2]+promString(unescaped(m[3])))
			rest = rest[len(m[0]):]
			if tail, more := strings.CutPrefix(rest, ","); more {
				rest = strings.TrimLeft(tail, " \t")
			} else if !strings.HasPrefix(rest, "}") {
				return "", fmt.Errorf("selector %q cannot be read from %q on", text, rest)
			}
		}
		rest = rest[1:]
	}
	if strings.TrimSpace(rest) != "" {
		return "", fmt.Errorf("selector %q cannot be read from %q on", text, rest)
	}
	if !utf8.ValidString(text) {
		return "", errors.New("a selector is not UTF-8")
	}
	for _, m := range more {
		matchers = append(matchers, m.Label+"="+promString(m.Value))
	}
	if len(matchers) == 0 {
		return name, nil
	}
	return name + "{" + strings.Join(matchers, ",") + "}", nil
}

// unescaped takes the escapes of the page format out of a value; a backslash before anything else stands for itself.
func unescaped(value string) string {
	return strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\n`, "\n").Replace(value)
}

// promString quotes a value for PromQL.
func promString(value string) string { return quoted(value) }

// yamlString quotes a text for YAML, so that nothing in it can be taken for anything else.
func yamlString(text string) string { return quoted(text) }

// quoted writes a string between double quotes with escapes that both Go's strings and YAML's double-quoted scalars have.
func quoted(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text { // invalid bytes become U+FFFD
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case unicode.IsPrint(r) && r != '\uFEFF':
			b.WriteRune(r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// plainTemplate keeps Prometheus from taking a text for a template: labels and annotations are expanded when an alert fires.
func plainTemplate(text string) string {
	return strings.ReplaceAll(text, "{{", `{{"{{"}}`)
}
