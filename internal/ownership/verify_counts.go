package ownership

// object puts an event or a contact to its owner.
func (v *Verifier) object(w *watched, o object, path string, at Item) {
	switch {
	case !w.owners[canonical(o.owner)]:
		if !w.foreign.seen[path] {
			w.foreign.seen[path] = true
			w.foreign.canary(canonical(o.owner), at)
		}
	case o.run == v.work.Run:
		w.own[o.id(v.work.Key)] = true
	}
}

// canary puts a signed message to its owner. Those of other batches are nobody's loss, but may be foreign.
func (v *Verifier) canary(w *watched, c canary, at Item) {
	switch {
	case !w.owners[canonical(c.owner)]:
		w.foreign.canary(canonical(c.owner), at)
	case c.run == v.work.Run:
		w.own[c.messageID(v.work.Key)] = true
	}
	if w.mark == nil {
		w.messages++
	}
}

// print judges one message by its hash. It is foreign where the account's source surely did not have it and only accounts had it
// whose mail belongs elsewhere.
func (v *Verifier) print(w *watched, h uint64, at Item) {
	if i, mine := w.mark.find(h); mine {
		w.has[i] = true
		return
	}
	if !w.mark.covers(h) {
		return
	}
	owners := v.prints.having(h)
	for _, e := range owners {
		if w.owners[canonical(v.work.Moves[e.account].Source)] {
			return
		}
	}
	if len(owners) > 0 {
		w.foreign.print(h, at)
	}
}

// expected tells whether the pass, or one before it, has carried an item over for certain.
func (v *Verifier) expected(a age) bool { return a == young || v.pass == Deferred }

// countPrints is how many messages of an account's sketch should be there, and are.
func (v *Verifier) countPrints(w *watched) (c Count) {
	if w.mark == nil {
		return c
	}
	for i, a := range w.mark.Ages {
		if v.expected(a) {
			c.Expected++
			if w.has[i] {
				c.Present++
			}
		}
	}
	return c
}

// countObjects is the same for canaries in calendars or address books, which the core pass carries over.
func (v *Verifier) countObjects(w *watched, kind Kind) (c Count) {
	if _, ok := v.target[kind]; !ok {
		return c
	}
	for _, o := range objectsOf(kind, v.work.Run, w.move.Source) {
		c.Expected++
		if w.own[o.id(v.work.Key)] {
			c.Present++
		}
	}
	return c
}

// countCanaries is the same for canaries in mail.
func (v *Verifier) countCanaries(w *watched) (c Count) {
	if _, ok := v.target[Mail]; !ok {
		return c
	}
	for _, item := range canariesOf(v.work.Run, w.move.Source, v.work.Limit) {
		if item.pass == Deferred && v.pass != Deferred {
			continue
		}
		c.Expected++
		if w.own[item.messageID(v.work.Key)] {
			c.Present++
		}
	}
	return c
}

// finding is what is known of an account by now, but for foreign items.
func (v *Verifier) finding(w *watched) Finding {
	f := Finding{Source: w.move.Source, Target: w.move.Target, Messages: w.messages, Shared: w.shared, Unsigned: len(w.unsigned), Canaries: v.countCanaries(w),
		Events: v.countObjects(w, Events), Contacts: v.countObjects(w, Contacts), Fingerprints: v.countPrints(w)}
	if w.err != nil {
		f.Err, f.Error = w.err, w.err.Error()
	} else {
		own := f.Own()
		f.Missing = own.Expected - own.Present
	}
	return f
}
