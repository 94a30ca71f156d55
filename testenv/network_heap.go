package testenv

// event is a job's turn at a time of the network's clock, in nanoseconds. Of two at the same time the one scheduled first
// comes first, which makes every run repeatable.
type event struct {
	at  int64
	seq int64
	job int32
}

func (a *event) before(b *event) bool { return a.at < b.at || a.at == b.at && a.seq < b.seq }

// eventHeap is a heap with four children to a node: half as deep as a binary one and kinder to the cache.
type eventHeap struct {
	list []event
	seq  int64
}

func (h *eventHeap) next() (at int64, ok bool) {
	if len(h.list) == 0 {
		return 0, false
	}
	return h.list[0].at, true
}

func (h *eventHeap) push(at int64, job int32) {
	h.seq++
	e := event{at: at, seq: h.seq, job: job}
	h.list = append(h.list, e)
	l, i := h.list, len(h.list)-1
	for i > 0 {
		up := (i - 1) / 4
		if !e.before(&l[up]) {
			break
		}
		l[i] = l[up]
		i = up
	}
	l[i] = e
}

// pop takes the earliest event; the heap must not be empty.
func (h *eventHeap) pop() event {
	l := h.list
	top, last := l[0], l[len(l)-1]
	l = l[:len(l)-1]
	h.list = l
	if len(l) == 0 {
		return top
	}
	i := 0
	for {
		first := 4*i + 1
		if first >= len(l) {
			break
		}
		least := first
		for c := first + 1; c < min(first+4, len(l)); c++ {
			if l[c].before(&l[least]) {
				least = c
			}
		}
		if !l[least].before(&last) {
			break
		}
		l[i] = l[least]
		i = least
	}
	l[i] = last
	return top
}
