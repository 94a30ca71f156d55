package dav

import (
	"cmp"
	"hash/maphash"
	"net/url"
	"slices"
	"strings"
)

// State is what a program remembers of a collection to keep it in step: the entity tag of each object, both as digests of 64 bits.
// It takes 16 bytes an object. Two of n objects share a digest with a probability of n²/2⁶⁵, one in a billion for 190,000.
type State struct {
	Token string // sync-token; "" before the first sync, or where there is none
	CTag  string
	known bool // the collection was listed at least once
	items []item
}

// item is one object; the items of a State are sorted by href. An etag of 0 stands for a removal in a list of changes.
type item struct{ href, etag uint64 }

var seed = maphash.MakeSeed() // of this process: digests are not for keeping

// digest is never 0.
func digest(text string) uint64 { return maphash.String(seed, text) | 1 }

// pathOf is an href as a path without escapes, so that the ways in which a server may write it are one.
func pathOf(href string) string {
	if strings.HasPrefix(href, "/") && !strings.HasPrefix(href, "//") && !strings.ContainsAny(href, "%?#") {
		return href
	}
	u, err := url.Parse(href)
	if err != nil {
		return href
	}
	return u.Path
}

// Len is how many objects the collection holds.
func (s *State) Len() int { return len(s.items) }

// etag is the digest of an object's entity tag; 0 where there is no such object.
func (s *State) etag(href uint64) uint64 {
	i, ok := slices.BinarySearchFunc(s.items, href, func(e item, h uint64) int { return cmp.Compare(e.href, h) })
	if !ok {
		return 0
	}
	return s.items[i].etag
}

// tidy sorts changes by href and keeps the last of each.
func tidy(list []item) []item {
	slices.SortStableFunc(list, func(a, b item) int { return cmp.Compare(a.href, b.href) })
	out := list[:0]
	for i, e := range list {
		if i+1 < len(list) && list[i+1].href == e.href {
			continue
		}
		out = append(out, e)
	}
	return out
}

// replace makes the collection what a whole listing says.
func (s *State) replace(list []item) {
	list = slices.DeleteFunc(tidy(list), func(e item) bool { return e.etag == 0 })
	s.items = append(make([]item, 0, len(list)), list...)
	s.known = true
}

// merge applies changes in time proportional to the collection and the changes.
func (s *State) merge(changes []item) {
	if len(changes) == 0 {
		return
	}
	changes = tidy(changes)
	out := make([]item, 0, len(s.items)+len(changes))
	old := s.items
	for _, c := range changes {
		for len(old) > 0 && old[0].href < c.href {
			out, old = append(out, old[0]), old[1:]
		}
		if len(old) > 0 && old[0].href == c.href {
			old = old[1:]
		}
		if c.etag != 0 {
			out = append(out, c)
		}
	}
	s.items = append(out, old...)
}

// differing are the objects of which two lists, sorted by href, do not say the same.
func differing(a, b []item) []uint64 {
	var list []uint64
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0].href < b[0].href:
			list, a = append(list, a[0].href), a[1:]
		case len(a) == 0 || b[0].href < a[0].href:
			list, b = append(list, b[0].href), b[1:]
		default:
			if a[0].etag != b[0].etag {
				list = append(list, a[0].href)
			}
			a, b = a[1:], b[1:]
		}
	}
	return list
}

// kept is a collection that is kept in step.
type kept struct {
	path  string
	state State
}

// maxKept is how many collections one program keeps in step.
const maxKept = 50

// state is what the program remembers of a collection; the one that was begun first is forgotten first.
func (s *Session) state(u *url.URL) *State {
	for _, k := range s.kept {
		if k.path == u.Path {
			return &k.state
		}
	}
	if len(s.kept) == maxKept {
		s.kept = append(s.kept[:0], s.kept[1:]...)
	}
	k := &kept{path: u.Path}
	s.kept = append(s.kept, k)
	return &k.state
}
