package recording

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// braces writes a literal text so that it is none of a template.
func braces(text string) string { return strings.ReplaceAll(text, "{{", "{{{{") }

var templateForm = regexp.MustCompile(`\{\{[A-Za-z_][A-Za-z0-9_.-]*\}\}|\x00[0-9]+\x00`)

// literals changes what is no template.
func literals(text string, change func(string) string) string {
	var b strings.Builder
	from := 0
	for _, at := range templateForm.FindAllStringIndex(text, -1) {
		b.WriteString(change(strings.ReplaceAll(text[from:at[0]], "{{{{", "{{")))
		b.WriteString(text[at[0]:at[1]])
		from = at[1]
	}
	b.WriteString(change(strings.ReplaceAll(text[from:], "{{{{", "{{")))
	return b.String()
}

func escapePath(text string) string { return literals(text, url.PathEscape) }

func escapeQuery(text string) string { return literals(text, url.QueryEscape) }

// quoteJSON puts a text with templates into quotes.
func quoteJSON(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < ' ' && r != 0: // 0 marks what is put in later
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
