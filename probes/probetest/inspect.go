package probetest

import (
	"slices"
	"sync"

	"pegel/probes/probe"
)

// Inspector keeps what probes keep to hold answers against former ones, and what they find. It is safe for concurrent use.
type Inspector struct {
	mu    sync.Mutex
	kept  map[any]any
	found []probe.Violation
}

// Violations are those that were found.
func (x *Inspector) Violations() []probe.Violation {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.found)
}

// Checks tells probes whether answers are held against former ones.
func (h *Host) Checks() bool { return h.Inspect != nil && !h.Unchecked }

// Inspected tells probes whether that is done for anybody.
func (h *Host) Inspected() bool { return h.Inspect != nil }

// Kept returns what is kept under a key.
func (h *Host) Kept(key any, make func() any) any {
	x := h.Inspect
	x.mu.Lock()
	v, ok := x.kept[key]
	x.mu.Unlock()
	if ok {
		return v
	}
	v = make() // it may ask for something that is kept itself
	x.mu.Lock()
	defer x.mu.Unlock()
	if was, ok := x.kept[key]; ok {
		return was
	}
	if x.kept == nil {
		x.kept = map[any]any{}
	}
	x.kept[key] = v
	return v
}

// Violated takes a violation.
func (h *Host) Violated(v probe.Violation) {
	if h.Inspect == nil {
		return
	}
	h.Inspect.mu.Lock()
	defer h.Inspect.mu.Unlock()
	h.Inspect.found = append(h.Inspect.found, v)
}
