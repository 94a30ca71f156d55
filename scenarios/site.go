package scenarios

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"pegel/internal/site"
)

// DefaultSite is the site of a web target that names none.
const DefaultSite = "embedded"

// Sites are the names of the sites that come with pegel, sorted.
func Sites() []string {
	entries, err := shipped.ReadDir("sites")
	if err != nil {
		return nil // it is always there
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".yaml"); ok {
			names = append(names, name)
		}
	}
	return names
}

// OpenSite is a site that comes with pegel.
func OpenSite(name string) (*site.Site, error) {
	file := "sites/" + name + ".yaml"
	src, err := shipped.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("opening site: there is no %q", name)
	}
	return ParseSite(file, src)
}

// ParseSite reads a site file strictly. The path names it in errors. If the file is wrong, the error is an *Errors with all
// that is wrong in it.
func ParseSite(name string, src []byte) (*site.Site, error) {
	errs := NewErrors()
	f := &file{path: name, dir: path.Dir(name), document: siteDocument}
	if len(src) > largestSite {
		errs.Add(f.problem(Pos{1, 1}, "", fmt.Sprintf("a site file can have %d KiB", largestSite>>10)))
		return nil, errs
	}
	if !f.parse(src, errs) {
		return nil, errs
	}
	if f.root.kind != mapNode {
		errs.Add(f.problem(f.root.pos, "begin with name: …", "a site is a mapping of keys to values, not "+f.root.kind.String()))
		return nil, errs
	}
	s, names := new(site.Site), new(site.Names)
	d := &decoder{file: f, errs: errs, failed: map[string]bool{}, params: true, resolve: names.Resolve}
	d.object(f.root, reflect.ValueOf(s).Elem(), nil)
	if err := errs.Err(); err != nil {
		return nil, err
	}
	s.Adopt(names)
	for _, fault := range s.Check() {
		key, value := f.locate(Pos{}, fault.Path...)
		if fault.OfKey {
			value = key
		}
		if near := Nearest(fault.Word, fault.Among); near != "" && fault.Word != "" {
			fault.Hint = fmt.Sprintf("did you mean %q?", near)
		}
		errs.Add(f.problem(value, fault.Hint, fault.Text))
	}
	if err := errs.Err(); err != nil {
		return nil, err
	}
	return s, nil
}

const (
	siteDocument = "docs/sites.md"
	largestSite  = 256 << 10 // bytes
)

// SiteRef is the site of a web target: the name of one that comes with pegel, or the path of a site file relative to the
// scenario's directory, which ends in .yaml.
type SiteRef struct {
	Name string
	Site *site.Site // nil: the scenario is read without the files beside it
	Text []byte     // of the site file, as it was read
}

func (r *SiteRef) decodeNode(d *decoder, n *node) {
	r.Name = d.text(n)
	if r.Name == "" {
		return
	}
	if !strings.HasSuffix(r.Name, ".yaml") {
		if !slices.Contains(Sites(), r.Name) {
			hint := "shipped are " + strings.Join(Sites(), ", ") + "; a file of your own ends in .yaml"
			if near := Nearest(r.Name, Sites()); near != "" {
				hint = fmt.Sprintf("did you mean %q?", near)
			}
			d.fail(n.pos, hint, "there is no site %q", r.Name)
			return
		}
		var err error
		if r.Site, err = OpenSite(r.Name); err != nil {
			d.errs.Add(err)
		}
		return
	}
	if d.opts.Alone {
		return
	}
	src, err := d.beside(r.Name)
	if err != nil {
		d.fail(n.pos, "the path is relative to the scenario file", "the site file cannot be read: %v", plainCause(err))
		return
	}
	r.Text = src
	if r.Site, err = ParseSite(filepath.ToSlash(d.path(r.Name)), src); err != nil {
		var many *Errors
		if errors.As(err, &many) {
			d.errs.Add(many)
		}
		r.Site = nil
	}
}

// beside reads a file that lies beside the scenario.
func (d *decoder) beside(name string) ([]byte, error) {
	if d.opts.Files != nil {
		return fs.ReadFile(d.opts.Files, path.Clean(filepath.ToSlash(name)))
	}
	info, err := os.Stat(d.path(name))
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a plain file")
	}
	if info.Size() > largestSite {
		return nil, fmt.Errorf("larger than %d KiB", largestSite>>10)
	}
	return os.ReadFile(d.path(name))
}

// backend checks where a target's answers are said to tell their backend.
func (c *checker) backend(t *Target) {
	switch b := t.Backend; {
	case b == nil:
	case t.URL.Scheme != "http" && t.URL.Scheme != "https":
		c.fail("leave it out", "backend makes no sense with "+t.URL.Scheme, t.Pos, "backend")
	case b.Header == "" && b.Cookie == "":
		c.fail("write backend: {cookie: ROUTE}, or {header: X-Backend}", "backend needs a header or a cookie", t.Pos, "backend")
	}
}

// MarshalText is the reference as it is written.
func (r SiteRef) MarshalText() ([]byte, error) { return []byte(r.Name), nil }
