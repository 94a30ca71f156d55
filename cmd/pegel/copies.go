package main

import (
	"cmp"
	"fmt"
	"slices"
	"sync"

	"pegel/internal/archive"
	"pegel/probes/probe"
)

// copyBook gathers what the comparisons of a migration's two sides came to: the last of each account and pass.
type copyBook struct {
	mu   sync.Mutex
	last map[[2]any]archive.AccountCopies
}

// note may be called from many goroutines.
func (b *copyBook) note(account int, c probe.Copies) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.last == nil {
		b.last = map[[2]any]archive.AccountCopies{}
	}
	b.last[[2]any{account, c.Pass}] = archive.AccountCopies{
		Account: account, Pass: c.Pass, Copied: c.Copied, There: c.There, Source: c.Source, Alike: c.Alike,
		Missing: c.Missing, Differing: c.Differing, Flags: c.Flags, Twice: c.Twice,
	}
}

// close writes the comparisons into the archive, if there were any, and says what they came to.
func (b *copyBook) close(d *driving) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.last) == 0 {
		return nil
	}
	out := new(archive.Copies)
	for _, a := range b.last {
		out.Accounts = append(out.Accounts, a)
	}
	slices.SortFunc(out.Accounts, func(a, b archive.AccountCopies) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Pass, b.Pass))
	})
	passes, _ := out.Sums()
	for _, p := range passes {
		fmt.Fprintf(d.env.stderr, "copy, pass %s: %d accounts with %d messages: %d copied, %d there before, %d alike, %d missing, %d differing, %d with other flags, %d too many\n",
			p.Pass, p.Account, p.Source, p.Copied, p.There, p.Alike, p.Missing, p.Differing, p.Flags, p.Twice)
	}
	return archive.WriteCopies(d.dir, out)
}
