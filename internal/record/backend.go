package record

import "pegel/probes/probe"

// Backend is an action as one backend of the platform answered it.
type Backend struct {
	Action int
	Name   string
}

// Dimension is what one backend did.
type Dimension struct {
	Response Histogram
	Failed   uint64
}

// A shard tells so many backends apart in an interval; what comes beyond goes to OtherBackends, so that a platform which
// gives every answer a name of its own cannot fill the memory.
const (
	mostBackends  = 256
	OtherBackends = "(other)"
)

func (h *half) backend(x *Sample) {
	if h.backends == nil {
		h.backends = map[Backend]*Dimension{}
	}
	k := Backend{x.Action, x.Backend}
	d := h.backends[k]
	if d == nil && len(h.backends) >= mostBackends {
		k.Name = OtherBackends
		d = h.backends[k]
	}
	if d == nil {
		d = new(Dimension)
		h.backends[k] = d
	}
	d.Response.Record(x.Ended - x.Intended)
	if x.Class != probe.OK {
		d.Failed++
	}
}

func (i *Interval) mergeBackends(from map[Backend]*Dimension) {
	if len(from) > 0 && i.Backends == nil {
		i.Backends = map[Backend]*Dimension{}
	}
	for k, d := range from {
		if i.Backends[k] == nil {
			i.Backends[k] = new(Dimension)
		}
		i.Backends[k].Response.Merge(&d.Response)
		i.Backends[k].Failed += d.Failed
	}
}
