package scenarios

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Templated is a parameter that may hold templates. Its texts stand around the values, one text more than values; source is
// how it was written.
type Templated interface {
	SetTemplate(source string, texts []string, values []int)
}

// Resolve gives the number of a value by its name, or says what is wrong with the name, with a hint.
type Resolve func(name string) (value int, hint, problem string)

// Bind is Decode where parameters that implement Templated may hold templates.
func (p Params) Bind(into any, resolve Resolve) error {
	if p.decode == nil {
		return nil
	}
	return p.decode(into, resolve)
}

// longestTemplate bounds a parameter with templates, in bytes.
const longestTemplate = 64 << 10

var templateName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*$`)

// cutTemplate cuts a text at its templates: texts[0], {{names[0]}}, texts[1] and so on. Four opening braces are two of the
// text. The places of the names are offsets in bytes, in Pos.Column. Where that fails problem says why, at offset at.
func cutTemplate(text string) (texts []string, names []Reference, at int, problem string) {
	if len(text) > longestTemplate {
		return nil, nil, 0, "a text with templates can have 64 KiB"
	}
	var before strings.Builder
	for from := 0; ; {
		open := strings.Index(text[from:], "{{")
		if open < 0 {
			before.WriteString(text[from:])
			return append(texts, before.String()), names, 0, ""
		}
		open += from
		before.WriteString(text[from:open])
		if strings.HasPrefix(text[open:], "{{{{") {
			before.WriteString("{{")
			from = open + 4
			continue
		}
		end := strings.Index(text[open:], "}}")
		if end < 0 {
			return nil, nil, open, "{{ is not closed by }}"
		}
		inner := text[open+2 : open+end]
		name := strings.TrimSpace(inner)
		if !templateName.MatchString(name) {
			return nil, nil, open, "between {{ and }} stands a name, such as token or data.subjects"
		}
		texts = append(texts, before.String())
		before.Reset()
		names = append(names, Reference{Name: name, Pos: Pos{Column: open + 2 + strings.Index(inner, name)}})
		from = open + end + 2
	}
}

const bracesHint = "for two braces of the text write {{{{"

// template fills a parameter that may hold templates.
func (d *decoder) template(n *node, into Templated) {
	text := d.text(n)
	texts, names, at, problem := cutTemplate(text)
	if problem != "" {
		d.fail(d.inside(n, at), bracesHint, "%s", problem)
		return
	}
	var values []int
	for _, name := range names {
		if d.resolve == nil {
			d.fail(d.inside(n, name.Pos.Column), bracesHint, "templates are not possible here")
			return
		}
		value, hint, problem := d.resolve(name.Name)
		if problem != "" {
			d.fail(d.inside(n, name.Pos.Column), hint, "%s", problem)
		}
		values = append(values, value)
	}
	into.SetTemplate(text, texts, values)
}

// plain refuses templates in a text that cannot hold any.
func (d *decoder) plain(n *node) {
	if at := strings.Index(n.text, "{{"); at >= 0 && n.scalar() && !n.secret {
		d.fail(d.inside(n, at), "only parameters whose value is a text of the user's can hold them, see the reference", "templates are not possible here")
	}
}

// inside is the place of a byte of a node's text. Where the text does not stand in the file letter by letter, it is the
// place of the node.
func (d *decoder) inside(n *node, offset int) Pos {
	if n.pos.Line < 1 || n.pos.Line > len(d.file.lines) {
		return n.pos
	}
	line := []rune(d.file.lines[n.pos.Line-1])
	column := n.pos.Column
	if n.quoted {
		column++
	}
	before := []rune(n.text[:min(offset, len(n.text))])
	if column < 1 || column-1+len(before) > len(line) || string(line[column-1:column-1+len(before)]) != string(before) {
		return n.pos
	}
	return Pos{n.pos.Line, column + len(before)}
}

// canonical writes a node in one form, whatever the order of its keys and the layout: for the digest of a plan.
func (n *node) canonical(to []byte) []byte {
	switch n.kind {
	case mapNode:
		entries := slices.Clone(n.entries)
		slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.key, b.key) })
		to = append(to, '{')
		for _, e := range entries {
			to = append(strconv.AppendQuote(to, e.key), ':')
			to = append(e.value.canonical(to), ',')
		}
		return append(to, '}')
	case listNode:
		to = append(to, '[')
		for _, item := range n.items {
			to = append(item.canonical(to), ',')
		}
		return append(to, ']')
	}
	return strconv.AppendQuote(append(to, byte('0'+n.kind)), n.text)
}
