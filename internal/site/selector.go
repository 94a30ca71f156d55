package site

import (
	"fmt"
	"regexp"
	"strings"
)

// selector checks what can be known of a selector of CSS without a browser: that quotes and brackets are closed, and that every
// part names something. A browser closes at the end of a selector what is open, and then waits for what nobody meant.
func (c *checker) selector(x Text, way ...string) {
	if x.Empty() {
		return
	}
	c.selectorText(placeholders.ReplaceAllString(x.source, "x"), way...)
}

func (c *checker) selectorText(text string, way ...string) {
	for part := range strings.SplitSeq(text, InFrame) {
		if strings.TrimSpace(part) == "" { // beside InFrame; what is empty altogether is missing
			continue
		}
		if fault := selectorFault(part); fault != "" {
			c.fail("write a selector of CSS, such as #send, button.primary, [name=\"user\"] or \"#a, #b\"",
				fmt.Sprintf("%q is no selector: %s", strings.TrimSpace(part), fault), way...)
			return
		}
	}
}

var placeholders = regexp.MustCompile(`\{\{[^{}]*\}\}`)

// nameless is a # or a . without a name after it. Names begin with a letter, _, -, an escape or anything beyond ASCII.
var nameless = regexp.MustCompile(`[#.](?:$|[^A-Za-z_\\\-\x{80}-\x{10FFFF}])`)

func selectorFault(text string) string {
	var plain strings.Builder // without what stands in quotes and brackets
	var open []rune
	quote, escaped := rune(0), false
	for _, r := range text {
		outside := len(open) == 0 && quote == 0
		switch {
		case escaped:
			escaped = false
		case r == '\\':
			escaped = true
		case quote != 0:
			if r == quote {
				quote = 0
			}
			continue
		case r == '"' || r == '\'':
			quote = r
			continue
		case r == '(' || r == '[':
			open = append(open, r)
		case r == ')' || r == ']':
			if len(open) == 0 || (open[len(open)-1] == '(') != (r == ')') {
				return fmt.Sprintf("%q closes nothing", r)
			}
			if open = open[:len(open)-1]; len(open) == 0 {
				plain.WriteRune('x')
			}
			continue
		}
		if outside && len(open) == 0 {
			plain.WriteRune(r)
		}
	}
	switch {
	case quote != 0:
		return fmt.Sprintf("the quote %q is not closed", quote)
	case len(open) > 0:
		return fmt.Sprintf("%q is not closed", open[len(open)-1])
	case escaped:
		return "nothing follows the backslash at its end"
	}
	for one := range strings.SplitSeq(plain.String(), ",") {
		one = strings.TrimSpace(one)
		switch {
		case one == "":
			return "nothing stands beside a comma"
		case strings.HasSuffix(one, ">") || strings.HasSuffix(one, "+") || strings.HasSuffix(one, "~"):
			return fmt.Sprintf("nothing follows %q", one[len(one)-1:])
		case nameless.MatchString(one):
			return fmt.Sprintf("no name follows %q", nameless.FindString(one)[:1])
		}
	}
	return ""
}
