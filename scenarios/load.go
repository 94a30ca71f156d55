package scenarios

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Options change how a scenario is loaded. The zero value loads it as it stands.
type Options struct {
	Profiles    []string                    // names of the scenario's profiles, applied in order
	Set         []string                    // overrides, each path=value, such as load.stages.to=500 or personas.0.count=3; applied last
	Files       fs.FS                       // where included files, and batches beside the scenario, are found; default: the scenario's directory
	Getenv      func(string) (string, bool) // default: os.LookupEnv
	SkipSecrets bool                        // leave secrets and the accounts file unread, to check a file without them
	Alone       bool                        // read no file beside the scenario at all, as in an archive; implies SkipSecrets
}

const (
	largest  = 4 << 20 // bytes of a scenario file
	mostFlow = 200_000 // commas and brackets; each takes some hundred bytes to read
	mostKeys = 10_000  // keys in block style; the parser's time grows with their square
)

// Load reads and checks a scenario file. If the file is wrong, the error is an *Errors with all that is wrong in it;
// other errors mean that it could not be read.
func Load(path string, opts Options) (*Scenario, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening scenario: %w", err)
	}
	defer f.Close()
	src, err := io.ReadAll(io.LimitReader(f, largest+1))
	if err != nil {
		return nil, fmt.Errorf("reading scenario: %w", err)
	}
	return Parse(path, src, opts)
}

// Parse is Load for bytes already read. The path names them in errors, and its directory is where the relative paths
// inside the scenario start. The error is always an *Errors. Where the file could be taken apart, the scenario comes with the
// error, as far as it could be understood: for looking for more errors, and for nothing else.
func Parse(path string, src []byte, opts Options) (*Scenario, error) {
	if opts.Getenv == nil {
		opts.Getenv = os.LookupEnv
	}
	errs := NewErrors()
	f := &file{path: path, dir: filepath.Dir(path)}
	if !f.parse(src, errs) {
		return nil, errs
	}
	if f.root.kind != mapNode {
		errs.Add(f.problem(f.root.pos, "begin with name: …", "a scenario is a mapping of keys to values, not "+f.root.kind.String()))
		return nil, errs
	}
	opts.SkipSecrets = opts.SkipSecrets || opts.Alone
	included, whole := f.include(src, opts.Files, errs)
	f.unused(opts, whole, errs)
	f.profiles(opts.Profiles, errs)
	f.override(opts.Set, errs)
	s := f.scenario(opts, whole, errs)
	s.Source, s.included = bytes.Clone(src), included
	return s, errs.Err()
}

// scenario decodes and checks the tree. Where some of it is missing, what it means cannot be checked.
func (f *file) scenario(opts Options, whole bool, errs *Errors) *Scenario {
	f.index = map[Pos]*node{}
	for _, e := range f.root.entries {
		if e.key != "profiles" { // what is applied of them stands elsewhere in the tree, with the same places
			f.enter(e.value)
		}
	}
	d := &decoder{file: f, errs: errs, opts: opts, failed: map[string]bool{}}
	s := &Scenario{Path: f.path, file: f, secretless: opts.SkipSecrets}
	s.Accounts.First = 1
	s.Load.Precision, s.Load.StagesMax = defaultPrecision, defaultMost
	d.object(f.root, reflect.ValueOf(s).Elem(), nil)
	if whole {
		check(s, d)
	}
	return s
}

// parse reads the text into nodes. It reports false if there is nothing to go on with.
func (f *file) parse(src []byte, errs *Errors) bool {
	tree := f.tree(src, errs)
	if tree == nil {
		return false
	}
	r := &reader{file: f}
	root := r.read(tree, 0, false)
	for _, m := range r.hidden {
		f.masks = append(f.masks, *m)
	}
	f.root = root
	for _, p := range r.found {
		errs.Add(f.problem(Pos{p.Line, p.Column}, p.Hint, p.Text))
	}
	return len(r.found) == 0
}

// tree parses the text, which must hold exactly one document, or reports why not and returns nil.
func (f *file) tree(src []byte, errs *Errors) ast.Node {
	refuse := func(pos Pos, hint, format string, args ...any) ast.Node {
		errs.Add(f.problem(pos, hint, fmt.Sprintf(format, args...)))
		return nil
	}
	if len(src) > largest {
		return refuse(Pos{1, 1}, "put long lists into CSV files", "the file is larger than %d MiB", largest>>20)
	}
	// A byte order mark and carriage returns are what editors add; they mean nothing here.
	src = bytes.TrimPrefix(src, []byte("\ufeff"))
	src = bytes.ReplaceAll(bytes.ReplaceAll(src, []byte("\r\n"), []byte("\n")), []byte("\r"), []byte("\n"))
	for i, line := range bytes.Split(src, []byte("\n")) {
		f.lines = append(f.lines, strings.ToValidUTF8(string(line), "?"))
		if at := invalid(line); at >= 0 {
			return refuse(Pos{i + 1, utf8.RuneCount(line[:at]) + 1}, "save the file as UTF-8", "not valid UTF-8")
		}
	}
	if most := bytes.Count(src, []byte(",")) + bytes.Count(src, []byte("[")) + bytes.Count(src, []byte("{")); most > mostFlow {
		return refuse(Pos{1, 1}, "put long lists into CSV files", "more than %d commas and brackets", mostFlow)
	}
	tokens := lexer.Tokenize(string(src))
	if p := tooMuch(tokens); p != nil {
		return refuse(Pos{p.Line, p.Column}, p.Hint, "%s", p.Text)
	}
	parsed, err := parseTokens(tokens)
	if err != nil {
		pos, text := syntax(err)
		if tab := f.tab(pos.Line); tab > 0 {
			return refuse(Pos{pos.Line, tab}, "indent with spaces", "a tab in the indentation")
		}
		return refuse(pos, "", "%s", text)
	}
	var body ast.Node
	for _, doc := range parsed.Docs {
		switch {
		case doc.Body == nil:
		case doc.Body.Type() == ast.DirectiveType:
			return refuse(position(doc.Body.GetToken()), "leave it out", "directives (%%YAML) are not used in scenarios")
		case body != nil:
			at := doc.Start
			if at == nil {
				at = doc.Body.GetToken()
			}
			return refuse(position(at), "write one file for each scenario", "a second document: a scenario file holds one")
		default:
			body = doc.Body
		}
	}
	if body == nil {
		return refuse(Pos{1, 1}, "begin with name: …", "the file is empty")
	}
	return body
}

// tab is the column of a tab in the indentation of a line, or 0.
func (f *file) tab(line int) int {
	if line > len(f.lines) {
		return 0
	}
	text := f.lines[line-1]
	return strings.Index(text[:indentation(text)], "\t") + 1
}

func position(t *token.Token) Pos {
	if t == nil || t.Position == nil {
		return Pos{1, 1}
	}
	return Pos{max(1, t.Position.Line), max(1, t.Position.Column)}
}

// invalid is the offset of the first byte that is not UTF-8, or -1.
func invalid(line []byte) int {
	for i := 0; i < len(line); {
		r, size := utf8.DecodeRune(line[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// tooMuch finds what would cost the recursive parser too much time or stack, before it runs.
func tooMuch(tokens token.Tokens) *Problem {
	flow, line, onLine, keys := 0, 0, 0, 0
	for _, t := range tokens {
		if t.Position.Line != line {
			line, onLine = t.Position.Line, 0
		}
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			flow++
		case token.MappingEndType, token.SequenceEndType:
			flow = max(0, flow-1)
		case token.SequenceEntryType, token.MappingKeyType, token.TagType, token.AnchorType:
			onLine++
		case token.MappingValueType:
			if flow == 0 {
				keys++
			}
		}
		p := &Problem{Line: max(1, t.Position.Line), Column: max(1, t.Position.Column)}
		switch {
		case flow > deepest || onLine > deepest:
			p.Text = fmt.Sprintf("nested deeper than %d levels", deepest)
			return p
		case keys > mostKeys:
			p.Text, p.Hint = fmt.Sprintf("more than %d keys", mostKeys), "put long lists into CSV files"
			return p
		}
	}
	return nil
}

// syntax is where and why the parser gave up.
func syntax(err error) (Pos, string) {
	var e yaml.Error
	if errors.As(err, &e) {
		return position(e.GetToken()), "not valid YAML: " + e.GetMessage()
	}
	return Pos{1, 1}, "not valid YAML"
}

// parseTokens runs the parser. Duplicate keys are left to the reader, which says where the first one stands. A panic of
// the parser on odd input is an error of that input.
func parseTokens(tokens token.Tokens) (tree *ast.File, err error) {
	defer func() {
		if recover() != nil {
			tree, err = nil, errOdd
		}
	}()
	return parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
}

var errOdd = errors.New("the parser gave up")
