package scenarios

import (
	"fmt"
	"slices"
)

// merger collects the sections of the files that one file includes.
type merger struct {
	in   *includer
	own  *node
	keys []string // sections in the order in which they were found
	from map[string]*entry
}

// add takes the sections of one included file beside those of the others. The same name in two of them is an error, unless it
// is the very same place, reached through two files.
func (m *merger) add(root *node) {
	for _, e := range root.entries {
		if e.value.kind == nullNode {
			continue
		}
		found, ok := m.from[e.key]
		if !ok {
			m.keys = append(m.keys, e.key)
			own := *e.value // its parts are shared, the list of them is not
			own.entries, own.items = slices.Clone(own.entries), slices.Clone(own.items)
			m.from[e.key] = &entry{e.key, e.pos, &own}
			continue
		}
		have := found.value
		switch {
		case have.pos == e.value.pos:
		case slices.Contains(byKey, e.key) && have.kind == mapNode && e.value.kind == mapNode:
			known := map[string]Pos{}
			for _, had := range have.entries {
				known[had.key] = had.pos
			}
			for _, part := range e.value.entries {
				if first, twice := known[part.key]; !twice {
					have.entries = append(have.entries, part)
				} else if first != part.pos {
					m.twice(part.pos, first, fmt.Sprintf("%q in %s", part.key, e.key))
				}
			}
		case byName[e.key] != "" && have.kind == listNode && e.value.kind == listNode:
			known := map[string]Pos{}
			for _, had := range have.items {
				known[had.name(byName[e.key])] = had.pos
			}
			for _, item := range e.value.items {
				name := item.name(byName[e.key])
				if first, twice := known[name]; !twice || name == "" {
					have.items = append(have.items, item)
				} else if first != item.pos {
					m.twice(item.pos, first, fmt.Sprintf("%q in %s", name, e.key))
				}
			}
		default:
			m.twice(e.pos, found.pos, e.key)
		}
	}
}

// twice reports what two included files both give. The including file could decide, so it does not matter where it does.
func (m *merger) twice(second, first Pos, what string) {
	if m.decided(what) {
		return
	}
	path, line := m.in.main.source(first.Line)
	m.in.fail(second, "write it in the file that includes both, which then holds", "%s comes from two included files, first in %s:%d:%d", what, path, line, first.Column)
}

// decided says whether the including file has what two others give.
func (m *merger) decided(what string) bool {
	for _, e := range m.own.entries {
		if e.key == what && e.value.kind != nullNode {
			return true
		}
		for _, inner := range e.value.entries {
			if what == fmt.Sprintf("%q in %s", inner.key, e.key) {
				return true
			}
		}
		for _, item := range e.value.items {
			if what == fmt.Sprintf("%q in %s", item.name(byName[e.key]), e.key) {
				return true
			}
		}
	}
	return false
}

// finish puts the collected sections into the including file's tree, where the file's own ones win.
func (m *merger) finish() {
	for _, key := range m.keys {
		found := m.from[key]
		from := found.value
		at := slices.IndexFunc(m.own.entries, func(e entry) bool { return e.key == key })
		if at < 0 {
			m.own.entries = append(m.own.entries, *found)
			continue
		}
		own := m.own.entries[at].value
		switch {
		case own.kind == nullNode:
			m.own.entries[at].value = from
		case slices.Contains(byKey, key) && own.kind == mapNode && from.kind == mapNode:
			had := own.keys()
			for _, e := range from.entries {
				if !slices.Contains(had, e.key) {
					own.entries = append(own.entries, e)
				}
			}
		case byName[key] != "" && own.kind == listNode && from.kind == listNode:
			var list []*node
			for _, item := range from.items {
				name := item.name(byName[key])
				if name == "" || !slices.ContainsFunc(own.items, func(n *node) bool { return n.name(byName[key]) == name }) {
					list = append(list, item)
				}
			}
			own.items = append(list, own.items...)
		}
	}
}

// name is what tells an element of a list from the others: the text under a key.
func (n *node) name(key string) string {
	for _, e := range n.entries {
		if e.key == key && e.value.scalar() {
			return e.value.text
		}
	}
	if key == "action" && n.kind == mapNode {
		return "*" // an objective without an action counts all of them
	}
	return ""
}
