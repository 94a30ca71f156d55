package scenarios

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// file is the text of a scenario with what is needed to point into it.
type file struct {
	path     string
	dir      string // relative paths inside the scenario start here
	document string // that explains it; empty: the scenarios' own
	lines    []string
	parts    []part // included files: their lines follow those of the file itself
	masks    []span // secrets; never shown
	sets     []string
	root     *node
	index    map[Pos]*node // mappings and lists by their place
}

// part is an included file: from the line after so many its text begins.
type part struct {
	path  string
	after int
}

// source is the file that a line comes from, and the number of the line in it.
func (f *file) source(line int) (path string, number int) {
	for _, p := range slices.Backward(f.parts) {
		if line > p.after {
			return p.path, line - p.after
		}
	}
	return f.path, line
}

// span reaches from a place up to but not including another.
type span struct{ from, to Pos }

func (p Pos) before(q Pos) bool {
	return p.Line < q.Line || p.Line == q.Line && p.Column < q.Column
}

// problem describes what is wrong at pos. A negative line is a value of Options.Set: line -1 is the first of them.
func (f *file) problem(pos Pos, hint, text string) *Problem {
	if pos.Line < 0 && -pos.Line <= len(f.sets) {
		return &Problem{File: "--set " + f.sets[-pos.Line-1], Text: text, Hint: hint, See: document + "#overrides"}
	}
	pos.Line, pos.Column = max(pos.Line, 1), max(pos.Column, 1)
	path, line := f.source(pos.Line)
	return &Problem{File: path, Line: line, Column: pos.Column, Text: text, Hint: hint, Excerpt: f.excerpt(pos), See: f.anchor(pos)}
}

const (
	widest = 110 // runes of a source line that an excerpt shows
	margin = 70  // runes before the caret in a long line
)

// excerpt is the source line at pos and a caret under the column.
func (f *file) excerpt(pos Pos) string {
	if pos.Line > len(f.lines) {
		return ""
	}
	line, show := f.maskedLine(pos.Line)
	if !show {
		return ""
	}
	return caret(line, pos.Column)
}

// caret puts a caret below a column of a line, and cuts long lines around it.
func caret(line []rune, column int) string {
	at := min(column-1, len(line))
	if start := at - margin; start > 0 && len(line) > widest {
		line, at = append([]rune("… "), line[start:]...), margin+2
	}
	if len(line) > widest {
		line = append(line[:widest:widest], []rune(" …")...)
	}
	below := make([]rune, at)
	shown := make([]rune, len(line))
	for i, r := range line {
		if r != '\t' && !unicode.IsPrint(r) {
			r = '?' // a scenario from elsewhere must not steer the terminal
		}
		shown[i] = r
		if i < at {
			below[i] = ' '
			if r == '\t' {
				below[i] = '\t'
			}
		}
	}
	return strings.TrimRight(string(shown), " ") + "\n" + string(below) + "^"
}

var (
	secretKey  = regexp.MustCompile(`(?i)(password|passwd|passphrase|secret|token)["']?\s*:`)
	userInURL  = regexp.MustCompile(`://[^/@\s]+@`)
	secretName = regexp.MustCompile(`(?i)^(.*[_-])?(password|passwd|passphrase|secret|token)$`)
)

// maskedLine is a line with its secrets blanked out, column for column. It is not to be shown at all where the file could
// not be parsed and the line may belong to a secret.
func (f *file) maskedLine(number int) (line []rune, show bool) {
	line = []rune(f.lines[number-1])
	for _, m := range f.masks {
		for i := range line {
			p := Pos{number, i + 1}
			if !p.before(m.from) && p.before(m.to) {
				if p == m.from || i == 0 {
					line[i] = '…'
				} else {
					line[i] = ' '
				}
			}
		}
	}
	if f.root == nil {
		if f.insideSecret(number) {
			return nil, false
		}
		if at := secretKey.FindStringIndex(string(line)); at != nil {
			line = []rune(string(line)[:at[1]] + " …")
		}
	}
	if s := string(line); userInURL.MatchString(s) {
		line = []rune(userInURL.ReplaceAllStringFunc(s, func(found string) string {
			return "://…" + strings.Repeat(" ", len([]rune(found))-5) + "@"
		}))
	}
	return line, true
}

// insideSecret says whether a line stands, by its indentation, below a key that holds a secret.
func (f *file) insideSecret(number int) bool {
	indent := indentation(f.lines[number-1])
	for n := number - 1; n >= 1; n-- {
		above := f.lines[n-1]
		if strings.TrimSpace(above) == "" {
			continue
		}
		if secretKey.MatchString(above) {
			return indent > indentation(above) || strings.TrimSpace(f.lines[number-1]) == ""
		}
		if indentation(above) < indent {
			indent = indentation(above)
		}
		if indent == 0 {
			return false
		}
	}
	return false
}

func indentation(line string) int { return len(line) - len(strings.TrimLeft(line, " \t")) }

// locate finds the value reached from the mapping or list at pos by keys, and its key. Where a key is missing, it is the
// last found.
func (f *file) locate(pos Pos, keys ...string) (key, value Pos) {
	n := f.index[pos]
	if pos == (Pos{}) {
		n = f.root
	}
	if n == nil {
		return pos, pos
	}
	key = n.pos
	for _, k := range keys {
		if n.kind == listNode {
			i, err := strconv.Atoi(k)
			if err != nil || i < 0 || i >= len(n.items) {
				break
			}
			n = n.items[i]
			key = n.pos
			continue
		}
		i := slices.IndexFunc(n.entries, func(e entry) bool { return e.key == k })
		if i < 0 {
			break
		}
		key, n = n.entries[i].pos, n.entries[i].value
	}
	return key, n.pos
}
