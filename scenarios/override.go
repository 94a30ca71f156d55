package scenarios

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// override puts the values of Options.Set into the tree, each written path=value with the value in YAML. Missing keys
// are made; whether they are right is for the decoder to say.
func (f *file) override(sets []string, errs *Errors) {
	for i, set := range sets {
		path, text, found := strings.Cut(set, "=")
		path = strings.TrimSpace(path)
		f.sets = append(f.sets, path)
		pos := Pos{-(i + 1), 1}
		if !found || path == "" {
			// Without a sign of equality the path could be anything, so it is not repeated.
			f.sets[i] = fmt.Sprintf("number %d", i+1)
			errs.Add(f.problem(pos, "write load.stages.to=500", "an override has the form path=value"))
			continue
		}
		keys := splitPath(path)
		if problem := notOverridden(keys); problem != "" {
			errs.Add(f.problem(pos, "", problem))
			continue
		}
		value := f.overrideValue(pos, text, slices.ContainsFunc(keys, secretName.MatchString), errs)
		if value == nil {
			continue
		}
		if problem := f.put(keys, pos, value); problem != "" {
			errs.Add(f.problem(pos, "", problem))
		}
	}
}

// overrideValue reads the value of an override, or reports why it cannot.
func (f *file) overrideValue(pos Pos, text string, secret bool, errs *Errors) *node {
	if len(text) > largest {
		errs.Add(f.problem(pos, "", "the value is too long"))
		return nil
	}
	inner, failed := &file{path: f.path}, NewErrors()
	if strings.TrimSpace(text) == "" {
		return &node{pos: pos, secret: secret}
	}
	tree := inner.tree([]byte(text), failed)
	if tree == nil {
		for _, p := range failed.Problems {
			errs.Add(f.problem(pos, p.Hint, p.Text))
		}
		return nil
	}
	r := &reader{file: f, line: pos.Line}
	value := r.read(tree, 0, secret)
	for _, p := range r.found {
		errs.Add(f.problem(pos, p.Hint, p.Text))
	}
	if len(r.found) > 0 {
		return nil
	}
	return value
}

// put sets the value at the path, whose place is pos, and says why if that is impossible.
func (f *file) put(keys []string, pos Pos, value *node) string {
	if len(keys) > deepest {
		return fmt.Sprintf("nested deeper than %d levels", deepest)
	}
	at := f.root
	for i, key := range keys {
		last := i == len(keys)-1
		var slot **node
		switch at.kind {
		case listNode:
			n, err := strconv.Atoi(key)
			if err != nil || n < 0 || n >= len(at.items) {
				return fmt.Sprintf("%s has %d elements, counted from 0, and no %q",
					strings.Join(keys[:i], "."), len(at.items), key)
			}
			slot = &at.items[n]
		case mapNode:
			n := slices.IndexFunc(at.entries, func(e entry) bool { return e.key == key })
			if n < 0 {
				// The columns of made mappings only have to differ, so that each has a place of its own.
				made := &node{kind: mapNode, pos: f.between(pos, i)}
				at.entries = append(at.entries, entry{key, pos, made})
				n = len(at.entries) - 1
			}
			slot = &at.entries[n].value
		default:
			if at.kind == nullNode && i > 0 {
				at.kind = mapNode
				at.entries = []entry{{key, pos, &node{kind: mapNode, pos: f.between(pos, i)}}}
				slot = &at.entries[0].value
				break
			}
			return fmt.Sprintf("%s is neither a mapping nor a list", strings.Join(keys[:i], "."))
		}
		if last {
			*slot = value
		}
		at = *slot
	}
	return ""
}

// enter notes the places of all mappings and lists below n.
func (f *file) enter(n *node) {
	if n.scalar() {
		return
	}
	if _, taken := f.index[n.pos]; !taken {
		f.index[n.pos] = n
	}
	for _, e := range n.entries {
		f.enter(e.value)
	}
	for _, item := range n.items {
		f.enter(item)
	}
}
