package scenarios

import "strings"

// document is where the language is explained, as found from the project's directory.
const document = "docs/scenario.md"

// chapters are the headings of the document that explain the sections, as anchors.
var chapters = map[string]string{
	"name": "head", "description": "head", "seed": "head", "compression": "head",
	"include": "include", "profiles": "profiles", "data": "data", "targets": "targets", "lines": "lines", "accounts": "accounts",
	"activity": "activity", "personas": "personas", "journeys": "journeys", "wave": "wave", "environment": "environment",
	"observe": "observe", "load": "load", "objectives": "objectives", "situations": "situations-and-verdict",
	"verdict": "situations-and-verdict", "delivery": "delivery", "checks": "checks",
}

// anchor is the chapter that explains what stands at a place.
func (f *file) anchor(pos Pos) string {
	if f.document != "" {
		return f.document
	}
	if f.root == nil {
		return document + "#what-is-refused"
	}
	if f.root.kind != mapNode {
		return document + "#a-complete-example"
	}
	section := f.sectionAt(pos)
	if chapter, ok := chapters[section]; ok {
		return document + "#" + chapter
	}
	return document + "#all-keys"
}

// sectionAt is the top-level key whose value a place lies in. In a file made of several each has its own sections.
func (f *file) sectionAt(pos Pos) string {
	from, _ := f.source(pos.Line)
	section, begins := "", Pos{}
	look := func(key string, at Pos) {
		if in, _ := f.source(at.Line); in == from && !pos.before(at) && !at.before(begins) {
			section, begins = key, at
		}
	}
	for _, e := range f.root.entries {
		look(e.key, e.pos)
		for _, inner := range e.value.entries {
			look(e.key, inner.pos)
		}
		for _, item := range e.value.items {
			look(e.key, item.pos)
		}
	}
	return strings.ToLower(section)
}
