package scenarios

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// kind is the form of a node.
type kind int

const (
	nullNode kind = iota
	boolNode
	intNode
	floatNode
	textNode
	mapNode
	listNode
)

func (k kind) String() string {
	return [...]string{"nothing", "a truth value", "a number", "a number", "text", "a mapping", "a list"}[k]
}

// node is one value of the file: the plain part of YAML that scenarios use, each with its place.
type node struct {
	kind    kind
	text    string // of a scalar
	quoted  bool
	secret  bool // stands under a key such as password, and is not to be quoted in errors
	pos     Pos
	entries []entry // of a mapping
	items   []*node // of a list
}

// entry is one key of a mapping.
type entry struct {
	key   string
	pos   Pos
	value *node
}

func (n *node) scalar() bool { return n.kind != mapNode && n.kind != listNode }

// keys lists a mapping's keys.
func (n *node) keys() []string {
	var keys []string
	for _, e := range n.entries {
		keys = append(keys, e.key)
	}
	return keys
}

// describe says what a node is, for errors: its text if short and no secret.
func (n *node) describe() string {
	switch {
	case !n.scalar() && len(n.entries)+len(n.items) == 0:
		return "an empty " + map[kind]string{mapNode: "mapping", listNode: "list"}[n.kind]
	case !n.scalar() || n.kind == nullNode || n.secret:
		return n.kind.String()
	case n.kind == textNode && len(n.text) > 60:
		return "a longer text"
	case n.kind == textNode:
		return fmt.Sprintf("%q", n.text)
	}
	return n.text
}

// deepest bounds the nesting of a file. Journeys of journeys rarely reach ten.
const deepest = 50

// reader turns the parser's tree into nodes, and refuses what scenarios do not use.
type reader struct {
	file  *file
	found []Problem // with their places only: an excerpt can be made when all secrets are known
	at    int       // the line that runes are of
	runes []rune
	line  int // if negative, the line to put every place on: the value comes from Options.Set

	chosen bool // the keys of the next mapping are names of the author's choice

	hidden []*span // secrets
	open   []*Pos  // ends of those that are not closed yet by whatever comes next
}

func (r *reader) fail(pos Pos, hint, format string, args ...any) {
	r.found = append(r.found, Problem{Line: pos.Line, Column: pos.Column, Hint: hint, Text: fmt.Sprintf(format, args...)})
}

// place is a token's position. The parser counts trailing blanks of a plain text into its column, which is put right.
func (r *reader) place(t *token.Token) Pos {
	if t == nil || t.Position == nil {
		return Pos{max(1, r.line), 1}
	}
	if r.line < 0 {
		return Pos{r.line, (t.Position.Line-1)*1000 + t.Position.Column}
	}
	pos := Pos{max(t.Position.Line, 1), max(t.Position.Column, 1)}
	if t.Type != token.StringType || pos.Line > len(r.file.lines) {
		return pos
	}
	words := strings.Fields(t.Value)
	if r.at != pos.Line { // long lists stand on one line
		r.at, r.runes = pos.Line, []rune(r.file.lines[pos.Line-1])
	}
	line := r.runes
	if len(words) == 0 {
		return pos
	}
	if first := []rune(words[0]); pos.Column-1+len(first) <= len(line) && slices.Equal(line[pos.Column-1:pos.Column-1+len(first)], first) {
		return pos
	}
	before := string(line[:min(pos.Column-1+len(words[0]), len(line))])
	if at := strings.LastIndex(before, words[0]); at >= 0 {
		pos.Column = len([]rune(before[:at])) + 1
	}
	return pos
}

// seen closes the secrets that were open: they end where the next thing begins.
func (r *reader) seen(pos Pos) {
	for _, end := range r.open {
		*end = pos
	}
	r.open = nil
}

// read converts one value. secret says that it stands under a key that holds a secret.
func (r *reader) read(n ast.Node, depth int, secret bool) *node {
	if n == nil {
		return &node{pos: Pos{1, 1}}
	}
	t := n.GetToken()
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		t = m.Values[0].Key.GetToken() // the mapping's own token is a colon
	}
	out := &node{pos: r.place(t), secret: secret}
	if depth > deepest {
		r.fail(out.pos, "", "nested deeper than %d levels", deepest)
		r.seen(out.pos)
		r.hide(out.pos) // what is in there is not read, so it may hold secrets
		return out
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		out.kind = mapNode
		r.mapping(n, out, depth)
		return out
	case *ast.SequenceNode:
		out.kind, r.chosen = listNode, false
		r.seen(out.pos)
		for _, item := range n.Values {
			out.items = append(out.items, r.read(item, depth+1, secret))
		}
		return out
	case *ast.AnchorNode:
		r.fail(out.pos, "write the value out where it is needed", "anchors (&name) are not used in scenarios")
		return r.read(n.Value, depth+1, secret)
	case *ast.AliasNode:
		r.fail(out.pos, "write the value out", "aliases (*name) are not used in scenarios")
		return out
	case *ast.TagNode:
		r.fail(out.pos, "leave the tag out", "tags (!name) are not used in scenarios")
		return r.read(n.Value, depth+1, secret)
	case *ast.NullNode:
		return out // its place may lie before that of the key it belongs to
	case *ast.LiteralNode:
		out.kind, out.quoted = textNode, true
		if n.Value != nil {
			out.text = n.Value.Value
		}
	case *ast.StringNode:
		out.kind, out.text = textNode, n.Value
		out.quoted = t.Type == token.SingleQuoteType || t.Type == token.DoubleQuoteType
	case *ast.BoolNode:
		out.kind, out.text = boolNode, t.Value
	case *ast.IntegerNode:
		out.kind, out.text = intNode, t.Value
	case *ast.FloatNode, *ast.NanNode, *ast.InfinityNode:
		out.kind, out.text = floatNode, t.Value
	default:
		r.fail(out.pos, "", "this form of YAML is not used in scenarios")
		return out
	}
	r.seen(out.pos)
	if secret && r.line >= 0 {
		r.hide(out.pos)
	}
	return out
}

// hide keeps the text from pos to the next key or value, or to the end of the file, out of excerpts.
func (r *reader) hide(pos Pos) {
	m := &span{from: pos, to: Pos{len(r.file.lines) + 1, 1}}
	r.hidden = append(r.hidden, m)
	r.open = append(r.open, &m.to)
}

// mapping reads the entries of a mapping into out.
func (r *reader) mapping(n *ast.MappingNode, out *node, depth int) {
	r.seen(out.pos)
	chosen := r.chosen // a variable may well be called token
	r.chosen = false
	places := map[string]Pos{}
	for _, v := range n.Values {
		pos := r.place(v.Key.GetToken())
		r.seen(pos)
		var name string
		switch key := v.Key.(type) {
		case *ast.MergeKeyNode:
			r.fail(pos, "write the keys out", "merge keys (<<) are not used in scenarios")
			r.read(v.Value, depth+1, true)
			continue
		case *ast.AnchorNode:
			r.fail(pos, "leave it out", "anchors (&name) are not used in scenarios")
			r.read(v.Value, depth+1, true)
			continue
		case *ast.AliasNode, *ast.TagNode, *ast.MappingKeyNode:
			r.fail(pos, "write key: value", "a key must be a plain word")
			r.read(v.Value, depth+1, true)
			continue
		case *ast.StringNode:
			name = key.Value
		default:
			name = v.Key.GetToken().Value
		}
		reference := name == "env" || name == "file"
		if out.secret && !reference && r.line >= 0 {
			r.hide(pos)
		}
		secret := out.secret && !reference || !chosen && holdsSecret(name)
		if first, twice := places[name]; twice {
			shown := fmt.Sprintf("%q", name)
			if out.secret && !reference {
				shown = "a key"
			}
			r.fail(pos, "", "%s is given twice, first in line %d", shown, first.Line)
			r.read(v.Value, depth+1, secret)
			continue
		}
		places[name] = pos
		r.chosen = name == "save" || name == "data"
		value := r.read(v.Value, depth+1, secret)
		r.chosen = false
		if value.kind == nullNode && value.pos.Line == pos.Line && value.pos.Column < pos.Column {
			value.pos = pos
		}
		out.entries = append(out.entries, entry{name, pos, value})
	}
}
