package scenarios

import (
	"fmt"
	"slices"
	"strings"
)

// mostProfiles bounds the time that a check of all of them takes.
const mostProfiles = 20

func (p *Profile) decodeNode(d *decoder, n *node) {
	if n.kind != mapNode {
		d.want(n, "write small: {load.stages.to: 200}", "a mapping of paths to values")
		return
	}
	for _, e := range n.entries {
		p.sets = append(p.sets, override{splitPath(e.key), e.value})
	}
}

// splitPath are the keys of a path such as personas.0.count or personas[0].count.
func splitPath(path string) []string {
	return strings.Split(strings.NewReplacer("[", ".", "]", "").Replace(path), ".")
}

// holdsSecret says whether what stands under a key, or under a path of keys as in profiles, is a secret.
func holdsSecret(key string) bool {
	return slices.ContainsFunc(splitPath(key), secretName.MatchString)
}

// notOverridden says why what stands under the path cannot be overridden, or nothing.
func notOverridden(keys []string) string {
	if keys[0] == "include" || keys[0] == "profiles" {
		return keys[0] + " cannot be overridden: overrides come after it"
	}
	return ""
}

// profiles applies profiles in order: the values that they give replace those of the tree.
func (f *file) profiles(names []string, errs *Errors) {
	for _, name := range names {
		f.profile(name, errs)
	}
}

func (f *file) profile(name string, errs *Errors) {
	section := f.root.value("profiles")
	var known []string
	if section != nil {
		known = section.keys()
	}
	if !slices.Contains(known, name) {
		hint := didYouMean(name, known)
		if len(known) == 0 {
			hint = "the scenario has no profiles"
		}
		errs.Add(&Problem{File: "--profile " + name, Text: fmt.Sprintf("there is no profile %q", name), Hint: hint, See: document + "#profiles"})
		return
	}
	for _, e := range section.value(name).entries {
		keys := splitPath(e.key)
		problem := notOverridden(keys)
		if problem == "" {
			problem = f.put(keys, e.pos, e.value.clone())
		}
		if problem != "" {
			errs.Add(f.problem(e.pos, "", problem))
		}
	}
}

// unused checks the profiles that are not asked for, each by itself, so that a mistake in one shows before it is needed. It
// reads no files for that.
func (f *file) unused(opts Options, whole bool, errs *Errors) {
	section := f.root.value("profiles")
	if section == nil || section.kind != mapNode || !whole {
		return
	}
	if n := len(section.entries); n > mostProfiles {
		errs.Add(f.problem(section.pos, "", fmt.Sprintf("%d profiles: at most %d", n, mostProfiles)))
		return
	}
	opts.Alone, opts.SkipSecrets = true, true
	try := func(names ...string) *Errors {
		trial, found := *f, NewErrors()
		trial.root = f.root.clone()
		trial.profiles(names, found)
		trial.scenario(opts, true, found)
		return found
	}
	var plain *Errors
	for _, e := range section.entries {
		if slices.Contains(opts.Profiles, e.key) {
			continue
		}
		if plain == nil {
			plain = try()
		}
		for _, p := range try(e.key).Problems {
			if !slices.Contains(plain.Problems, p) {
				p.Text = fmt.Sprintf("with profile %s: %s", e.key, p.Text)
				errs.Add(&p)
			}
		}
	}
}

// value is what stands under a key of a mapping, or nil.
func (n *node) value(key string) *node {
	for _, e := range n.entries {
		if e.key == key {
			return e.value
		}
	}
	return nil
}

// clone copies n and all below it.
func (n *node) clone() *node {
	c := *n
	c.entries = slices.Clone(n.entries)
	for i := range c.entries {
		c.entries[i].value = c.entries[i].value.clone()
	}
	c.items = slices.Clone(n.items)
	for i := range c.items {
		c.items[i] = c.items[i].clone()
	}
	return &c
}

// between is a place of its own for a mapping that an override makes on the way to its value. Its column stands left of all
// that are written.
func (f *file) between(path Pos, level int) Pos {
	return Pos{path.Line, -(max(1, path.Column)*(deepest+1) + level)}
}
