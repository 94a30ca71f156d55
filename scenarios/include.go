package scenarios

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Included is a file that a scenario takes sections from.
type Included struct {
	Name  string // as found from the scenario's directory, with slashes
	Bytes []byte // as read
}

// Bounds of what a scenario may include, directly or through other files. All files together may not be larger than one
// scenario.
const (
	deepestInclude = 5
	mostIncludes   = 32
)

// How the parts of a section are told apart where several files have it. A section that is not listed is one thing and is
// taken whole from one file.
var (
	byKey  = []string{"targets", "lines", "activity", "journeys", "data", "profiles"}
	byName = map[string]string{"personas": "name", "observe": "name", "situations": "name", "objectives": "action"}
)

// includer takes sections from the files that a scenario names. All files are one long text to whoever asks for a place:
// the lines of an included file follow those of the files read before it.
type includer struct {
	main     *file
	files    fs.FS
	errs     *Errors
	done     map[string]*node // roots by name; nil while a file is under way, and where it could not be read
	read     []Included
	size     int
	failures int
}

// include puts the sections of the files that the scenario names into its tree, and returns these files. It reports false if
// one could not be read, so that what is missing means nothing.
func (f *file) include(src []byte, files fs.FS, errs *Errors) ([]Included, bool) {
	if !slices.Contains(f.root.keys(), "include") {
		return nil, true
	}
	if files == nil {
		dir, err := os.OpenRoot(f.dir)
		if err != nil {
			errs.Add(f.problem(f.root.pos, "", fmt.Sprintf("opening the directory of the scenario: %v", plainCause(err))))
			return nil, false
		}
		defer dir.Close()
		files = dir.FS()
	}
	in := &includer{main: f, files: files, errs: errs, done: map[string]*node{}, size: len(src)}
	name := filepath.Base(f.path)
	in.done[name] = nil
	in.merge(f.root, []string{name})
	return in.read, in.failures == 0
}

func (in *includer) fail(pos Pos, hint, format string, args ...any) {
	in.failures++
	in.errs.Add(in.main.problem(pos, hint, fmt.Sprintf(format, args...)))
}

// merge takes the sections of all files that root includes into root. chain are the names of the files from the scenario to
// root's own.
func (in *includer) merge(root *node, chain []string) {
	at := slices.IndexFunc(root.entries, func(e entry) bool { return e.key == "include" })
	if at < 0 {
		return
	}
	list := root.entries[at].value
	if len(chain) > 1 {
		root.entries = slices.Delete(root.entries, at, at+1)
	}
	if list.kind != listNode {
		if len(chain) > 1 { // that of the scenario itself is for the decoder to refuse
			in.fail(list.pos, "write include: [people.yaml]", "expected a list, got %s", list.describe())
		}
		return
	}
	m := merger{in: in, own: root, from: map[string]*entry{}}
	for _, item := range list.items {
		if from := in.open(item, chain); from != nil {
			m.add(from)
		}
	}
	m.finish()
}

// open is the tree of an included file with all that it includes itself, or nil where that has been reported.
func (in *includer) open(item *node, chain []string) *node {
	if item.kind != textNode || item.text == "" {
		in.fail(item.pos, "write include: [people.yaml]", "expected the name of a file, got %s", item.describe())
		return nil
	}
	text := filepath.ToSlash(item.text)
	name := path.Join(path.Dir(chain[len(chain)-1]), text)
	if path.IsAbs(text) || filepath.IsAbs(item.text) || !fs.ValidPath(name) {
		in.fail(item.pos, "include files beside the scenario or in directories below it", "%q lies outside the scenario's directory", item.text)
		return nil
	}
	if slices.Contains(chain, name) {
		in.fail(item.pos, "leave one of them out", "files include each other: %s", strings.Join(append(chain[slices.Index(chain, name):], name), " includes "))
		return nil
	}
	if root, known := in.done[name]; known {
		return root
	}
	switch {
	case len(chain) > deepestInclude:
		in.fail(item.pos, "", "files include files deeper than %d levels", deepestInclude)
		return nil
	case len(in.read) == mostIncludes:
		in.fail(item.pos, "", "more than %d files are included", mostIncludes)
		return nil
	}
	in.done[name] = nil
	root := in.parse(item, name)
	if root == nil {
		return nil
	}
	in.merge(root, append(chain[:len(chain):len(chain)], name))
	in.done[name] = root
	return root
}

// parse reads one file and puts its lines behind those that are there.
func (in *includer) parse(item *node, name string) *node {
	src, err := in.load(name)
	if err != nil {
		hint := "the path is relative to the file that includes it"
		if errors.Is(err, fs.ErrNotExist) {
			hint = in.similar(name, hint)
		}
		in.fail(item.pos, hint, "including %s: %v", item.text, plainCause(err))
		return nil
	}
	if in.size += len(src); in.size > largest {
		in.fail(item.pos, "put long lists into CSV files", "the scenario and what it includes are larger than %d MiB", largest>>20)
		return nil
	}
	in.read = append(in.read, Included{name, src})
	own := &file{path: filepath.Join(in.main.dir, filepath.FromSlash(name))}
	if !own.parse(src, in.errs) {
		in.failures++
		return nil
	}
	if own.root.kind != mapNode {
		in.failures++
		in.errs.Add(own.problem(own.root.pos, "write personas: […]", "an included file is a mapping of sections, not "+own.root.kind.String()))
		return nil
	}
	before := len(in.main.lines)
	in.main.parts = append(in.main.parts, part{own.path, before})
	in.main.lines = append(in.main.lines, own.lines...)
	for _, m := range own.masks {
		in.main.masks = append(in.main.masks, span{m.from.down(before), m.to.down(before)})
	}
	own.root.moveDown(before)
	if dir := path.Dir(name); dir != "." {
		own.root.relocate(dir)
	}
	return own.root
}

// load reads a file of at most the size of a scenario. What is no regular file might never end.
func (in *includer) load(name string) ([]byte, error) {
	info, err := fs.Stat(in.files, name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	f, err := in.files.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, largest+1))
}

// similar is a hint with the name of a file that is there.
func (in *includer) similar(name, otherwise string) string {
	entries, err := fs.ReadDir(in.files, path.Dir(name))
	if err != nil {
		return otherwise
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if near := Nearest(path.Base(name), names); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return otherwise
}

// plainCause is an error of the file system without the operation and the path, which the message has already.
func plainCause(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}

func (p Pos) down(lines int) Pos { return Pos{p.Line + lines, p.Column} }

// moveDown moves the places of n and of all below it.
func (n *node) moveDown(lines int) {
	n.pos = n.pos.down(lines)
	for i := range n.entries {
		n.entries[i].pos = n.entries[i].pos.down(lines)
		n.entries[i].value.moveDown(lines)
	}
	for _, item := range n.items {
		item.moveDown(lines)
	}
}

// relocate makes the paths of an included file in dir relative to the scenario.
func (n *node) relocate(dir string) {
	for _, e := range n.entries {
		switch e.key {
		case "tags", "with", "activity", "values":
			continue // texts and names of the author's own
		case "csv", "ca", "file", "batches":
			if v := e.value; v.kind == textNode && v.text != "" && !filepath.IsAbs(v.text) {
				v.text = path.Join(dir, filepath.ToSlash(v.text))
			}
		case "site":
			if v := e.value; v.kind == textNode && strings.HasSuffix(v.text, ".yaml") && !filepath.IsAbs(v.text) {
				v.text = path.Join(dir, filepath.ToSlash(v.text))
			}
		}
		e.value.relocate(dir)
	}
	for _, item := range n.items {
		item.relocate(dir)
	}
}
